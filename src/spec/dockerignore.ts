import { posix } from 'node:path';
import { CogplanError } from '../errors.ts';

/** Patterns of a .dockerignore, by the rules of Docker's own matcher. */
export interface IgnoreRules {
  /** Judges a path whose parent was judged before; `parent` is undefined at the top. */
  judge(path: string, parent: IgnoreVerdict | undefined): IgnoreVerdict;
  /** Whether anything below an ignored directory may be taken back by a `!` pattern. */
  mayReinclude(directory: string): boolean;
}

export interface IgnoreVerdict {
  readonly ignored: boolean;
  /** For each pattern, whether it matched the path or one of its parents. */
  readonly matched: readonly boolean[];
}

interface Pattern {
  readonly text: string;
  readonly negative: boolean;
  readonly matches: (path: string) => boolean;
}

const MAX_PATTERNS = 10_000;

/**
 * Reads the text of a .dockerignore; a pattern that Docker refuses is COGPLAN_IGNORE_FILE_INVALID with its line.
 * https://docs.docker.com/build/concepts/context/#dockerignore-files and https://github.com/moby/patternmatcher
 */
export function parseDockerignore(text: string, file: string): IgnoreRules {
  const patterns: Pattern[] = [];
  text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .forEach((line, index) => {
      const pattern = parsePattern(line, { file, line: index + 1, column: 1 });
      if (pattern !== undefined) patterns.push(pattern);
    });
  if (patterns.length > MAX_PATTERNS) {
    throw new CogplanError('COGPLAN_IGNORE_FILE_INVALID', `${file} has more than ${MAX_PATTERNS} patterns`, {
      where: { file },
    });
  }
  const negatives = patterns.filter((pattern) => pattern.negative).map((pattern) => pattern.text.split('/'));

  return {
    judge: (path, parent) => {
      let ignored = false;
      const matched = patterns.map((pattern, index) => {
        const match = parent?.matched[index] === true || pattern.matches(path);
        if (match) ignored = !pattern.negative;
        return match;
      });
      return { ignored, matched };
    },
    mayReinclude: (directory) => negatives.some((segments) => reachesBelow(segments, directory.split('/'))),
  };
}

function parsePattern(line: string, where: { file: string; line: number; column: number }): Pattern | undefined {
  if (line.startsWith('#') || line.trim() === '') return undefined;
  const negative = line.trim().startsWith('!');
  const written = negative ? line.trim().slice(1).trim() : line.trim();
  const invalid = (reason: string): CogplanError =>
    new CogplanError('COGPLAN_IGNORE_FILE_INVALID', `the pattern "${line.trim()}" ${reason}`, {
      where,
      hint: 'Escape a literal character with a backslash.',
    });
  if (written === '') throw invalid('is empty after "!"');
  const text = cleanPath(written);
  try {
    return { text, negative, matches: compile(text) };
  } catch (error) {
    if (error instanceof SyntaxError) throw invalid('is malformed');
    throw error;
  }
}

function cleanPath(path: string): string {
  const clean = posix.normalize(path).replace(/(?<=.)\/$/, '');
  return clean.length > 1 && clean.startsWith('/') ? clean.slice(1) : clean;
}

// A pattern without special characters compares text; one that starts or ends with `**` and has no other compares an end of the path;
// the rest becomes a regular expression. The three differ in corner cases that people have come to rely on.
function compile(pattern: string): (path: string) => boolean {
  const characters = [...pattern];
  let kind: 'exact' | 'prefix' | 'suffix' | 'expression' = 'exact';
  let source = '';
  for (let index = 0; index < characters.length; index++) {
    const character = characters[index] ?? '';
    const isFirst = index === 0;
    if (character === '*' && characters[index + 1] === '*') {
      index += characters[index + 2] === '/' ? 2 : 1;
      if (index + 1 < characters.length) {
        source += '(?:.*/)?';
        kind = 'expression';
      } else if (kind === 'exact') {
        kind = 'prefix';
      } else {
        source += '.*';
        kind = 'expression';
      }
      if (isFirst) kind = 'suffix';
    } else if (character === '*' || character === '?') {
      source += character === '*' ? '[^/]*' : '[^/]';
      kind = 'expression';
    } else if (character === '[') {
      const end = findClassEnd(characters, index);
      source += characters.slice(index, end + 1).join('');
      index = end;
      kind = 'expression';
    } else if (character === '\\') {
      index += 1;
      const next = characters[index];
      if (next === undefined) throw new SyntaxError('nothing to escape');
      source += quote(next);
      kind = 'expression';
    } else {
      source += quote(character);
    }
  }
  switch (kind) {
    case 'exact':
      return (path) => path === pattern;
    case 'prefix': {
      const prefix = pattern.slice(0, -2);
      return (path) => path.startsWith(prefix);
    }
    case 'suffix': {
      const suffix = pattern.slice(2);
      return (path) => path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1));
    }
    case 'expression': {
      const expression = new RegExp(`^${source}$`, 'su');
      return (path) => expression.test(path);
    }
  }
}

function findClassEnd(characters: readonly string[], start: number): number {
  let index = start + (characters[start + 1] === '^' ? 2 : 1);
  const first = index;
  for (; index < characters.length; index++) {
    if (characters[index] === '\\') index++;
    else if (characters[index] === ']' && index > first) return index;
  }
  throw new SyntaxError('the bracket is not closed');
}

function quote(character: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}

function reachesBelow(pattern: readonly string[], directory: readonly string[]): boolean {
  for (const [index, segment] of directory.entries()) {
    const wanted = pattern[index];
    if (wanted === undefined) return false;
    if (wanted.includes('**')) return true;
    if (!/[*?[\\]/.test(wanted) && wanted !== segment) return false;
  }
  return true;
}
