import { realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { projectPath } from '../lock/project-url.ts';

/**
 * Where what a `project:` URL names lies now, links followed; undefined where it is gone, or leads out of the project. The project's own root is
 * in it.
 */
export async function findInProject(directory: string, url: string): Promise<string | undefined> {
  const root = await realpath(directory);
  const found = await realpath(join(root, projectPath(url) ?? '')).catch(() => undefined);
  return found === root || found?.startsWith(`${root}${sep}`) === true ? found : undefined;
}
