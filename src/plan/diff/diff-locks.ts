import { canonicalJson, compareBytes, type Json } from '../../canonical.ts';
import { sha256, toDigest } from '../../digest.ts';
import { imageFiles } from '../../lock/check-lock.ts';
import type { Lock } from '../../lock/schema.generated.ts';
import { formatLock } from '../../lock/write-lock.ts';
import { type GraphFamily, shortestPaths } from './edges.ts';
import type { DiffFacts } from './facts.ts';
import { isOver } from './hold-state.ts';
import { type Group, groupsOf, type Item } from './items.ts';
import { layerMoves } from './layer-moves.ts';
import { patchOf } from './patch.ts';
import { type Draft, Reasons } from './reasons.ts';
import { risksOf } from './risks.ts';
import type { Change, Detail, HeldBack, Plan, Summary } from './schema.generated.ts';
import { detailsOf, kindOf, sideOf } from './sides.ts';

/** The version of the plan's format that this program reads and writes. */
export const PLAN_VERSION = 1;

/**
 * What `after` does to `before`, with reasons, consequences and risks. Pure; equal locks give a plan without changes. Changes
 * come by platform and family in the order of `groupsOf`, and by subject within them.
 */
export function diffLocks(before: Lock | undefined, after: Lock, facts: DiffFacts = {}): Plan {
  const moves = facts.layers === undefined ? undefined : layerMoves(facts.layers);
  const reasons = new Reasons(before, after, facts);
  const ways = new Map<string, ReturnType<typeof shortestPaths>>();
  const viaOf = ({ platform, family, subject, kind }: Draft): readonly string[] => {
    if (family !== 'system' && family !== 'python' && family !== 'runtime') return [];
    const side = kind === 'removed' ? 'before' : 'after';
    const key = `${platform}\0${family}\0${side}`;
    const paths = ways.get(key) ?? shortestPaths(reasons.graphs(platform, family as GraphFamily)[side]);
    ways.set(key, paths);
    return paths.get(subject) ?? [];
  };
  const [oldDigest, newDigest] = [before === undefined ? null : lockDigest(before), lockDigest(after)];
  const drafts = oldDigest === newDigest ? [] : draftsOf(before, after, facts);
  const changes = drafts.map((draft): Change => {
    const fetch = facts.stored === undefined ? undefined : bytesToFetch(draft, facts.stored);
    return {
      id: `${draft.family}/${draft.subject}${draft.platform === null ? '' : `@${draft.platform}`}`,
      ...draft,
      reasons: [...reasons.of(draft)],
      via: [...viaOf(draft)],
      risks: [...risksOf(draft, facts)],
      layers: [...(moves?.layersOf(draft) ?? [])],
      ...(fetch === undefined ? {} : { fetch }),
    };
  });
  return {
    planVersion: PLAN_VERSION,
    writtenBy: after.writtenBy,
    asked: askedDigest(after),
    before: oldDigest,
    after: newDigest,
    summary: {
      ...countKinds(changes),
      layersMoved: moves?.moves.length ?? null,
      layersKept: moves?.kept ?? null,
      fetch: facts.stored === undefined ? null : amountToFetch(after, facts.stored),
      image: imageSizes(facts.layers),
    },
    changes,
    layers: [...(moves?.moves ?? [])],
    holds: after.holds.map((hold) => heldBackOf(hold, after, facts.now)),
    notes: [...(facts.notes ?? [])],
    patch: oldDigest === newDigest ? [] : [...patchOf(before, after)],
    lock: after,
  };
}

/** Names a lock by the text of its file. */
export function lockDigest(lock: Lock): Plan['after'] {
  return toDigest(sha256(formatLock(lock)));
}

/** Names what a project asks, in the state that a lock was made for. */
export function askedDigest({ asked }: Pick<Lock, 'asked'>): Plan['asked'] {
  return toDigest(sha256(canonicalJson(asked)));
}

function draftsOf(before: Lock | undefined, after: Lock, facts: DiffFacts): readonly Draft[] {
  const old = new Map((before === undefined ? [] : groupsOf(before)).map((group) => [groupKey(group), group]));
  const now = new Map(groupsOf(after).map((group) => [groupKey(group), group]));
  return [...new Set([...now.keys(), ...old.keys()])].flatMap((key) => {
    const [one, other] = [old.get(key), now.get(key)];
    const group = other ?? one;
    return group === undefined
      ? []
      : compareGroups(group, { before: one?.items ?? [], after: other?.items ?? [], facts });
  });
}

