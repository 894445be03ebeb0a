import { type Fetch, findFetches } from '../formats/python/source/fetches.ts';
import { reachableFiles } from '../formats/python/source/reachable-files.ts';
import type { ProjectPython } from './project-python.ts';
import type { Notice, Spec } from './spec.ts';

/** What a project's model fetches when it runs, as far as its text tells: in the files that the model imports. */
export function unpinnedFetches(spec: Spec, python: ProjectPython): readonly Fetch[] {
  const roots = [spec.predict, spec.train].flatMap((target) => (target === undefined ? [] : [target.file]));
  const files = reachableFiles(python, roots).flatMap((path) => {
    const text = python.read(path);
    return text === undefined ? [] : [{ path, text }];
  });
  return findFetches(files, new Map(spec.environment.map(({ name, value }) => [name, value])));
}

/** Each as a warning of `lock`. */
export function fetchNotices(fetches: readonly Fetch[]): readonly Notice[] {
  return fetches.map(({ file, line, call, kind, value }) => ({
    level: 'warn',
    code: 'lock.unpinned-fetch',
    text:
      value === undefined
        ? `${call} fetches something when the model runs, and what cannot be told from the code; nothing pins it`
        : `${call} fetches ${KINDS[kind]}${value} when the model runs; nothing pins it`,
    where: { file, line },
  }));
}

const KINDS = { url: '', hub: 'the repository ', 'torch-hub': 'the repository ', named: 'the weights ' } as const;
