import { posix } from 'node:path';
import { isChosenBy } from './chosen.ts';
import type { WeightSet } from './spec.ts';

/** Tells which paths of the project are in one of these sets, and so do not lie in the source layer. */
export function isProjectWeight(weights: readonly WeightSet[]): (path: string) => boolean {
  const own = weights.flatMap(({ sources }) =>
    sources
      .filter(({ uri }) => !/^(?!file:)[a-z][a-z0-9+.-]*:\/\//i.test(uri))
      .map((source) => ({
        root: posix.normalize(source.uri.replace(/^file:\/\//, '')).replace(/\/+$/, ''),
        isChosen: isChosenBy(source),
      })),
  );
  return (path) =>
    own.some(({ root, isChosen }) => {
      if (path === root) return isChosen(posix.basename(path));
      const below = root === '.' ? path : path.startsWith(`${root}/`) ? path.slice(root.length + 1) : undefined;
      return below !== undefined && isChosen(below);
    });
}
