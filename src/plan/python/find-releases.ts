import pLimit from 'p-limit';
import type { Context } from '../../context.ts';
import type { Sha256 } from '../../digest.ts';
import type { Lock, PythonPackage } from '../../lock/schema.generated.ts';
import { findFile } from '../../sources/pypi/find-file.ts';

export interface Releases {
  readonly releases: ReadonlyMap<Sha256, { readonly released?: string; readonly yanked?: string }>;
  /** What could not be found out. */
  readonly notes: readonly string[];
}

const LOOK_UPS = 8;
/** Pages of more packages than this are not read: a plan of so many changes is not read line by line either. */
const MOST = 100;

/** When the wheels that a new lock brings were released, and whether they were yanked since, as far as their indexes tell. */
export async function findReleases(context: Context, before: Lock | undefined, after: Lock): Promise<Releases> {
  const known = new Set(before === undefined ? [] : wheelsOf(before).map(({ wheel }) => wheel.file.sha256));
  const wanted = new Map(
    wheelsOf(after).flatMap((item) =>
      known.has(item.wheel.file.sha256) ? [] : [[item.wheel.file.sha256, item] as const],
    ),
  );
  const releases = new Map<Sha256, { readonly released?: string; readonly yanked?: string }>();
  if (wanted.size === 0 || before === undefined) return { releases, notes: [] };
  if (context.http.offline)
    return { releases, notes: ['Offline: release dates and yanked releases were not looked up'] };
  if (wanted.size > MOST) return { releases, notes: [`Release dates of ${wanted.size} new wheels were not looked up`] };
  const limit = pLimit(LOOK_UPS);
  let failed = 0;
  await Promise.all(
    [...wanted.values()].map(({ wheel, indexes }) =>
      limit(async () => {
        try {
          const sources = { indexes: wheel.index === undefined ? indexes : [wheel.index], findLinks: [] };
          const found = (await findFile(context, sources, { name: wheel.name, url: wheel.file.url }))?.file;
          if (found === undefined) return;
          releases.set(wheel.file.sha256, {
            ...(found.uploadTime === undefined ? {} : { released: found.uploadTime }),
            ...(found.yanked === undefined ? {} : { yanked: found.yanked }),
          });
        } catch (error) {
          context.signal.throwIfAborted();
          // What an index tells beside the lock is a courtesy: the plan is whole without it.
          if (error instanceof Error) failed++;
        }
      }),
    ),
  );
  const notes = failed === 0 ? [] : [`Release dates of ${failed} wheels could not be looked up`];
  return { releases, notes };
}

function wheelsOf(lock: Lock): readonly { readonly wheel: PythonPackage; readonly indexes: readonly string[] }[] {
  return Object.values(lock.targets).flatMap(({ python, runtime }) =>
    [...python.packages, ...runtime.server].map((wheel) => ({ wheel, indexes: python.indexes })),
  );
}
