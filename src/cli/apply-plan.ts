import { stat } from 'node:fs/promises';
import { CogplanError } from '../errors.ts';
import { staleKeys } from '../plan/check.ts';
import { lockDigest } from '../plan/diff/diff-locks.ts';
import type { Plan } from '../plan/diff/schema.generated.ts';
import { bundledSdk } from '../sources/bundled-runtime.ts';
import { LOCK_FILE, readLockFile, writeLockFile } from './project-lock.ts';
import { readProjectSpec } from './project-spec.ts';

/** Whether an argument names a file rather than a project's directory: then it is a plan. */
export async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/**
 * Writes the lock of a plan into its project, if the project still is as it was when the plan was made. Throws COGPLAN_PLAN_STALE, naming what moved, if
 * not. A lock that is the plan's already is left alone.
 */
export async function acceptPlan(directory: string, plan: Plan): Promise<void> {
  const lock = await readLockFile(directory);
  const present = lock === undefined ? null : lockDigest(lock);
  const spec = await readProjectSpec(directory, { lock: plan.lock });
  const moved = staleKeys(plan.lock, { spec, sdk: bundledSdk() }).map(({ family, key }) => `${key} (family ${family})`);
  if (present !== plan.after && present !== plan.before) {
    moved.unshift(plan.before === null ? `${LOCK_FILE}, which did not exist` : LOCK_FILE);
  }
  if (moved.length > 0) {
    const both = moved.length > 1 && moved[0]?.startsWith(LOCK_FILE);
    throw new CogplanError('COGPLAN_PLAN_STALE', `moved since the plan was made: ${moved.join(', ')}`, {
      subject: moved[0],
      hint: `${both ? 'Is it the plan of another project? ' : ''}Make the plan again with \`cogplan plan --out\`.`,
      data: { moved },
    });
  }
  await writeLockFile(directory, plan.lock);
}
