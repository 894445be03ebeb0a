import { diffLocks } from '../plan/diff/diff-locks.ts';
import { planFormat, type RenderOptions } from './plan.ts';
import { localFacts } from './plan-of.ts';
import { isRegistryName, readAnyLock } from './read-any-lock.ts';
import { renderPlan } from './render/render-plan.ts';
import { withSession } from './session.ts';

/** `cogplan diff A B`: what the second lock changes of the first, offline but for images of registries. */
export async function diffVerb(argument: readonly string[], options: RenderOptions): Promise<number> {
  const [first = '', second = ''] = argument;
  return withSession(
    { ...options, offline: options.offline === true || ![first, second].some(isRegistryName) },
    async ({ context }) => {
      const [before, after] = [await readAnyLock(context, first), await readAnyLock(context, second)];
      const plan = diffLocks(before, after, await localFacts(context, before, after));
      process.stdout.write(renderPlan(plan, planFormat(options), { full: options.full ?? false }));
      return options.detailedExitcode && plan.changes.length > 0 ? 2 : 0;
    },
  );
}
