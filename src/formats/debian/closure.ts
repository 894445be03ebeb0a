/**
 * Which packages a set of names needs, as apt answers it without Recommends: dependencies are followed depth first, an
 * alternative that is already chosen wins, then the first that can be had. What breaks or conflicts with a chosen package
 * is passed over; when no way is left, the nearest free choice on the way there is forbidden and everything starts again.
 */

import { compareBytes } from '../../canonical.ts';
import { bug } from '../../errors.ts';
import { type Dependency, type DependencyGroup, formatDependency } from './dependency.ts';
import type { PackageRecord } from './package-record.ts';
import { satisfiesRelation } from './version.ts';

/** The packages on offer. Both lists are in order of preference; the same name always gives the same objects. */
export interface PackageUniverse {
  named(name: string): readonly PackageRecord[];
  /** Packages of other names that provide `name`. */
  providing(name: string): readonly PackageRecord[];
}

export interface ClosureInput {
  readonly universe: PackageUniverse;
  /** Chosen before, and not to be questioned. */
  readonly installed: readonly PackageRecord[];
  /** Names of packages, or of something that exactly one package provides. */
  readonly roots: readonly string[];
}

export type ClosureProblem =
  | { readonly kind: 'unknown'; readonly root: string }
  /** Several packages provide the root, and nothing says which is meant. */
  | { readonly kind: 'ambiguous'; readonly root: string; readonly providers: readonly string[] }
  /** `chain`: from the root to the package that has the dependency. */
  | { readonly kind: 'missing'; readonly chain: readonly string[]; readonly dependency: string }
  | {
      readonly kind: 'conflict';
      readonly chain: readonly string[];
      readonly dependency: string;
      /** `libjpeg62 breaks libfoo (<< 2)`. */
      readonly reason: string;
      readonly otherChain: readonly string[];
    };

export type ClosureResult =
  /** Without those that were installed before; sorted by name. */
  | { readonly kind: 'closure'; readonly packages: readonly PackageRecord[] }
  | { readonly kind: 'failed'; readonly problem: ClosureProblem };

const MAX_ATTEMPTS = 500;

export function resolveClosure(input: ClosureInput): ClosureResult {
  const banned = new Set<PackageRecord>();
  let first: ClosureProblem | undefined;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const outcome = new Attempt(input, banned).run();
    if ('packages' in outcome) return { kind: 'closure', packages: outcome.packages };
    first ??= outcome.problem;
    if (outcome.suspect === undefined) break;
    banned.add(outcome.suspect);
  }
  if (first === undefined) throw bug('a closure without result');
  return { kind: 'failed', problem: first };
}

/** Whether `record` is what a dependency asks for, by its own name or by one it provides. */
export function satisfies(dependency: Dependency, record: PackageRecord): boolean {
  const { qualifier } = dependency;
  if (qualifier === 'any' && !record.anyArchitecture) return false;
  if (qualifier !== undefined && qualifier !== 'any' && qualifier !== 'native' && qualifier !== record.architecture) {
    return false;
  }
  return matches(dependency, record);
}

/**
 * For each dependency of `record` the name of the package of `chosen` that satisfies it, sorted and without repetition: the
 * edges of the lock.
 */
export function dependencyEdges(record: PackageRecord, chosen: ChosenPackages): readonly string[] {
  const names = new Set<string>();
  for (const group of record.depends) {
    const found = chosen.satisfying(group);
    if (found !== undefined && found.name !== record.name) names.add(found.name);
  }
  return [...names].sort(compareBytes);
}

/** A set of packages, one version of each name, that knows who provides what. */
export class ChosenPackages {
  readonly #byName = new Map<string, PackageRecord>();
  readonly #providers = new Map<string, PackageRecord[]>();

  constructor(records: Iterable<PackageRecord> = []) {
    for (const record of records) this.add(record);
  }

  add(record: PackageRecord): void {
    this.#byName.set(record.name, record);
    for (const { name } of record.provides) {
      const list = this.#providers.get(name);
      if (list === undefined) this.#providers.set(name, [record]);
      else if (!list.includes(record)) list.push(record);
    }
  }

  get(name: string): PackageRecord | undefined {
    return this.#byName.get(name);
  }

  /** Those of this name, and those that provide it. */
  withName(name: string): readonly PackageRecord[] {
    const own = this.#byName.get(name);
    const providers = this.#providers.get(name) ?? [];
    return own === undefined ? providers : [own, ...providers.filter((record) => record !== own)];
  }

