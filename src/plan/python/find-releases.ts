import type { Context } from '../../context.ts';
import type { Sha256 } from '../../digest.ts';
import type { Lock, PythonPackage } from '../../lock/schema.generated.ts';
import type { ReleaseFact } from '../diff/facts.ts';

export interface Releases {
  readonly releases: ReadonlyMap<Sha256, ReleaseFact>;
  /** What could not be found out. */
  readonly notes: readonly string[];
}

const LOOK_UPS = 8;
/** Pages of more packages than this are not read: a plan of so many changes is not read line by line either. */
const MOST = 100;

/**
 * What a lock does not hold of the wheels that a new one brings, as far as their indexes and metadata tell: when they were released, whether they
 * were yanked since, licence and people; licence and people of those that they replace too.
 */
export async function findReleases(context: Context, before: Lock | undefined, after: Lock): Promise<Releases> {
  if (before === undefined) return { releases: new Map(), notes: [] };
  const old = wheelsOf(before);
  const wanted = wheelsOf(after).filter(({ wheel }) => !holds(old, wheel));
  if (wanted.length === 0) return { releases: new Map(), notes: [] };
  if (context.http.offline) {
    const note = 'Offline: release dates, yanked releases and licences were not looked up';
    return { releases: new Map(), notes: [note] };
  }
  if (wanted.length > MOST) {
    const note = `Release dates and licences of ${wanted.length} new wheels were not looked up`;
    return { releases: new Map(), notes: [note] };
  }
  // Loaded when something is to be looked up: most runs change nothing.
  const [{ releaseFact }, { default: pLimit }] = await Promise.all([import('./release-fact.ts'), import('p-limit')]);
  const replaced = old.filter(({ wheel }) => wanted.some((item) => item.wheel.name === wheel.name));
  const releases = new Map<Sha256, ReleaseFact>();
  const limit = pLimit(LOOK_UPS);
  let failed = 0;
  await Promise.all(
    [...wanted.map((item) => ({ item, isNew: true })), ...replaced.map((item) => ({ item, isNew: false }))].map(
      ({ item, isNew }) =>
        limit(async () => {
          try {
            const fact = await releaseFact(context, item, { isNew });
            if (fact !== undefined) releases.set(item.wheel.file.sha256, fact);
          } catch (error) {
            context.signal.throwIfAborted();
            // What is told beside the lock is a courtesy: the plan is whole without it.
            if (error instanceof Error && isNew) failed++;
          }
        }),
    ),
  );
  const notes = failed === 0 ? [] : [`Release dates and licences of ${failed} wheels could not be looked up`];
  return { releases, notes };
}

/** A locked wheel, and the indexes that its lock names. */
export interface LockedWheel {
  readonly wheel: PythonPackage;
  readonly indexes: readonly string[];
}

function holds(wheels: readonly LockedWheel[], { file }: PythonPackage): boolean {
  return wheels.some(({ wheel }) => wheel.file.sha256 === file.sha256);
}

function wheelsOf(lock: Lock): readonly LockedWheel[] {
  return Object.values(lock.targets).flatMap(({ python, runtime }) =>
    [...python.packages, ...runtime.server].map((wheel) => ({ wheel, indexes: python.indexes })),
  );
}
