import pc from 'picocolors';
import stringWidth from 'string-width';
import type { Plan } from '../../plan/diff/schema.generated.ts';
import { MARK_WORDS, type Mark, outlineOf, type Row, type Section } from './plan-outline.ts';

export interface TextOptions {
  /** Columns; at least 40 are used. */
  readonly width: number;
  readonly color: boolean;
  /** Show every change, however many there are. */
  readonly full?: boolean;
}

type Paint = ReturnType<typeof pc.createColors>;

/** The plan for a terminal or a log: lines no wider than asked, every colour beside a mark that says the same. */
export function planText(plan: Plan, { width, color, full = false }: TextOptions): readonly string[] {
  const outline = outlineOf(plan);
  const paint = pc.createColors(color);
  const columns = Math.max(40, width);
  const lines: string[] = [];
  if (outline.alarms.length > 0) {
    lines.push(paint.bold(paint.red('Look at these first:')));
    for (const row of outline.alarms) lines.push(...alarm(row, paint, columns));
    lines.push('');
  }
  for (const section of outline.sections) lines.push(...sectionLines(section, { paint, columns, full }), '');
  for (const hold of outline.holds) lines.push(...wrap(`Held: ${hold}`, columns, '  '));
  for (const note of outline.notes) lines.push(...wrap(`Note: ${note}`, columns, '  '));
  for (const text of outline.consequences) lines.push(...wrap(text, columns, '  '));
  const marks = [...new Set(plan.changes.length === 0 ? [] : shownMarks(outline.sections, full))];
  if (marks.length > 0)
    lines.push(...wrap(marks.map((mark) => `${mark} ${MARK_WORDS[mark]}`).join('   '), columns, '').map(paint.dim));
  lines.push(paint.bold(outline.headline));
  return lines;
}

function alarm(
  { mark, change, subject, versions, risks, reason }: Row,
  paint: Paint,
  columns: number,
): readonly string[] {
  const [first = '', ...rest] = wrap(`${mark} ${change.family}: ${subject} ${versions}`, columns - 2, '    ');
  const story = [...risks, reason].filter((text) => text !== '').join('; ');
  return [
    `  ${paint.bold(paint.red(first))}`,
    ...rest.map((text) => `  ${text}`),
    ...wrap(story, columns - 4, '').map((text) => `    ${text}`),
  ];
}

interface SectionInput {
  readonly paint: Paint;
  readonly columns: number;
  readonly full: boolean;
}

function sectionLines(
  { title, counts, rows, folded }: Section,
  { paint, columns, full }: SectionInput,
): readonly string[] {
  const shown = full ? [...rows, ...folded] : rows;
  const lines = [paint.bold(`${title}: ${counts}`)];
  const subjectWidth = Math.min(
    Math.floor(columns / 3),
    Math.max(0, ...shown.map(({ subject }) => stringWidth(subject))),
  );
  const versionWidth = Math.min(
    Math.floor(columns / 2),
    Math.max(0, ...shown.map(({ versions }) => stringWidth(versions))),
  );
  for (const row of shown) {
    const head = `  ${paintMark(row.mark, paint)} ${pad(row.subject, subjectWidth)} ${pad(row.versions, versionWidth)}`;
    const headWidth =
      4 + Math.max(subjectWidth, stringWidth(row.subject)) + 1 + Math.max(versionWidth, stringWidth(row.versions));
    const story = [row.size, ...row.risks, row.reason].filter((text) => text !== '').join('; ');
    if (headWidth > columns) {
      lines.push(...wrap(`${row.mark} ${row.subject} ${row.versions}`, columns - 2, '    ').map((text) => `  ${text}`));
      lines.push(...storyLines(story, columns, paint));
    } else if (headWidth + 2 + stringWidth(story) <= columns) {
      lines.push(`${head}  ${paint.dim(story)}`.trimEnd());
    } else {
      lines.push(head.trimEnd(), ...storyLines(story, columns, paint));
    }
  }
  if (!full && folded.length > 0) {
    const names = folded.map(({ subject }) => subject).join(', ');
    lines.push(
      ...wrap(`… and ${folded.length} more: ${names}`, columns - 2, '  ', MAX_FOLDED_LINES).map(
        (text) => `  ${paint.dim(text)}`,
      ),
    );
  }
  return lines;
}

const MAX_FOLDED_LINES = 4;

function storyLines(story: string, columns: number, paint: Paint): readonly string[] {
  return wrap(story, columns - 6, '').map((text) => `      ${paint.dim(text)}`);
}

function shownMarks(sections: readonly Section[], full: boolean): readonly Mark[] {
  return sections.flatMap(({ rows, folded }) => [...rows, ...(full ? folded : [])].map(({ mark }) => mark));
}

function paintMark(mark: Mark, paint: Paint): string {
  const by: Readonly<Record<Mark, (text: string) => string>> = {
    '+': paint.green,
    '-': paint.red,
    '~': paint.yellow,
    '!': (text) => paint.bold(paint.red(text)),
    '>': paint.cyan,
    '.': paint.dim,
  };
  return by[mark](mark);
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - stringWidth(text)));
}

/** Breaks at spaces; words that are too long are broken anywhere. What exceeds `most` lines ends in an ellipsis. */
function wrap(text: string, width: number, indent: string, most = Number.POSITIVE_INFINITY): readonly string[] {
  const lines: string[] = [];
  let current = '';
  const flush = (): void => {
    lines.push(current.trimEnd());
    current = indent;
  };
  for (const word of text.split(' ')) {
    for (const piece of pieces(word, width - indent.length)) {
      const joined = current === '' || current === indent ? `${current}${piece}` : `${current} ${piece}`;
      if (stringWidth(joined) <= width) current = joined;
      else {
        flush();
        current += piece;
      }
    }
  }
  if (current.trim() !== '') flush();
  if (lines.length <= most) return lines;
  return [...lines.slice(0, most - 1), `${(lines[most - 1] ?? '').slice(0, Math.max(1, width - 1))}…`];
}

function pieces(word: string, width: number): readonly string[] {
  if (stringWidth(word) <= width) return [word];
  const parts: string[] = [];
  let part = '';
  for (const character of word) {
    if (stringWidth(part + character) > width) {
      parts.push(part);
      part = '';
    }
    part += character;
  }
  return [...parts, part];
}
