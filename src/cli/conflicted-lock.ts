import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isCogplanError } from '../errors.ts';
import { splitConflict } from '../lock/merge-conflict.ts';
import type { Lock } from '../lock/schema.generated.ts';
import { LOCK_FILE } from './project-lock.ts';

/** A lock in which a merge left the markers of a conflict. */
export interface ConflictedLock {
  readonly ours: Lock;
  readonly theirs: Lock;
  readonly oursName: string;
  readonly theirsName: string;
  /** What a reader of the file as it stands gets. */
  readonly error: unknown;
}

/**
 * Both sides of a lock that holds a merge conflict; undefined when it holds none. What git kept of the two branches is taken where it is there: a file
 * that was merged line by line may be no lock on either side. Errors: those of `parseLock`, for a side that is none.
 */
export async function readConflictedLock(directory: string): Promise<ConflictedLock | undefined> {
  const text = await readFile(join(directory, LOCK_FILE), 'utf8').catch(() => undefined);
  const sides = text === undefined ? undefined : splitConflict(text);
  if (text === undefined || sides === undefined) return undefined;
  const { parseLock } = await import('../lock/read-lock.ts');
  const { oursName, theirsName } = sides;
  const ours = (await stage(directory, 2)) ?? sides.ours;
  const theirs = (await stage(directory, 3)) ?? sides.theirs;
  return {
    ours: parseLock(ours, `${LOCK_FILE} of ${oursName}`),
    theirs: parseLock(theirs, `${LOCK_FILE} of ${theirsName}`),
    oursName,
    theirsName,
    error: errorOf(() => parseLock(text, LOCK_FILE)),
  };
}

/** https://git-scm.com/docs/gitrevisions: stage 2 is the version of the branch merged into, 3 that of the branch being merged. */
async function stage(directory: string, number: 2 | 3): Promise<string | undefined> {
  try {
    const { gitObject } = await import('./read-any-lock.ts');
    return await gitObject(`:${number}:./${LOCK_FILE}`, directory);
  } catch (error) {
    if (isCogplanError(error, 'COGPLAN_LOCK_MISSING')) return undefined;
    throw error;
  }
}

function errorOf(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return error;
  }
}
