import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Context } from '../context.ts';
import { sha256 } from '../digest.ts';
import { CogplanError } from '../errors.ts';
import { parseLock } from '../lock/read-lock.ts';
import type { Lock } from '../lock/schema.generated.ts';
import { formatLock } from '../lock/write-lock.ts';

export const LOCK_FILE = 'cogplan.lock';

export async function readLockFile(directory: string): Promise<Lock | undefined> {
  let text: string;
  try {
    text = await readFile(join(directory, LOCK_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return parseLock(text, LOCK_FILE);
}

export async function requireLockFile(directory: string): Promise<Lock> {
  const lock = await readLockFile(directory);
  if (lock !== undefined) return lock;
  throw new CogplanError('COGPLAN_LOCK_MISSING', `there is no ${LOCK_FILE} in ${directory}`, {
    subject: LOCK_FILE,
    hint: 'Run `cogplan lock` first.',
  });
}

/**
 * Writes the lock: temporary file, fsync, rename, so that a reader finds the old one or the new one, whole. Returns false,
 * and leaves the file alone, when it says so already.
 */
export async function writeLockFile(directory: string, lock: Lock): Promise<boolean> {
  const path = join(directory, LOCK_FILE);
  const text = formatLock(lock);
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return false;
  const temporary = join(directory, `.${LOCK_FILE}.${process.pid}.tmp`);
  try {
    const file = await open(temporary, 'wx', 0o666);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  const parent = await open(dirname(path), 'r');
  await parent.sync().finally(() => parent.close());
  return true;
}

/** Runs `work` as the only writer of a project's lock, across processes. */
export function withProject<T>(context: Context, directory: string, work: () => Promise<T>): Promise<T> {
  return context.store.exclusive(`project-${sha256(directory)}`, work);
}
