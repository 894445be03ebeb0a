import { readFileSync, realpathSync, statSync } from 'node:fs';
import { sep } from 'node:path';
import type { ProjectFiles } from '../formats/python/source/project-code.ts';
import { listSourceTree } from './source-tree.ts';

/** UTF-8 takes at most this for what is read at all. */
const MAX_BYTES = 4 * 1024 * 1024;

export interface ProjectPython extends ProjectFiles {
  /** Every Python file that enters the image, sorted byte-wise. */
  readonly paths: readonly string[];
}

/** The Python files of a project that enter its image; what .dockerignore leaves out is not there. */
export async function openProjectPython(directory: string): Promise<ProjectPython> {
  const root = realpathSync(directory) + sep;
  const files = new Map(
    (await listSourceTree(directory))
      .filter(({ type, path }) => type !== 'directory' && path.endsWith('.py'))
      .map(({ path, absolute }) => [path, absolute]),
  );
  return {
    paths: [...files.keys()],
    read: (path) => {
      const absolute = files.get(path);
      return absolute === undefined ? undefined : readInside(root, absolute);
    },
  };
}

function readInside(root: string, absolute: string): string | undefined {
  try {
    const path = realpathSync(absolute);
    const info = statSync(path);
    return path.startsWith(root) && info.isFile() && info.size <= MAX_BYTES ? readFileSync(path, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}
