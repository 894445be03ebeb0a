import { CogplanError } from '../errors.ts';
import { lockDigest } from '../plan/diff/diff-locks.ts';
import type { Plan } from '../plan/diff/schema.generated.ts';
import { makePlan, type PlanOptions } from './make-plan.ts';
import { writePlanFile } from './plan-file.ts';
import { planOf } from './plan-of.ts';
import { LOCK_FILE, readLockFile, withProject, writeLockFile } from './project-lock.ts';
import { loadFullScreen, reviewPlan, whyNoFullScreen } from './review-plan.ts';
import { type CommonOptions, print, projectDirectory, withSession } from './session.ts';

interface ReviewOptions extends CommonOptions, PlanOptions {
  readonly accessible?: boolean;
}

/** `cogplan review`: resolve, show what would change, let a person decide on each part, and write what they decided. */
export async function reviewVerb(argument: readonly string[], options: ReviewOptions): Promise<number> {
  const directory = projectDirectory(argument);
  const accessible = options.accessible === true;
  if (!accessible) requireFullScreen();
  return withSession({ ...options, directory }, async (session) => {
    const { context } = session;
    // Loading takes as long as a warm resolution: both at once, so that the screen is there when the plan is.
    const [{ request, plan }] = await Promise.all([
      makePlan(context, directory, options),
      accessible ? undefined : loadFullScreen(),
    ]);
    if (plan.changes.length === 0) {
      print(`${LOCK_FILE} is up to date: there is nothing to review.`);
      return 0;
    }
    return reviewPlan(session, {
      directory,
      request,
      plan,
      accessible,
      planOf: (lock) => planOf(context, request, lock),
      writeLock: (reviewed) => withProject(context, directory, () => writeReviewed(directory, reviewed)),
      writePlan: writePlanFile,
    });
  });
}

/** A review may take an hour: what others wrote to the lock in the meantime is not overwritten. */
async function writeReviewed(directory: string, { before, lock }: Plan): Promise<void> {
  const present = await readLockFile(directory);
  if ((present === undefined ? null : lockDigest(present)) !== before) {
    throw new CogplanError('COGPLAN_PLAN_STALE', `${LOCK_FILE} was changed while the review was open`, {
      subject: LOCK_FILE,
      hint: 'Nothing was written. Run `cogplan review` again to see what it would change now.',
    });
  }
  await writeLockFile(directory, lock);
}

function requireFullScreen(): void {
  const why = whyNoFullScreen();
  if (why === undefined) return;
  throw new CogplanError('COGPLAN_TERMINAL_NEEDED', `the review cannot be shown: ${why}`, {
    hint: 'Use `cogplan review --accessible` for plain questions, or `cogplan lock` to write without a review.',
  });
}
