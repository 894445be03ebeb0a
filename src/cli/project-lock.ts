import { readFile, readlink, realpath } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Context } from '../context.ts';
import { sha256 } from '../digest.ts';
import { CogplanError } from '../errors.ts';
import type { Lock } from '../lock/schema.generated.ts';
import { formatLock } from '../lock/write-lock.ts';
import { replaceFile } from './replace-file.ts';

export const LOCK_FILE = 'cogplan.lock';

export async function readLockFile(directory: string): Promise<Lock | undefined> {
  let text: string;
  try {
    text = await readFile(join(directory, LOCK_FILE), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code !== 'EISDIR') throw error;
    throw new CogplanError('COGPLAN_FILE_SYSTEM', `${LOCK_FILE} in ${directory} is a directory, not a file`, {
      subject: LOCK_FILE,
      hint: 'Move it away, then run `cogplan lock`.',
    });
  }
  // What checks a lock is large, and not needed for a project without one.
  const { parseLock } = await import('../lock/read-lock.ts');
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

/** Whether the project's lock file holds exactly this. */
export async function isLocked(directory: string, lock: Lock): Promise<boolean> {
  return (await readFile(join(directory, LOCK_FILE), 'utf8').catch(() => undefined)) === formatLock(lock);
}

/**
 * Writes the lock, whole or not at all; where the project links to a lock elsewhere, the one elsewhere. Returns false, and leaves the file
 * alone, when it says so already.
 */
export async function writeLockFile(directory: string, lock: Lock): Promise<boolean> {
  const path = join(directory, LOCK_FILE);
  const text = formatLock(lock);
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return false;
  await replaceFile(await linkTarget(path), text);
  return true;
}

async function linkTarget(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // Nothing stands there, but a link to what is not there yet may.
    return readlink(path).then(
      (target) => resolve(dirname(path), target),
      () => path,
    );
  }
}

/** Runs `work` as the only writer of a project's lock, across processes. */
export function withProject<T>(context: Context, directory: string, work: () => Promise<T>): Promise<T> {
  return context.store.exclusive(`project-${sha256(directory)}`, work);
}
