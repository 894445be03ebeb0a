import { randomBytes } from 'node:crypto';
import { existsSync, rmdirSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { CogplanError } from '../errors.ts';
import { formatIdentity, thisProcess } from './process-identity.ts';

/** Where things lie in a store, and how this process gets private names in it. */
export interface Layout {
  readonly root: string;
  readonly blobs: string;
  readonly partial: string;
  readonly derived: string;
  readonly locks: string;
  readonly leases: string;
  readonly quarantine: string;
  readonly stamps: string;
  /** Cached responses of the HTTP client. */
  readonly responses: string;
  readonly tmp: string;
  /** A fresh path below this process's part of `tmp/`, whose parent exists. */
  temporaryPath(prefix: string): Promise<string>;
}

/** Creates the directories of a store. Fails with COGPLAN_STORE_UNUSABLE. */
export async function createLayout(root: string): Promise<Layout> {
  const tmp = join(root, 'tmp');
  const own = join(tmp, formatIdentity(thisProcess));
  const layout: Layout = {
    root,
    blobs: join(root, 'blobs', 'sha256'),
    partial: join(root, 'partial'),
    derived: join(root, 'derived'),
    locks: join(root, 'locks'),
    leases: join(root, 'leases'),
    quarantine: join(root, 'quarantine'),
    stamps: join(root, 'stamps'),
    responses: join(root, 'cache', 'http'),
    tmp,
    temporaryPath: async (prefix) => {
      await makeDirectory(own);
      removeWhenEmptyAtExit(own);
      return join(own, `${prefix}-${randomBytes(8).toString('hex')}`);
    },
  };
  try {
    const directories = [layout.blobs, tmp, layout.partial, layout.derived, layout.locks, layout.leases];
    // The first makes the root for the others.
    if (!existsSync(layout.blobs)) await makeDirectory(layout.blobs);
    await Promise.all(directories.map(makeDirectory));
  } catch (error) {
    throw storeUnusable(error, root);
  }
  return layout;
}

/** Like `mkdir -p`, with mode 0755 whatever the umask is. */
export async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o755 });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = join(made, '..')) await chmod(made, 0o755);
}

/** Wraps what the operating system said about the store itself; errors of cogplan's own pass unchanged. */
export function storeUnusable(error: unknown, root: string): unknown {
  if (error instanceof CogplanError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === undefined || !Object.hasOwn(HINTS, code)) return error;
  return new CogplanError('COGPLAN_STORE_UNUSABLE', `the store ${root} cannot be used: ${(error as Error).message}`, {
    subject: root,
    hint: HINTS[code],
    cause: error,
  });
}

const ELSEWHERE = 'Set COGPLAN_STORE to a directory that you may write to.';
const HINTS: Readonly<Record<string, string>> = {
  EACCES: ELSEWHERE,
  EPERM: ELSEWHERE,
  EROFS: ELSEWHERE,
  ENOTDIR: ELSEWHERE,
  ENOSPC: 'The disk is full: run `cogplan store gc`, or set COGPLAN_STORE to a directory on a larger disk.',
  EDQUOT: 'The quota is used up: run `cogplan store gc`, or set COGPLAN_STORE to a directory elsewhere.',
};

const emptyAtExit = new Set<string>();

/** The process's, not a worker thread's: the directory is shared by all its threads. */
function removeWhenEmptyAtExit(directory: string): void {
  if (!isMainThread) return;
  if (emptyAtExit.size === 0) {
    process.once('exit', () => {
      for (const path of emptyAtExit) {
        try {
          rmdirSync(path);
        } catch {
          // Not empty: a later `gc` sees that its owner is gone.
        }
      }
    });
  }
  emptyAtExit.add(directory);
}
