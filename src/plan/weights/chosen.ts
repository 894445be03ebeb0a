import ignore from 'ignore';
import { CogplanError, printable } from '../../errors.ts';
import type { WeightSource } from '../../spec/spec.ts';

const MOST_PATH_BYTES = 1024;

/**
 * Which files of a source are taken: those that some include pattern matches, if there are any, and no exclude pattern. Patterns are those of
 * .gitignore. https://git-scm.com/docs/gitignore#_pattern_format
 */
export function chosenBy({ include, exclude }: Pick<WeightSource, 'include' | 'exclude'>): (path: string) => boolean {
  const [included, excluded] = [include, exclude].map((patterns) => ignore().add([...patterns]));
  return (path) => {
    checkPath(path);
    return (include.length === 0 || included?.ignores(path) === true) && excluded?.ignores(path) !== true;
  };
}

/** Refuses what could leave the target, or stand for two paths. Error: COGPLAN_WEIGHTS_PATH. */
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
