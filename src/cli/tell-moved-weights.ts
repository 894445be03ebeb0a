import type { Context } from '../context.ts';
import { warn } from '../events.ts';
import type { ApplicableProject } from './apply-project.ts';

/** Warns of weights that are other files in the project than the locked ones, which the image gets all the same. */
export async function tellMovedWeights(context: Context, { spec, lock }: ApplicableProject): Promise<void> {
  const sets = new Map(
    Object.values(lock.targets).flatMap(({ weights }) => weights.map((set) => [set.name, set] as const)),
  );
  if (sets.size === 0) return;
  const { movedWeights } = await import('../plan/weights/status.ts');
  const silent: Context = { ...context, host: { ...context.host, notify: () => {} } };
  for (const set of sets.values()) {
    // What is gone from the project may well be in the store alone.
    const moved = (await movedWeights(silent, spec, set)).filter(({ after }) => after !== undefined);
    const [first] = moved;
    if (first === undefined) continue;
    const others = moved.length === 1 ? '' : `, and ${moved.length - 1} more`;
    const text =
      `weights "${set.name}": ${first.path}${others}: not the locked file: the project has sha256 ${first.after}, locked is ` +
      `${first.before ?? 'none'}; the image gets what is locked, and \`cogplan lock\` takes what is there`;
    warn(context.host, 'apply.weights-moved', text);
  }
}
