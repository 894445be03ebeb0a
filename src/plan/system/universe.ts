import { compareBytes } from '../../canonical.ts';
import type { PackageUniverse } from '../../formats/debian/closure.ts';
import type { PackageRecord } from '../../formats/debian/package-record.ts';
import { compareDebianVersions } from '../../formats/debian/version.ts';

/** What `DebianUniverse` reads: a `PackagesIndex`, or a test's. */
export interface IndexReader {
  /** What it has comes after what other indexes have, however new it is: backports. */
  readonly notAutomatic?: boolean;
  names(): readonly string[];
  named(name: string): readonly PackageRecord[];
  providing(name: string): readonly PackageRecord[];
  essentialNames(): readonly string[];
}

export interface UniverseInput {
  /** In order of preference for the same version. */
  readonly indexes: readonly IndexReader[];
  /** What the lock has, by name: preferred to newer versions. May be absent from every index. */
  readonly kept: ReadonlyMap<string, PackageRecord>;
  /** Which versions of a name will do, for names that were asked for with a version. */
  readonly pins: ReadonlyMap<string, (version: string) => boolean>;
}

/** All suites as one: the kept version of a package first, then newest to oldest, what is not automatic last, without those that a pin excludes. */
export class DebianUniverse implements PackageUniverse {
  readonly #input: UniverseInput;
  readonly #named = new Map<string, readonly PackageRecord[]>();
  readonly #keptProviders = new Map<string, PackageRecord[]>();

  constructor(input: UniverseInput) {
    this.#input = input;
    for (const record of input.kept.values()) {
      for (const { name } of record.provides) {
        this.#keptProviders.set(name, [...(this.#keptProviders.get(name) ?? []), record]);
      }
    }
  }

  named(name: string): readonly PackageRecord[] {
    const before = this.#named.get(name);
    if (before !== undefined) return before;
    const accepts = this.#input.pins.get(name);
    const records = this.everyVersion(name).filter(({ version }) => accepts === undefined || accepts(version));
    this.#named.set(name, records);
    return records;
  }

  /** By priority, then by name, as apt does when nothing else decides; versions as `named` has them. */
  providing(name: string): readonly PackageRecord[] {
    const found = [
      ...this.#input.indexes.flatMap((index) => index.providing(name)),
      ...(this.#keptProviders.get(name) ?? []),
    ].filter((record) => record.name !== name);
    const names = [...new Set(found.map((record) => record.name))];
    const packages = names
      .map((own) => this.named(own).filter((record) => record.provides.some((provided) => provided.name === name)))
      .flatMap((versions) => (versions[0] === undefined ? [] : [{ first: versions[0], versions }]));
    packages.sort((a, b) => a.first.priority - b.first.priority || compareBytes(a.first.name, b.first.name));
    return packages.flatMap(({ versions }) => versions);
  }

  /** Pins left aside. */
  everyVersion(name: string): readonly PackageRecord[] {
    const kept = this.#input.kept.get(name);
    const last = new Set<PackageRecord>();
    const byVersion = new Map<string, PackageRecord>();
    if (kept !== undefined) byVersion.set(kept.version, kept);
    // What is automatic anywhere is so everywhere.
    const indexes = [...this.#input.indexes].sort((a, b) => Number(a.notAutomatic ?? 0) - Number(b.notAutomatic ?? 0));
    for (const index of indexes) {
      for (const record of index.named(name)) {
        if (byVersion.has(record.version)) continue;
        byVersion.set(record.version, record);
        if (index.notAutomatic === true) last.add(record);
      }
    }
    const rank = (record: PackageRecord) => (record === kept ? 0 : last.has(record) ? 2 : 1);
    return [...byVersion.values()].sort(
      (a, b) => rank(a) - rank(b) || compareDebianVersions(b.version, a.version) || compareBytes(b.version, a.version),
    );
  }

  /** Names of all Essential packages, sorted. */
  essentialNames(): readonly string[] {
    return [...new Set(this.#input.indexes.flatMap((index) => index.essentialNames()))].sort(compareBytes);
  }

  allNames(): ReadonlySet<string> {
    return new Set(this.#input.indexes.flatMap((index) => index.names()));
  }
}
