import pLimit from 'p-limit';
import type { Context } from '../../context.ts';
import type { Sha256 } from '../../digest.ts';
import type { Lock, PythonPackage } from '../../lock/schema.generated.ts';
import { readCoreMetadata } from '../../sources/pypi/core-metadata.ts';
import { findFile } from '../../sources/pypi/find-file.ts';
import type { IndexFile } from '../../sources/pypi/index-file.ts';
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
  const replaced = old.filter(({ wheel }) => wanted.some((item) => item.wheel.name === wheel.name));
  const releases = new Map<Sha256, ReleaseFact>();
  const limit = pLimit(LOOK_UPS);
  let failed = 0;
  await Promise.all(
    [...wanted.map((item) => ({ item, isNew: true })), ...replaced.map((item) => ({ item, isNew: false }))].map(
      ({ item, isNew }) =>
        limit(async () => {
          try {
            const fact = await lookUp(context, item, isNew);
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

interface LockedWheel {
  readonly wheel: PythonPackage;
  readonly indexes: readonly string[];
}

async function lookUp(
  context: Context,
  { wheel, indexes }: LockedWheel,
  isNew: boolean,
): Promise<ReleaseFact | undefined> {
  const { file } = wheel;
  // What cogplan brings itself, and what was built, stands on no index.
  if (!/^https?:/.test(file.url)) return undefined;
  const sources = { indexes: wheel.index === undefined ? indexes : [wheel.index], findLinks: [] };
  const listed = isNew ? (await findFile(context, sources, { name: wheel.name, url: file.url }))?.file : undefined;
  const about = await aboutWheel(context, wheel, listed).catch((error: unknown) => {
    context.signal.throwIfAborted();
    if (error instanceof Error) return undefined;
    throw error;
  });
  return { ...listedFact(listed), ...about };
}

function listedFact(listed: IndexFile | undefined): ReleaseFact {
  if (listed === undefined) return {};
  const { uploadTime, yanked, project } = listed;
  return {
    ...(uploadTime === undefined ? {} : { released: uploadTime }),
    ...(yanked === undefined ? {} : { yanked }),
    ...(project === undefined ? {} : { project }),
  };
}

/** Kind of what the store keeps of a wheel's metadata, by the wheel's hash. */
const ABOUT = 'wheel-about';

type About = { readonly licence?: string; readonly people: readonly string[] };

async function aboutWheel(context: Context, { file }: PythonPackage, listed: IndexFile | undefined): Promise<About> {
  const known = await context.store.getDerived<About>(ABOUT, file.sha256);
  if (known !== undefined) return known;
  const { licence, people } = await readCoreMetadata(context, {
    filename: decodeURIComponent(file.url.slice(file.url.lastIndexOf('/') + 1)),
    url: file.url,
    sha256: file.sha256,
    size: file.size,
    ...(listed?.metadata === undefined ? {} : { metadata: listed.metadata }),
  });
  const about = { ...(licence === undefined ? {} : { licence }), people };
  await context.store.putDerived(ABOUT, file.sha256, about);
  return about;
}

function holds(wheels: readonly LockedWheel[], { file }: PythonPackage): boolean {
  return wheels.some(({ wheel }) => wheel.file.sha256 === file.sha256);
}

function wheelsOf(lock: Lock): readonly LockedWheel[] {
  return Object.values(lock.targets).flatMap(({ python, runtime }) =>
    [...python.packages, ...runtime.server].map((wheel) => ({ wheel, indexes: python.indexes })),
  );
}
