import type { Plan } from '../../plan/diff/schema.generated.ts';
import { MARK_WORDS, outlineOf, type Row, type Section } from './plan-outline.ts';
import { releasePage } from './release-page.ts';

/** What GitHub takes as one comment, with room to spare. */
const MAX_CHARACTERS = 60_000;

/** The plan as a comment on a pull request: what alarms, a table by family, long lists folded, cut to what a comment may hold. */
export function planMarkdown(plan: Plan): string {
  const outline = outlineOf(plan);
  const head = [`### cogplan: ${text(outline.headline)}`, ''];
  if (outline.alarms.length > 0) {
    head.push('> [!WARNING]', ...outline.alarms.map((row) => `> ${alarm(row)}`), '');
  }
  const tail = [
    ...outline.holds.map((hold) => `- Held: ${text(hold)}`),
    ...outline.notes.map((note) => `- Note: ${text(note)}`),
    ...outline.consequences.map((consequence) => `- ${text(consequence)}`),
  ];
  const room = MAX_CHARACTERS - [...head, ...tail].join('\n').length;
  return `${[...head, ...fitting(outline.sections, room), ...tail].join('\n').trimEnd()}\n`;
}

function alarm({ change, subject, versions, risks, reason }: Row): string {
  return `**${change.family} ${code(subject)}** ${text(versions)}: ${text([...risks, reason].join('; '))}<br>`;
}

function fitting(sections: readonly Section[], room: number): readonly string[] {
  const lines: string[] = [];
  let left = room;
  let cut = 0;
  for (const section of sections) {
    const whole = sectionLines(section);
    const size = whole.reduce((sum, item) => sum + item.length + 1, 0);
    if (size <= left - 200) {
      lines.push(...whole);
      left -= size;
    } else cut += section.rows.length + section.folded.length;
  }
  if (cut > 0) lines.push(`_${cut} more changes do not fit into a comment; \`cogplan plan\` shows them._`, '');
  return lines;
}

function sectionLines({ title, counts, rows, folded }: Section): readonly string[] {
  const lines = [`#### ${title}: ${counts}`, ''];
  if (rows.length > 0) lines.push(...table(rows), '');
  if (folded.length > 0) {
    lines.push(
      '<details>',
      `<summary>${rows.length > 0 ? `${folded.length} more` : `${folded.length} changes`}</summary>`,
      '',
    );
    lines.push(...table(folded), '', '</details>', '');
  }
  return lines;
}

/** Columns that say nothing in any row are left out. */
function table(rows: readonly Row[]): readonly string[] {
  const columns: readonly (readonly [string, (row: Row) => string])[] = [
    ['', ({ mark }) => MARK_WORDS[mark]],
    ['subject', name],
    ['change', ({ versions }) => text(versions)],
    ['to fetch', ({ size }) => size],
    ['why', ({ reason }) => text(reason)],
    ['look at', ({ risks }) => text(risks.join('; '))],
  ];
  const used = columns.filter(([, cell]) => rows.some((row) => cell(row) !== ''));
  const lineOf = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    lineOf(used.map(([title]) => title)),
    lineOf(used.map(() => '---')),
    ...rows.map((row) => lineOf(used.map(([, cell]) => cell(row)))),
  ];
}

function name({ subject, change }: Row): string {
  const page = releasePage(change);
  return page === undefined ? code(subject) : `[${code(subject)}](${page})`;
}

/** In back-ticks nothing is a mention, a link or markup. */
function code(subject: string): string {
  return `\`${subject.replace(/`/g, "'").replace(/\|/g, '\\|')}\``;
}

/** Text in a table cell: no markup, no mentions, no cell borders. */
function text(value: string): string {
  return value
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/([\\`*_[\]|~#])/g, '\\$1')
    .replace(/@/g, '@&#8203;');
}
