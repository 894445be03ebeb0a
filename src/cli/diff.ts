import { diffLocks } from '../plan/diff/diff-locks.ts';
import { localFacts } from './make-plan.ts';
import { planFormat, type RenderOptions } from './plan.ts';
import { readAnyLock } from './read-any-lock.ts';
import { renderPlan } from './render/render-plan.ts';
import { withSession } from './session.ts';

/** `cogplan diff A B`: what the second lock changes of the first, offline. */
export async function diffVerb(argument: readonly string[], options: RenderOptions): Promise<number> {
  const [first = '', second = ''] = argument;
  return withSession({ ...options, offline: true }, async ({ context }) => {
    const [before, after] = [await readAnyLock(first), await readAnyLock(second)];
    const plan = diffLocks(before, after, await localFacts(context, before, after));
    process.stdout.write(renderPlan(plan, planFormat(options), { full: options.full ?? false }));
    return options.detailedExitcode && plan.changes.length > 0 ? 2 : 0;
  });
}
