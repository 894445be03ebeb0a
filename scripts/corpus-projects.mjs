import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Real public projects, reduced to their configuration and requirements; not part of this repository. */
export const CORPUS = new URL('../../shared/corpus/', import.meta.url);

/** Numbers of the projects, or undefined where the corpus is not. */
export async function corpusNumbers() {
  const names = await readdir(CORPUS).catch(() => undefined);
  return names?.filter((name) => /^[0-9]{3}$/.test(name)).sort();
}

/** Copies a project and adds empty files for the Python code it names, which the corpus leaves out. */
export async function copyProject(number, directory) {
  await cp(new URL(`${number}/`, CORPUS), directory, { recursive: true });
  const text = await readFile(join(directory, 'cog.yaml'), 'utf8');
  for (const [, file = ''] of text.matchAll(/^(?:run|predict|train|model):\s*["']?([\w./ -]+\.py):/gm)) {
    const path = join(directory, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, '', { flag: 'a' });
  }
}
