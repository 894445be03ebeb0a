import type { TextPlace } from '../effect.ts';
import { type Command, parseOptions, type Shell } from '../shell.ts';
import type { Status } from '../status.ts';
import { UNKNOWN, type Value } from '../value.ts';

interface Search {
  readonly text: string;
  readonly at: TextPlace;
}

const FLAGS = ['-q', '-s', '-i', '-F', '-E', '-x', '--quiet', '--silent', '--fixed-strings', '--line-regexp'];
/** Made for the whole tree once all scripts have been read, or of no fixed content. */
const NOT_OF_SCRIPTS =
  /^\/(?:etc\/(?:passwd|group|g?shadow|shells|ld\.so\.cache|ca-certificates\.conf|pam\.d\/.*)|var\/lib\/dpkg\/.*|proc\/.*|sys\/.*|dev\/.*)$/;

/**
 * grep where what it looks for is plain text: in a file of the tree, in what the script itself printed, or for an account. Whatever else it is asked
 * prints and answers what nobody knows, and changes nothing.
 */
function grep(always: readonly string[]): Command {
  return (shell, words) => {
    const search = searchOf(shell, [...always, ...words]);
    const status = search === undefined ? 'unknown' : answer(shell, search);
    shell.print(UNKNOWN);
    return status;
  };
}

interface Asked extends Search {
  readonly file: string | undefined;
  readonly ignoresCase: boolean;
}

function searchOf(shell: Shell, words: readonly Value[]): Asked | undefined {
  if (!words.every((word) => typeof word === 'string' && (!word.startsWith('-') || isFlags(word)))) return undefined;
  const { options, operands } = parseOptions(shell, words, { flags: FLAGS });
  const [pattern, file, ...others] = operands;
  if (pattern === undefined || others.length > 0 || file === '-') return undefined;
  const has = (...names: readonly string[]) => names.some((name) => options.has(name));
  const isFixed = has('-F', '--fixed-strings');
  const search = isFixed ? ({ text: pattern, at: 'anywhere' } as const) : plainSearch(pattern, has('-E'));
  if (search === undefined || search.text === '' || search.text.includes('\n')) return undefined;
  const at = has('-x', '--line-regexp') ? 'line' : search.at;
  return { text: search.text, at, file, ignoresCase: options.has('-i') };
}

function isFlags(word: string): boolean {
  return word.startsWith('--')
    ? FLAGS.includes(word)
    : [...word.slice(1)].every((letter) => FLAGS.includes(`-${letter}`));
}

/** A regular expression that is plain text between anchors; `undefined` for any other. */
function plainSearch(pattern: string, isExtended: boolean): Search | undefined {
  const match = /^(\^?)((?:[^\\.*[\]^$]|\\[.*[\]^$/])*)(\$?)$/.exec(pattern);
  if (match === null || (isExtended && /[+?(){}|]/.test(pattern))) return undefined;
  const [, start, body = '', end] = match;
  const text = body.replace(/\\(.)/g, '$1');
  if (start !== '') return { text, at: end === '' ? 'start' : 'line' };
  return { text, at: end === '' ? 'anywhere' : 'end' };
}

function answer(shell: Shell, { file, ignoresCase, ...search }: Asked): Status {
  const account = search.at === 'start' ? /^([a-z_][-\w.]*):$/.exec(search.text)?.[1] : undefined;
  if (file === undefined) {
    const { input } = shell;
    if (typeof input === 'string') return ignoresCase || input.includes('\\') ? 'unknown' : contains(input, search);
    return account !== undefined && input?.kind === 'accounts' ? { kind: input.of, name: account } : 'unknown';
  }
  const path = shell.resolve(file);
  if (account !== undefined && path === '/etc/passwd') return { kind: 'user', name: account };
  if (account !== undefined && path === '/etc/group') return { kind: 'group', name: account };
  if (ignoresCase || shell.beforeUnpacking || NOT_OF_SCRIPTS.test(path)) return 'unknown';
  return { kind: 'text', path, ...search };
}

/** Whether a line of the content has the text at its place. */
export function contains(content: string, { text, at }: Search): boolean {
  const lines = content.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.some((line) => {
    if (at === 'line') return line === text;
    if (at === 'start') return line.startsWith(text);
    return at === 'end' ? line.endsWith(text) : line.includes(text);
  });
}

export const SEARCHING_COMMANDS: Readonly<Record<string, Command>> = {
  egrep: grep(['-E']),
  fgrep: grep(['-F']),
  grep: grep([]),
};
