import { compareBytes } from '../../canonical.ts';
import type { Sha256 } from '../../digest.ts';
import { ChosenPackages, dependencyEdges, recommendationEdges } from '../../formats/debian/closure.ts';
import type { PackageFacts, PackageRecord } from '../../formats/debian/package-record.ts';
import type { SystemPackage } from '../../lock/schema.generated.ts';
import type { AskedPackage } from '../../spec/system-packages.ts';
import type { ReadScripts } from './maintainer-scripts.ts';
import type { TakesRecommended } from './recommendations.ts';
import type { DebianUniverse } from './universe.ts';

export interface LockPackagesInput {
  readonly groups: Readonly<Partial<Record<SystemPackage['group'], readonly PackageRecord[]>>>;
  readonly asked: readonly AskedPackage[];
  readonly scripts: ReadonlyMap<Sha256, ReadScripts>;
  readonly universe: DebianUniverse;
  /** What is there before the groups, and is not locked with them. */
  readonly installed?: readonly PackageFacts[];
  /** Which packages of the system group have brought what they recommend. */
  readonly recommends?: TakesRecommended;
}

/** Packages by group as the lock has them, sorted by name. */
export function lockPackages(input: LockPackagesInput): SystemPackage[] {
  const { groups, asked, scripts, universe, installed = [], recommends = () => false } = input;
  const records = Object.values(groups).flat();
  const locked = new Set(records.map(({ name }) => name));
  const chosen = new ChosenPackages([...installed.filter(({ name }) => !locked.has(name)), ...records]);
  const providersOf = (name: string) => universe.providing(name).map((record) => record.name);
  const askedBy = new Map<string, string>();
  for (const { name, text } of asked) {
    const own = chosen.get(name) === undefined ? providersOf(name).find((provider) => chosen.get(provider)) : name;
    if (own !== undefined && !askedBy.has(own)) askedBy.set(own, `build.system_packages: ${text}`);
  }
  return Object.entries(groups)
    .flatMap(([group, records]: [string, readonly PackageRecord[]]) =>
      records.map((record) => ({ group: group as SystemPackage['group'], record })),
    )
    .sort((a, b) => compareBytes(a.record.name, b.record.name))
    .map(({ group, record }) => {
      const read = scripts.get(record.file.sha256);
      const askedHere = askedBy.get(record.name);
      const depends = dependencyEdges(record, chosen).filter((name) => locked.has(name));
      const recommended =
        group === 'system' && recommends(record)
          ? recommendationEdges(record, chosen).filter((name) => locked.has(name) && !depends.includes(name))
          : [];
      return {
        name: record.name,
        version: record.version,
        architecture: record.architecture,
        group,
        file: record.file,
        ...(askedHere === undefined ? {} : { asked: askedHere }),
        depends,
        ...(recommended.length === 0 ? {} : { recommends: recommended }),
        scripts: read?.hashes ?? {},
        ...(read?.unknown === undefined ? {} : { configure: 'sealed' as const }),
      };
    });
}
