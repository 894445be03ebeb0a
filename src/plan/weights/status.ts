import { canonicalJson, compareBytes, type Json } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import type { Sha256 } from '../../digest.ts';
import { projectPath } from '../../lock/project-url.ts';
import type { Lock, WeightSet as LockedSet, Target } from '../../lock/schema.generated.ts';
import type { Spec } from '../../spec/spec.ts';
import { askedOf } from '../asked.ts';
import { isOfProject, resolveWeights } from './resolve.ts';

/**
 * ready: locked as asked, and every file lies in the store. incomplete: files are missing there. stale: another source, target or filter is asked, or files of the
 * project changed. pending: not locked yet. orphaned: locked, and no longer asked.
 */
export type WeightState = 'ready' | 'incomplete' | 'stale' | 'pending' | 'orphaned';

export interface WeightStatus {
  readonly name: string;
  readonly state: WeightState;
  readonly target: string;
  readonly place: 'image' | 'startup';
  readonly files: number;
  /** Bytes of all files. */
  readonly size: number;
  /** Bytes that the store lacks. */
  readonly missing: number;
  readonly setDigest?: string;
}

/** How each set of weights stands, in the project's order, orphans last. Asks nothing of the network. */
export async function weightStatus(
  context: Context,
  spec: Spec,
  lock: Pick<Lock, 'asked'>,
  target: Pick<Target, 'weights'>,
): Promise<readonly WeightStatus[]> {
  const [wanted, known] = [asksByName(askedOf(spec).weights), asksByName(lock.asked.weights)];
  const statuses: WeightStatus[] = [];
  for (const { name, target: path, place } of spec.weights) {
    const locked = target.weights.find((set) => set.name === name);
    if (locked === undefined) {
      statuses.push({ name, state: 'pending', target: path, place, files: 0, size: 0, missing: 0 });
      continue;
    }
    const isStale = wanted.get(name) !== known.get(name) || (await movedWeights(context, spec, locked)).length > 0;
    statuses.push(await statusOf(context, locked, isStale ? 'stale' : undefined));
  }
  for (const locked of target.weights) {
    if (!spec.weights.some(({ name }) => name === locked.name)) {
      statuses.push(await statusOf(context, locked, 'orphaned'));
    }
  }
  return statuses;
}

async function statusOf(context: Context, set: LockedSet, state: WeightState | undefined): Promise<WeightStatus> {
  const { name, target, place, files, setDigest } = set;
  let missing = 0;
  for (const { file } of files) if ((await context.store.stat(file.sha256)) === undefined) missing += file.size;
  const size = files.reduce((sum, { file }) => sum + file.size, 0);
  // What lies in the project is at hand whether the store has a copy or not.
  const isAtHand = files.every(isInProject);
  const own = missing === 0 || isAtHand ? 'ready' : 'incomplete';
  return { name, state: state ?? own, target, place, files: files.length, size, missing, setDigest };
}

/** A file of the project that is not the locked one: gone, new, or other bytes. */
export interface MovedWeight {
  /** Relative to the set's target. */
  readonly path: string;
  readonly before: Sha256 | undefined;
  readonly after: Sha256 | undefined;
}

/** Files of the project are looked at, and read when they may have changed; everything else is pinned by what is locked. */
export async function movedWeights(
  context: Context,
  spec: Pick<Spec, 'directory' | 'weights'>,
  locked: LockedSet,
): Promise<readonly MovedWeight[]> {
  const set = spec.weights.find(({ name }) => name === locked.name);
  const before = new Map(locked.files.filter(isInProject).map(({ path, file }) => [path, file.sha256]));
  if (set === undefined || before.size === 0) return [];
  const own = set.sources.filter(isOfProject);
  const input = { directory: spec.directory, sets: [{ ...set, sources: own }], previous: [], upgrade: true };
  const [now] = await resolveWeights(context, input).catch(() => []);
  const after = new Map((now?.files ?? []).map(({ path, file }) => [path, file.sha256]));
  // A path that another source took is not the project's.
  const taken = new Set(locked.files.filter((file) => !isInProject(file)).map(({ path }) => path));
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((path) => before.get(path) !== after.get(path) && !taken.has(path))
    .sort(compareBytes)
    .map((path) => ({ path, before: before.get(path), after: after.get(path) }));
}

function isInProject({ file }: LockedSet['files'][number]): boolean {
  return projectPath(file.url) !== undefined;
}

function asksByName(family: { readonly [key: string]: Json } | undefined): ReadonlyMap<string, string> {
  const list = family?.weights;
  const sets = Array.isArray(list) ? list : [];
  return new Map(
    sets.map((set: Json) => [String((set as { readonly name?: Json }).name), canonicalJson(set)] as const),
  );
}
