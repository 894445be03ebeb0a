import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import type { Layout } from './layout.ts';
import { isAbandoned } from './leases.ts';
import { removeTree } from './remove-tree.ts';

/**
 * Removes what processes that are gone left in `tmp/`: half-written files, and directories that were being unpacked when they were
 * killed. What cannot be removed stays for the next time. Worker threads leave it to their process.
 */
export async function clearAbandoned(layout: Pick<Layout, 'tmp'>): Promise<void> {
  if (!isMainThread) return;
  for (const name of await readdir(layout.tmp).catch(() => [])) {
    const path = join(layout.tmp, name);
    if (await isAbandoned(name, path)) await removeTree(path).catch(() => {});
  }
}
