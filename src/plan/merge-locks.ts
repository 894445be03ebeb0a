import { compareBytes } from '../canonical.ts';
import { compareVersions, parseVersion } from '../formats/python/version.ts';
import type { Archive, Hold, Lock, PythonPackage, Seal, Target } from '../lock/schema.generated.ts';

/**
 * What to start from when two branches moved a lock: what both have, and of what they disagree on, the side that moved forward. It is no lock
 * to be written: nothing in it counts as asked, so every family is resolved again with what stands here as the preferred choice.
 */
export function mergeLocks(ours: Lock, theirs: Lock): Lock {
  const platforms = new Set([...Object.keys(ours.targets), ...Object.keys(theirs.targets)]);
  const targets = [...platforms].sort(compareBytes).flatMap((platform): [string, Target][] => {
    const [one, other] = [ours.targets[platform], theirs.targets[platform]];
    const merged = one !== undefined && other !== undefined ? mergeTargets(one, other) : (one ?? other);
    return merged === undefined ? [] : [[platform, merged]];
  });
  return {
    ...ours,
    asOf: latest(ours.asOf, theirs.asOf),
    asked: {},
    holds: mergeHolds(ours.holds, theirs.holds),
    targets: Object.fromEntries(targets),
  };
}

function mergeTargets(ours: Target, theirs: Target): Target {
  const newer = newestDate(theirs.system.archives) > newestDate(ours.system.archives) ? theirs : ours;
  return {
    ...newer,
    python: { ...newer.python, packages: mergePackages(ours.python.packages, theirs.python.packages) },
    runtime: { ...newer.runtime, server: mergePackages(ours.runtime.server, theirs.runtime.server) },
    seals: mergeSeals(newer.seals, newer === ours ? theirs.seals : ours.seals),
  };
}

function mergePackages(ours: readonly PythonPackage[], theirs: readonly PythonPackage[]): PythonPackage[] {
  const packages = new Map(ours.map((item) => [item.name, item]));
  for (const item of theirs) {
    const known = packages.get(item.name);
    if (known === undefined || isNewer(item.version, known.version)) packages.set(item.name, item);
  }
  return [...packages.values()].sort((a, b) => compareBytes(a.name, b.name));
}

function isNewer(version: string, than: string): boolean {
  const [one, other] = [parseVersion(version), parseVersion(than)];
  return one !== undefined && other !== undefined && compareVersions(one, other) > 0;
}

/** A hold of either side holds; of two on one subject, the later decision. */
function mergeHolds(ours: readonly Hold[], theirs: readonly Hold[]): Hold[] {
  const holds = new Map(ours.map((hold) => [hold.subject, hold]));
  for (const hold of theirs) {
    const known = holds.get(hold.subject);
    if (known === undefined || hold.since > known.since) holds.set(hold.subject, hold);
  }
  return [...holds.values()].sort((a, b) => compareBytes(a.subject, b.subject));
}

function mergeSeals(first: readonly Seal[], second: readonly Seal[]): Seal[] {
  const taken = new Set(first.map((seal) => seal.recipe));
  return [...first, ...second.filter((seal) => !taken.has(seal.recipe))];
}

function newestDate(archives: readonly Archive[]): string {
  return (
    archives
      .map(({ date }) => date)
      .sort(compareBytes)
      .at(-1) ?? ''
  );
}

function latest(one: string | null, other: string | null): string | null {
  return one === null || other === null ? null : one > other ? one : other;
}
