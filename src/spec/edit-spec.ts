import { CogplanError, type Where } from '../errors.ts';

/** A change of a project file. */
export type SpecEdit = WordEdit | LinesEdit | SplitEdit;

/** A word that becomes another one. */
export interface WordEdit {
  /** Relative to the project. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly from: string;
  /** Empty: the whole line goes, if nothing else stands on it. */
  readonly to: string;
}

/** Whole lines that become others. */
export interface LinesEdit {
  /** Relative to the project. */
  readonly file: string;
  /** Of the first of them, from 1. */
  readonly line: number;
  /** As they stand there, without line ends. */
  readonly lines: readonly string[];
  readonly become: readonly string[];
}

/** A word that becomes several of its kind: lines of a file, or items of the list that it is an item of. */
export interface SplitEdit {
  /** Relative to the project. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly from: string;
  readonly into: readonly string[];
}

/** A change of the project's files that makes an error go away: `data.fixes` of the error holds them, likeliest first. */
export interface Fix {
  /** What is done, in people's words. */
  readonly text: string;
  readonly edits: readonly SpecEdit[];
  /** Instant for `--as-of`, for advice that is no change of a file. */
  readonly asOf?: string;
}

/** `data` of an error at `where` that goes away when one word becomes another. */
export function oneFix(where: Where, from: string, to: string): { readonly fixes?: readonly Fix[] } {
  if (where.line === undefined) return {};
  const text = to === '' ? `remove ${from}` : `write ${to}`;
  return { fixes: [{ text, edits: [{ file: where.file, line: where.line, from, to }] }] };
}

/** The same, when one word becomes several. */
export function splitFix(where: Where, from: string, into: readonly string[]): { readonly fixes?: readonly Fix[] } {
  if (where.line === undefined || into.length === 0) return {};
  if (into.length === 1) return oneFix(where, from, into[0] ?? '');
  const text = `write ${into.slice(0, 10).join(', ')}${into.length > 10 ? ', …' : ''}, each for itself`;
  return { fixes: [{ text, edits: [{ file: where.file, line: where.line, from, into }] }] };
}

/** The fixes that an error offers. */
export function fixesOf(error: unknown): readonly Fix[] {
  if (!(error instanceof CogplanError)) return [];
  const fixes = error.data?.fixes;
  return Array.isArray(fixes) ? (fixes as readonly Fix[]) : [];
}

/**
 * Applies the edits of one file to its text: comments, quotes and layout stay. COGPLAN_FIX_STALE when a line no longer holds
 * the word that was read there, outside of its comment.
 */
export function applyEdits(text: string, edits: readonly SpecEdit[]): string {
  const lines: (string | undefined)[] = text.split('\n');
  for (const edit of edits) {
    if ('lines' in edit) {
      replaceLines(lines, edit);
      continue;
    }
    const line = lines[edit.line - 1];
    const at = line === undefined ? -1 : findWord(line, edit.from);
    if (line === undefined || at < 0) throw stale(edit, edit.from);
    if ('into' in edit) {
      lines[edit.line - 1] = split(line, at, edit);
      continue;
    }
    const changed = line.slice(0, at) + edit.to + line.slice(at + edit.from.length);
    const isEmpty = edit.to === '' && /^\s*-?\s*(?:""|'')?\s*(?:#.*)?\r?$/.test(changed);
    lines[edit.line - 1] = isEmpty ? undefined : changed;
  }
  return lines.filter((line) => line !== undefined).join('\n');
}

/** What stands between two lines that go stays behind them as one: later edits count lines as they were. */
function replaceLines(lines: (string | undefined)[], edit: LinesEdit): void {
  const first = edit.line - 1;
  for (const [at, expected] of edit.lines.entries()) {
    if (lines[first + at]?.replace(/\r$/, '') !== expected) throw stale(edit, expected.trim());
  }
  const end = lines[first]?.endsWith('\r') === true ? '\r' : '';
  for (const at of edit.lines.keys()) lines[first + at] = undefined;
  if (edit.become.length > 0) lines[first] = edit.become.map((line) => `${line}${end}`).join('\n');
}

/** Each part gets what stands around the word: its quotes, and the dash or the comma between items. */
function split(line: string, at: number, { from, into }: SplitEdit): string {
  const lineEnd = line.endsWith('\r') ? '\r\n' : '\n';
  const end = at + from.length;
  const quote = /["']/.test(line[at - 1] ?? '') && line[end] === line[at - 1] ? (line[at - 1] ?? '') : '';
  const before = line.slice(0, at - quote.length);
  const dashed = /^\s*(?:- )?$/.test(before);
  const separator = dashed ? `${quote}${lineEnd}${before}${quote}` : `${quote}, ${quote}`;
  return line.slice(0, at) + into.join(separator) + line.slice(end);
}

function stale({ file, line }: SpecEdit, subject: string): CogplanError {
  return new CogplanError('COGPLAN_FIX_STALE', `${file}:${line} does not say ${subject} any more`, {
    subject,
    where: { file, line },
    hint: 'Run `cogplan lock` again.',
  });
}

const PART_OF_A_WORD = /[A-Za-z0-9_.+~-]/;

function findWord(line: string, word: string): number {
  const comment = /(?:^|\s)#/.exec(line)?.index ?? line.length;
  for (let at = line.indexOf(word); at >= 0 && at < comment; at = line.indexOf(word, at + 1)) {
    const before = line[at - 1] ?? ' ';
    const after = line[at + word.length] ?? ' ';
    if (!PART_OF_A_WORD.test(before) && !PART_OF_A_WORD.test(after)) return at;
  }
  return -1;
}
