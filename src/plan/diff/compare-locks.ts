import { canonicalJson, compareBytes, type Json } from '../../canonical.ts';
import type { Lock, Target } from '../../lock/schema.generated.ts';

/** One thing that a new lock has otherwise than an old one. */
export interface LockChange {
  readonly family: 'base' | 'interpreter' | 'accelerator' | 'system' | 'python' | 'runtime' | 'image' | 'tools';
  readonly kind: 'added' | 'removed' | 'changed' | 'same-version-other-bytes';
  readonly subject: string;
  readonly from?: string;
  readonly to?: string;
}

interface Item {
  readonly version: string;
  readonly bytes: string;
}

/** Differences between two locks, family by family, sorted by subject. Pure; empty for equal locks. */
export function compareLocks(before: Lock | undefined, after: Lock): readonly LockChange[] {
  const changes: LockChange[] = [];
  const platforms = new Set([...Object.keys(before?.targets ?? {}), ...Object.keys(after.targets)]);
  for (const platform of platforms) {
    const [old, now] = [before?.targets[platform], after.targets[platform]];
    changes.push(...compareItems('base', values({ base: old?.base.suite }), values({ base: now?.base.suite })));
    changes.push(
      ...compareItems(
        'interpreter',
        values({ python: old?.interpreter.version }),
        values({ python: now?.interpreter.version }),
      ),
    );
    changes.push(...compareItems('accelerator', records(old?.accelerator ?? {}), records(now?.accelerator ?? {})));
    changes.push(...compareItems('system', packages(old?.system.packages), packages(now?.system.packages)));
    changes.push(...compareItems('python', packages(old?.python.packages), packages(now?.python.packages)));
    changes.push(...compareItems('runtime', packages(runtimePackages(old)), packages(runtimePackages(now))));
    changes.push(...compareItems('image', records(old?.image ?? {}), records(now?.image ?? {})));
  }
  changes.push(...compareItems('tools', tools(before), tools(after)));
  return changes;
}

function compareItems(
  family: LockChange['family'],
  before: ReadonlyMap<string, Item>,
  after: ReadonlyMap<string, Item>,
): LockChange[] {
  const subjects = [...new Set([...before.keys(), ...after.keys()])].sort(compareBytes);
  return subjects.flatMap((subject): LockChange[] => {
    const [old, now] = [before.get(subject), after.get(subject)];
    if (old === undefined) return [{ family, kind: 'added', subject, to: now?.version ?? '' }];
    if (now === undefined) return [{ family, kind: 'removed', subject, from: old.version }];
    if (old.version !== now.version) return [{ family, kind: 'changed', subject, from: old.version, to: now.version }];
    if (old.bytes !== now.bytes)
      return [{ family, kind: 'same-version-other-bytes', subject, from: old.bytes, to: now.bytes }];
    return [];
  });
}

interface LockedPackage {
  readonly name: string;
  readonly version: string;
  readonly file: { readonly sha256: string };
}

function packages(list: readonly LockedPackage[] = []): Map<string, Item> {
  return new Map(list.map(({ name, version, file }) => [name, { version, bytes: file.sha256 }]));
}

function runtimePackages(target: Target | undefined): readonly LockedPackage[] {
  return target === undefined ? [] : [target.runtime.sdk, ...target.runtime.server];
}

function tools(lock: Lock | undefined): Map<string, Item> {
  return new Map(
    (lock?.tools ?? []).map(({ name, version, host, file }) => [`${name} (${host})`, { version, bytes: file.sha256 }]),
  );
}

function values(record: Readonly<Record<string, string | undefined>>): Map<string, Item> {
  return new Map(
    Object.entries(record).flatMap(([key, version]): [string, Item][] =>
      version === undefined ? [] : [[key, { version, bytes: '' }]],
    ),
  );
}

function records(record: object): Map<string, Item> {
  return new Map(
    Object.entries(record).map(([key, value]): [string, Item] => [
      key,
      { version: canonicalJson(value as Json), bytes: '' },
    ]),
  );
}
