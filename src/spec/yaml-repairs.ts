import { parseDocument } from 'yaml';
import { canonicalJson, type Json } from '../canonical.ts';
import { applyEdits, type Fix, type LinesEdit } from './edit-spec.ts';

/** Lines by their index, and what each becomes in every way that the repair could be meant. */
export interface Repair {
  readonly text: string;
  readonly ways: readonly (readonly (readonly [index: number, line: string])[])[];
}

/** The repair as a fix, if it makes the file readable, and means one thing whichever way it is made. */
export function certainFixes(text: string, file: string, { text: what, ways }: Repair): readonly Fix[] {
  const lines = text.split(/\r\n|\r|\n/);
  const found = new Map<string, readonly LinesEdit[]>();
  for (const way of ways) {
    const edits = way.flatMap(([index, line]): readonly LinesEdit[] =>
      lines[index] === line ? [] : [{ file, line: index + 1, lines: [lines[index] ?? ''], become: [line] }],
    );
    const meaning = edits.length === 0 ? undefined : meaningOf(text, edits);
    if (meaning !== undefined && !found.has(meaning)) found.set(meaning, edits);
  }
  const [edits] = found.values();
  return found.size === 1 && edits !== undefined ? [{ text: what, edits }] : [];
}

/** What a changed file says; undefined when it cannot be read. */
function meaningOf(text: string, edits: readonly LinesEdit[]): string | undefined {
  try {
    const document = parseDocument(applyEdits(text, edits), { merge: true, version: '1.2', prettyErrors: false });
    return document.errors.length > 0 ? undefined : canonicalJson(document.toJS({ maxAliasCount: 100 }) as Json);
  } catch {
    return undefined;
  }
}

/** A repair that changes one line. */
export function oneLine(index: number, line: string, text: string): Repair {
  return { text, ways: [[[index, line]]] };
}

/** The line with what lies below it; and alone, unless others stand beside it, which would then go on with it. */
export function indentations(
  lines: readonly string[],
  index: number,
  wanted: number,
): readonly (readonly (readonly [number, string])[])[] {
  const indent = indentOf(lines[index] ?? '');
  const moved = (line: string): string =>
    `${' '.repeat(Math.max(0, indentOf(line) + wanted - indent))}${line.trimStart()}`;
  const block: number[] = [index];
  for (let at = index + 1; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (line.trim() !== '' && indentOf(line) < indent) break;
    if (line.trim() !== '') block.push(at);
  }
  const together = block.map((at) => [at, moved(lines[at] ?? '')] as const);
  const hasSiblings = block.some((at) => at !== index && indentOf(lines[at] ?? '') === indent);
  return hasSiblings ? [together] : [[[index, moved(lines[index] ?? '')]], together];
}

export function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** Lines whose indentation holds tabs, with tab stops at every `width` columns. */
export function withoutTabs(lines: readonly string[], width: number): readonly (readonly [number, string])[] {
  return lines.flatMap((line, index): readonly (readonly [number, string])[] => {
    const [indent = ''] = /^[ \t]*/.exec(line) ?? [];
    if (!indent.includes('\t')) return [];
    let column = 0;
    for (const character of indent) column = character === '\t' ? column + width - (column % width) : column + 1;
    return [[index, `${' '.repeat(column)}${line.slice(indent.length)}`]];
  });
}
