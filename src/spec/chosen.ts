import { posix } from 'node:path';
import ignore from 'ignore';
import { CogplanError, printable } from '../errors.ts';
import type { WeightSource } from './spec.ts';

const MOST_PATH_BYTES = 1024;

type Patterns = Pick<WeightSource, 'include' | 'exclude'>;

/** As `isChosenBy`, for paths from elsewhere: what could leave the target, or stand for two paths, is COGPLAN_WEIGHTS_PATH. */
export function chosenBy(patterns: Patterns): (path: string) => boolean {
  const isChosen = isChosenBy(patterns);
  return (path) => {
    checkPath(path);
    return isChosen(path);
  };
}

/**
 * Which files of a source are taken: those that some include pattern matches, if there are any, and no exclude pattern. Patterns are those of
 * .gitignore, upper and lower case told apart. https://git-scm.com/docs/gitignore#_pattern_format
 */
export function isChosenBy({ include, exclude }: Patterns): (path: string) => boolean {
  const [isIncluded, isExcluded] = [matcherOf(include), matcherOf(exclude)];
  return (path) => (include.length === 0 || isIncluded(path)) && !isExcluded(path);
}

/** The pattern that names this path of the source, and nothing else but what lies below it. */
export function patternOf(path: string): string {
  return `/${path.replace(/[\\*?[\]]|\s$/g, '\\$&')}`;
}

/** Patterns that name a path are looked up: there may be as many as there are files. */
function matcherOf(patterns: readonly string[]): (path: string) => boolean {
  const named = new Set<string>();
  const rest: string[] = [];
  for (const pattern of patterns) {
    const path = pathOf(pattern);
    if (path === undefined) rest.push(pattern);
    else named.add(path);
  }
  const other = ignore({ ignorecase: false }).add(rest);
  return (path) => {
    for (let at = path; named.size > 0 && at !== '.' && at !== '/'; at = posix.dirname(at)) {
      if (named.has(at)) return true;
    }
    return rest.length > 0 && ignore.isPathValid(path) && other.ignores(path);
  };
}

/** What a pattern that starts with "/" and holds no wildcard names. */
function pathOf(pattern: string): string | undefined {
  if (!/^\/(?:[^\\*?[\]]|\\.)*(?:[^\\*?[\]/\s]|\\.)$/su.test(pattern)) return undefined;
  return pattern.slice(1).replace(/\\(.)/gsu, '$1');
}

function checkPath(path: string): void {
  const segments = path.split('/');
  const isSafe =
    path !== '' &&
    Buffer.byteLength(path) <= MOST_PATH_BYTES &&
    !path.includes('\\') &&
    printable(path) === path &&
    segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..');
  if (isSafe) return;
  throw new CogplanError('COGPLAN_WEIGHTS_PATH', `a weight file is named ${JSON.stringify(path.slice(0, 200))}`, {
    subject: path.slice(0, 200),
    hint: 'Paths of weights are relative, with "/" between names; exclude the file, or rename it at its source.',
  });
}