  /** The package that satisfies the first alternative that any satisfies. */
  satisfying(group: DependencyGroup): PackageRecord | undefined {
    for (const dependency of group) {
      const found = this.withName(dependency.name).find((record) => satisfies(dependency, record));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  values(): Iterable<PackageRecord> {
    return this.#byName.values();
  }
}

function matches({ name, relation, version }: Dependency, record: PackageRecord): boolean {
  if (record.name === name && (relation === undefined || satisfiesRelation(record.version, relation, version ?? ''))) {
    return true;
  }
  return record.provides.some(
    (provided) =>
      provided.name === name &&
      (relation === undefined ||
        (provided.version !== undefined && satisfiesRelation(provided.version, relation, version ?? ''))),
  );
}

interface Choice {
  readonly record: PackageRecord;
  readonly parent: Choice | undefined;
  /** Another package or version could have been taken. */
  readonly free: boolean;
}

interface Failure {
  readonly problem: ClosureProblem;
  /** A free choice that led here: the next attempt does without it. */
  readonly suspect: PackageRecord | undefined;
}

interface Clash {
  readonly other: Choice;
  readonly reason: string;
}

class Attempt {
  readonly #input: ClosureInput;
  readonly #banned: ReadonlySet<PackageRecord>;
  readonly #chosen = new ChosenPackages();
  readonly #choices = new Map<string, Choice>();
  /** By name: what chosen packages conflict with. */
  readonly #conflicts = new Map<string, { readonly owner: PackageRecord; readonly dependency: Dependency }[]>();

  constructor(input: ClosureInput, banned: ReadonlySet<PackageRecord>) {
    this.#input = input;
    this.#banned = banned;
  }

  run(): { readonly packages: readonly PackageRecord[] } | Failure {
    for (const record of this.#input.installed) this.#choose({ record, parent: undefined, free: false });
    const roots: Choice[] = [];
    for (const root of this.#input.roots) {
      const found = this.#chooseRoot(root);
      if ('problem' in found) return found;
      roots.push(found);
    }
    for (const root of roots) {
      const failure = this.#follow(root);
      if (failure !== undefined) return failure;
    }
    const before = new Set(this.#input.installed);
    const packages = [...this.#chosen.values()].filter((record) => !before.has(record));
    return { packages: packages.sort((a, b) => compareBytes(a.name, b.name)) };
  }

  #chooseRoot(root: string): Choice | Failure {
    const chosen = this.#choices.get(root);
    if (chosen !== undefined) return chosen;
    const named = this.#input.universe.named(root);
    const candidates = named.length > 0 ? named : this.#input.universe.providing(root);
    if (candidates.length === 0) return { problem: { kind: 'unknown', root }, suspect: undefined };
    const names = [...new Set(candidates.map(({ name }) => name))].sort(compareBytes);
    if (names.length > 1) {
      const provider = this.#chosen.withName(root)[0];
      const before = provider === undefined ? undefined : this.#choices.get(provider.name);
      return before ?? { problem: { kind: 'ambiguous', root, providers: names }, suspect: undefined };
    }
    const already = this.#choices.get(names[0] ?? root);
    return already ?? this.#pick(candidates, undefined, root);
  }

  /** Chooses what `choice` depends on, and what that depends on. */
  #follow(choice: Choice): Failure | undefined {
    for (const group of choice.record.depends) {
      if (this.#chosen.satisfying(group) !== undefined) continue;
      const next = this.#pick(this.#candidates(group), choice, formatDependency(group));
      if ('problem' in next) return next;
      const failure = this.#follow(next);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  #candidates(group: DependencyGroup): readonly PackageRecord[] {
    const { universe } = this.#input;
    return group.flatMap((dependency) =>
      [...universe.named(dependency.name), ...universe.providing(dependency.name)].filter((record) =>
        satisfies(dependency, record),
      ),
    );
  }

  #pick(all: readonly PackageRecord[], parent: Choice | undefined, dependency: string): Choice | Failure {
    const candidates = all.filter((record) => !this.#banned.has(record));
    let clash: Clash | undefined;
    for (const record of candidates) {
      const found = this.#clash(record);
      if (found === undefined) return this.#choose({ record, parent, free: candidates.length > 1 });
      clash ??= found;
    }
    const path = parent === undefined ? [dependency] : chain(parent);
    if (clash === undefined) {
      return { problem: { kind: 'missing', chain: path, dependency }, suspect: nearestFree(parent) };
    }
    const problem: ClosureProblem = {
      kind: 'conflict',
      chain: path,
      dependency,
      reason: clash.reason,
      otherChain: chain(clash.other),
    };
    return { problem, suspect: nearestFree(clash.other) ?? nearestFree(parent) };
  }

  /** What speaks against choosing `record` now. */
  #clash(record: PackageRecord): Clash | undefined {
    const same = this.#choices.get(record.name);
    if (same !== undefined) {
      return { other: same, reason: `${same.record.name} ${same.record.version} is chosen already` };
    }
    for (const dependency of record.conflicts) {
      const other = this.#chosen.withName(dependency.name).find((candidate) => matches(dependency, candidate));
      const choice = other === undefined ? undefined : this.#choices.get(other.name);
      if (choice !== undefined && choice.record.name !== record.name) {
        return { other: choice, reason: conflictText(record, dependency) };
      }
    }
    for (const name of [record.name, ...record.provides.map((provided) => provided.name)]) {
      for (const { owner, dependency } of this.#conflicts.get(name) ?? []) {
        const choice = this.#choices.get(owner.name);
        if (choice !== undefined && owner.name !== record.name && matches(dependency, record)) {
          return { other: choice, reason: conflictText(owner, dependency) };
        }
      }
    }
    return undefined;
  }

  #choose(choice: Choice): Choice {
    const { record } = choice;
    this.#chosen.add(record);
    this.#choices.set(record.name, choice);
    for (const dependency of record.conflicts) {
      const list = this.#conflicts.get(dependency.name);
      if (list === undefined) this.#conflicts.set(dependency.name, [{ owner: record, dependency }]);
      else list.push({ owner: record, dependency });
    }
    return choice;
  }
}

function conflictText(owner: PackageRecord, dependency: Dependency): string {
  return `${owner.name} ${owner.version} conflicts with ${formatDependency([dependency])}`;
}

function nearestFree(choice: Choice | undefined): PackageRecord | undefined {
  for (let at = choice; at !== undefined; at = at.parent) if (at.free) return at.record;
  return undefined;
}

/** From the root to the choice: `ffmpeg 7:5.1`, `libavcodec59 7:5.1`, … */
function chain(choice: Choice): readonly string[] {
  const names: string[] = [];
  for (let at: Choice | undefined = choice; at !== undefined; at = at.parent) {
    names.unshift(`${at.record.name} ${at.record.version}`);
  }
  return names;
}
