import type { Context } from '../context.ts';
import type { Sha256 } from '../digest.ts';
import { imageFiles } from '../lock/check-lock.ts';
import type { Platform } from '../lock/platform.ts';
import type { Lock } from '../lock/schema.generated.ts';
import { diffLocks } from '../plan/diff/diff-locks.ts';
import type { DiffFacts } from '../plan/diff/facts.ts';
import type { Plan } from '../plan/diff/schema.generated.ts';
import { findReleases } from '../plan/python/find-releases.ts';
import { layerFacts } from './layer-facts.ts';
import type { Compared } from './make-plan.ts';

/** The plan from the request's previous lock to a resolved one, with all that can be found out about it. */
export async function planOf(context: Context, { previous, options }: Compared, lock: Lock): Promise<Plan> {
  const { releases, notes } = await findReleases(context, previous, lock);
  return diffLocks(previous, lock, {
    mode: options.mode,
    upgraded: options.upgradePackages ?? [],
    releases,
    notes,
    ...(await localFacts(context, previous, lock)),
  });
}

/** What this machine knows without asking anybody: layers, what the store has, the time. */
export async function localFacts(context: Context, before: Lock | undefined, after: Lock): Promise<DiffFacts> {
  return {
    layers: Object.fromEntries(
      [...new Set([...Object.keys(before?.targets ?? {}), ...Object.keys(after.targets)])].map((platform) => [
        platform,
        {
          before: layerFacts(before?.targets[platform], platform as Platform),
          after: layerFacts(after.targets[platform], platform as Platform),
        },
      ]),
    ),
    stored: await storedFiles(context, after),
    now: context.now().toISOString(),
  };
}

async function storedFiles(context: Context, lock: Lock): Promise<ReadonlySet<Sha256>> {
  const stored = new Set<Sha256>();
  for (const target of Object.values(lock.targets)) {
    for (const { file } of imageFiles(target)) {
      if ((await context.store.stat(file.sha256)) !== undefined) stored.add(file.sha256);
    }
  }
  return stored;
}