function groupKey({ platform, family, name }: Group): string {
  return `${platform}\0${family}\0${name}`;
}

interface Sides {
  readonly before: readonly Item[];
  readonly after: readonly Item[];
  readonly facts: DiffFacts;
}

function compareGroups({ platform, family, name }: Group, { before, after, facts }: Sides): readonly Draft[] {
  const old = new Map(before.map((item) => [item.subject, item.value]));
  const now = new Map(after.map((item) => [item.subject, item.value]));
  const drafts = [...new Set([...now.keys(), ...old.keys()])]
    .sort(compareBytes)
    .flatMap((subject): readonly Draft[] => {
      const [was, is] = [old.get(subject), now.get(subject)];
      const details = detailsOf(was, is);
      if (details.length === 0) return [];
      const from = was === undefined ? null : sideOf(family, was, facts);
      const to = is === undefined ? null : sideOf(family, is, facts);
      const head = { platform, family, subject, from, to };
      if (from === null) return [{ ...head, kind: 'added', details: [] }];
      if (to === null) return [{ ...head, kind: 'removed', details: [] }];
      return [{ ...head, kind: kindOf(family, { from, to }, details), details: [...details] }];
    });
  const stayed = before.map(({ subject }) => subject).filter((subject) => now.has(subject));
  const stayedNow = after.map(({ subject }) => subject).filter((subject) => old.has(subject));
  const details: Detail[] = [...detailsOf(stayed as Json, stayedNow as Json, 'order')];
  if (details.length > 0) {
    const [from, to] = [{ value: stayed.join(', ') }, { value: stayedNow.join(', ') }];
    drafts.push({ platform, family, subject: `order of ${name}`, kind: 'detail', from, to, details });
  }
  return drafts;
}

function countKinds(
  changes: readonly Change[],
): Pick<Summary, 'added' | 'removed' | 'changed' | 'otherBytes' | 'moved' | 'details'> {
  const count = (...kinds: readonly Change['kind'][]): number =>
    changes.filter(({ kind, family }) => kinds.includes(kind) && (family !== 'seals' || kind === 'other-bytes')).length;
  return {
    added: count('added'),
    removed: count('removed'),
    changed: count('changed'),
    otherBytes: count('other-bytes'),
    moved: count('moved', 'hash-computed'),
    details: count('detail'),
  };
}

function bytesToFetch({ family, from, to }: Draft, stored: NonNullable<DiffFacts['stored']>): number | undefined {
  const enters = family === 'python' || family === 'runtime' || (family === 'system' && to?.requires !== undefined);
  if (!enters || to?.sha256 === undefined || to.sha256 === from?.sha256) return undefined;
  return stored.has(to.sha256) ? 0 : to.size;
}

function amountToFetch(lock: Lock, stored: NonNullable<DiffFacts['stored']>): Summary['fetch'] {
  const missing = new Map<string, number>();
  for (const target of Object.values(lock.targets)) {
    for (const { file } of imageFiles(target)) {
      if (!stored.has(file.sha256) && !file.url.startsWith('cogplan:')) missing.set(file.sha256, file.size);
    }
  }
  return { files: missing.size, bytes: [...missing.values()].reduce((sum, size) => sum + size, 0) };
}

function imageSizes(layers: DiffFacts['layers']): Summary['image'] {
  if (layers === undefined) return null;
  const total = (side: 'before' | 'after'): number | null => {
    const all = Object.values(layers).flatMap((item) => item[side]);
    if (all.length === 0 || all.some(({ size }) => size === undefined)) return null;
    return all.reduce((sum, { size }) => sum + (size ?? 0), 0);
  };
  const [before, after] = [total('before'), total('after')];
  return before === null && after === null ? null : { before, after };
}

/** A hold with what it keeps of a lock, and whether it is over; without a time it never is. */
export function heldBackOf(hold: Lock['holds'][number], lock: Lock, now?: string): HeldBack {
  const value = heldValue(hold.subject, lock);
  const over = now !== undefined && isOver(hold, now);
  return { ...hold, state: over ? 'expired' : value === null ? 'absent' : 'held', value };
}

/** The version of a hold's subject, `family/name`, in the first target that has it. */
function heldValue(subject: string, lock: Lock): string | null {
  const slash = subject.indexOf('/');
  const [family, name] = [subject.slice(0, slash), subject.slice(slash + 1)];
  for (const group of groupsOf(lock)) {
    const found = group.family === family ? group.items.find((item) => item.subject === name) : undefined;
    if (found !== undefined) return sideOf(group.family, found.value, {}).value;
  }
  return null;
}
