import { constants } from 'node:fs';
import { copyFile, lstat, mkdir, readdir, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bind } from '../apply/sandbox/sandbox.ts';

/** Files from this size on are shown in place rather than copied, and cannot be written to. */
const LARGE = 4 * 1024 * 1024;

/**
 * Puts into the private copy of the project what lower layers have at its place (weights, files of build.run), as one file system would show it: the
 * project's own files win. Small files are copied, so that a run may write beside them; for large ones the binds are returned that show them.
 */
export async function addLowerFiles(lower: string, copy: string, guest: string): Promise<readonly Bind[]> {
  const binds: Bind[] = [];
  const items = await readdir(lower, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  for (const item of items) {
    const [from, to, inside] = [join(lower, item.name), join(copy, item.name), `${guest}/${item.name}`];
    const present = await lstat(to).catch(() => undefined);
    if (item.isDirectory()) {
      if (present === undefined) await mkdir(to);
      else if (!present.isDirectory()) continue;
      binds.push(...(await addLowerFiles(from, to, inside)));
    } else if (present !== undefined) {
    } else if (item.isSymbolicLink()) {
      await symlink(await readlink(from), to);
    } else if ((await lstat(from)).size < LARGE) {
      await copyFile(from, to, constants.COPYFILE_FICLONE);
    } else {
      await writeFile(to, '', { flag: 'wx' });
      binds.push({ host: from, guest: inside, writable: false });
    }
  }
  return binds;
}
