/**
 * Which packages a set of names needs, as apt answers it: dependencies are followed depth first, an alternative that is
 * already chosen wins, then the first that can be had. Recommended packages are taken where the caller says so. What breaks or conflicts with a chosen package
 * is passed over; when no way is left, the nearest free choice on the way there is forbidden and everything starts again.
 */

import { compareBytes } from '../../canonical.ts';
import { bug } from '../../errors.ts';
import { type Dependency, type DependencyGroup, formatDependency } from './dependency.ts';
import type { PackageFacts, PackageRecord } from './package-record.ts';
import { compareDebianVersions, satisfiesRelation } from './version.ts';

/** The packages on offer. Both lists are in order of preference; the same name always gives the same objects. */
export interface PackageUniverse {
  named(name: string): readonly PackageRecord[];
  /** Packages of other names that provide `name`. */
  providing(name: string): readonly PackageRecord[];
}

export interface ClosureInput {
  readonly universe: PackageUniverse;
  /** Chosen before, and not to be questioned unless they are `replaceable`. */
  readonly installed: readonly PackageFacts[];
  /**
   * What is installed may give way to a newer version of itself, as with `apt-get install` on a running system: roots are
   * brought up to date, other packages only where something needs it. Never an older version, and nothing is removed.
   */
  readonly replaceable?: boolean;
  /** Names of packages, or of something that exactly one package provides. */
  readonly roots: readonly string[];
  /**
   * Of which newly chosen packages the recommended ones are taken too, where that is possible; by default of none. As with
   * `apt-get install --install-recommends`, one that cannot be had is left out.
   */
  readonly takesRecommended?: (record: PackageFacts) => boolean;
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
  /** Without those that were installed before and stay; sorted by name. */
  | { readonly kind: 'closure'; readonly packages: readonly PackageRecord[] }
  | { readonly kind: 'failed'; readonly problem: ClosureProblem };

const MAX_ATTEMPTS = 500;

export function resolveClosure(input: ClosureInput): ClosureResult {
  const banned = new Set<PackageFacts>();
  const declined = new Set<PackageFacts>();
  let first: ClosureProblem | undefined;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const outcome = new Attempt(input, { banned, declined }).run();
    if ('packages' in outcome) return { kind: 'closure', packages: outcome.packages };
    first ??= outcome.problem;
    if (outcome.suspect === undefined) break;
    (outcome.suspect.recommended ? declined : banned).add(outcome.suspect.record);
  }
  if (first === undefined) throw bug('a closure without result');
  return { kind: 'failed', problem: first };
}

/** Whether `record` is what a dependency asks for, by its own name or by one it provides. */
export function satisfies(dependency: Dependency, record: PackageFacts): boolean {
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
export function dependencyEdges(record: PackageFacts, chosen: ChosenPackages): readonly string[] {
  return edges(record, record.depends, chosen);
}

/** The same for what it recommends, as far as it is there. */
export function recommendationEdges(record: PackageFacts, chosen: ChosenPackages): readonly string[] {
  return edges(record, record.recommends, chosen);
}

function edges(record: PackageFacts, groups: readonly DependencyGroup[], chosen: ChosenPackages): readonly string[] {
  const names = new Set<string>();
  for (const group of groups) {
    const found = chosen.satisfying(group);
    if (found !== undefined && found.name !== record.name) names.add(found.name);
  }
  return [...names].sort(compareBytes);
}

/** A set of packages, one version of each name, that knows who provides what. */
export class ChosenPackages {
  readonly #byName = new Map<string, PackageFacts>();
  readonly #providers = new Map<string, PackageFacts[]>();

  constructor(records: Iterable<PackageFacts> = []) {
    for (const record of records) this.add(record);
  }

  add(record: PackageFacts): void {
    this.#byName.set(record.name, record);
    for (const { name } of record.provides) {
      const list = this.#providers.get(name);
      if (list === undefined) this.#providers.set(name, [record]);
      else if (!list.includes(record)) list.push(record);
    }
  }

  remove(record: PackageFacts): void {
    this.#byName.delete(record.name);
    for (const { name } of record.provides) {
      const left = this.#providers.get(name)?.filter((provider) => provider !== record) ?? [];
      this.#providers.set(name, left);
    }
  }

  get(name: string): PackageFacts | undefined {
    return this.#byName.get(name);
  }

  /** Those of this name, and those that provide it. */
  withName(name: string): readonly PackageFacts[] {
    const own = this.#byName.get(name);
    const providers = this.#providers.get(name) ?? [];
    return own === undefined ? providers : [own, ...providers.filter((record) => record !== own)];
  }

  /** The package that satisfies the first alternative that any satisfies. */
  satisfying(group: DependencyGroup): PackageFacts | undefined {
    for (const dependency of group) {
      const found = this.withName(dependency.name).find((record) => satisfies(dependency, record));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  values(): Iterable<PackageFacts> {
    return this.#byName.values();
  }
}

function matches({ name, relation, version }: Dependency, record: PackageFacts): boolean {
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
  readonly record: PackageFacts;
  readonly parent: Choice | undefined;
  /** Another package or version could have been taken, or none. */
  readonly free: boolean;
  /** Taken because `parent` recommends it. */
  readonly recommended: boolean;
}

interface Failure {
  readonly problem: ClosureProblem;
  /** A free choice that led here: the next attempt does without it. */
  readonly suspect: Choice | undefined;
}

interface Excluded {
  readonly banned: ReadonlySet<PackageFacts>;
  /** Not taken for being recommended; a dependency may still bring them. */
  readonly declined: ReadonlySet<PackageFacts>;
}

interface Clash {
  readonly other: Choice;
  readonly reason: string;
}

class Attempt {
  readonly #input: ClosureInput;
  readonly #excluded: Excluded;
  readonly #chosen = new ChosenPackages();
  readonly #choices = new Map<string, Choice>();
  readonly #picked = new Map<string, PackageRecord>();
  /** By name: installed packages that may become newer. */
  readonly #replaceable = new Map<string, PackageFacts>();
  /** By name: what chosen packages conflict with. */
  readonly #conflicts = new Map<string, { readonly owner: PackageFacts; readonly dependency: Dependency }[]>();
  /** What takes back each choice, in the order of the choices. */
  readonly #undo: (() => void)[] = [];

  constructor(input: ClosureInput, excluded: Excluded) {
    this.#input = input;
    this.#excluded = excluded;
  }

  run(): { readonly packages: readonly PackageRecord[] } | Failure {
    for (const record of this.#input.installed) {
      this.#choose({ record, parent: undefined, free: false, recommended: false });
      if (this.#input.replaceable === true) this.#replaceable.set(record.name, record);
    }
    const soundBefore = [...this.#replaceable.values()].filter((record) => this.#isSound(record));
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
    const failure = this.#bringAlong(soundBefore);
    if (failure !== undefined) return failure;
    const packages = [...this.#picked.values()];
    return { packages: packages.sort((a, b) => compareBytes(a.name, b.name)) };
  }

  /** Installed packages that newer ones left without what they need, or conflict with, become newer too. */
  #bringAlong(soundBefore: readonly PackageFacts[]): Failure | undefined {
    for (let again = true; again; ) {
      again = false;
      for (const record of soundBefore) {
        if (this.#choices.get(record.name)?.record !== record || this.#isSound(record)) continue;
        const newer = this.#newer(record);
        const next = this.#pick(newer, undefined, `${record.name} (>> ${record.version})`);
        if ('problem' in next) return next;
        const failure = this.#follow(next);
        if (failure !== undefined) return failure;
        again = true;
      }
    }
    return undefined;
  }

  #newer(record: PackageFacts): readonly PackageRecord[] {
    return this.#input.universe
      .named(record.name)
      .filter(({ version }) => compareDebianVersions(version, record.version) > 0);
  }

  /** Whether everything that a chosen package needs is there, and nothing that it conflicts with. */
  #isSound(record: PackageFacts): boolean {
    return (
      record.depends.every((group) => this.#chosen.satisfying(group) !== undefined) &&
      this.#conflictsOf(record).length === 0
    );
  }

  #chooseRoot(root: string): Choice | Failure {
    const chosen = this.#choices.get(root);
    const installed = this.#replaceable.get(root);
    if (chosen !== undefined && chosen.record !== installed) return chosen;
    const named = installed === undefined ? this.#input.universe.named(root) : this.#newer(installed);
    if (chosen !== undefined && named.length === 0) return chosen;
    const candidates = named.length > 0 ? named : this.#input.universe.providing(root);
    if (candidates.length === 0) return { problem: { kind: 'unknown', root }, suspect: undefined };
    const names = [...new Set(candidates.map(({ name }) => name))].sort(compareBytes);
    if (names.length > 1) {
      const provider = this.#chosen.withName(root)[0];
      const before = provider === undefined ? undefined : this.#choices.get(provider.name);
      return before ?? { problem: { kind: 'ambiguous', root, providers: names }, suspect: undefined };
    }
    const already = installed === undefined ? this.#choices.get(names[0] ?? root) : undefined;
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
    if (this.#input.takesRecommended?.(choice.record) === true) {
      for (const group of choice.record.recommends) this.#tryRecommended(choice, group);
    }
    return undefined;
  }

  /** Takes the first candidate that can be had with all that it needs, or none. */
  #tryRecommended(choice: Choice, group: DependencyGroup): void {
    if (this.#chosen.satisfying(group) !== undefined) return;
    for (const record of this.#candidates(group)) {
      const { banned, declined } = this.#excluded;
      if (banned.has(record) || declined.has(record) || this.#clash(record) !== undefined) continue;
      const before = this.#undo.length;
      const next = this.#take({ record, parent: choice, free: true, recommended: true });
      if (this.#follow(next) === undefined) return;
      for (const undo of this.#undo.splice(before).reverse()) undo();
    }
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
    const candidates = all.filter((record) => !this.#excluded.banned.has(record));
    let clash: Clash | undefined;
    for (const record of candidates) {
      const found = this.#clash(record);
      if (found === undefined) {
        return this.#take({ record, parent, free: candidates.length > 1, recommended: false });
      }
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
  #clash(record: PackageFacts): Clash | undefined {
    const same = this.#choices.get(record.name);
    if (same !== undefined && !this.#givesWay(same.record, record)) {
      return { other: same, reason: `${same.record.name} ${same.record.version} is chosen already` };
    }
    return this.#conflictsOf(record).find(({ other }) => !this.#canBecomeNewer(other.record));
  }

  /** What is chosen and conflicts with `record`, from either side. */
  #conflictsOf(record: PackageFacts): readonly Clash[] {
    const found: Clash[] = [];
    for (const dependency of record.conflicts) {
      for (const candidate of this.#chosen.withName(dependency.name)) {
        const other = this.#choices.get(candidate.name);
        if (other === undefined || other.record.name === record.name || !matches(dependency, candidate)) continue;
        found.push({ other, reason: conflictText(record, dependency) });
      }
    }
    for (const name of [record.name, ...record.provides.map((provided) => provided.name)]) {
      for (const { owner, dependency } of this.#conflicts.get(name) ?? []) {
        const other = this.#choices.get(owner.name);
        if (other?.record !== owner || owner.name === record.name || !matches(dependency, record)) continue;
        found.push({ other, reason: conflictText(owner, dependency) });
      }
    }
    return found;
  }

  #givesWay(installed: PackageFacts, record: PackageFacts): boolean {
    return (
      this.#replaceable.get(installed.name) === installed &&
      compareDebianVersions(record.version, installed.version) > 0
    );
  }

  #canBecomeNewer(record: PackageFacts): boolean {
    return this.#replaceable.get(record.name) === record && this.#newer(record).length > 0;
  }

  #take(choice: Choice & { readonly record: PackageRecord }): Choice {
    const { record } = choice;
    const before = this.#picked.get(record.name);
    this.#undo.push(() => {
      if (before === undefined) this.#picked.delete(record.name);
      else this.#picked.set(record.name, before);
    });
    this.#picked.set(record.name, record);
    return this.#choose(choice);
  }

  #choose(choice: Choice): Choice {
    const { record } = choice;
    const replaced = this.#choices.get(record.name);
    this.#undo.push(() => this.#takeBack(choice, replaced));
    if (replaced !== undefined) this.#chosen.remove(replaced.record);
    this.#chosen.add(record);
    this.#choices.set(record.name, choice);
    for (const dependency of record.conflicts) {
      const list = this.#conflicts.get(dependency.name);
      if (list === undefined) this.#conflicts.set(dependency.name, [{ owner: record, dependency }]);
      else list.push({ owner: record, dependency });
    }
    return choice;
  }

  #takeBack({ record }: Choice, replaced: Choice | undefined): void {
    for (const { name } of record.conflicts) this.#conflicts.get(name)?.pop();
    this.#chosen.remove(record);
    this.#choices.delete(record.name);
    if (replaced === undefined) return;
    this.#chosen.add(replaced.record);
    this.#choices.set(record.name, replaced);
  }
}

function conflictText(owner: PackageFacts, dependency: Dependency): string {
  return `${owner.name} ${owner.version} conflicts with ${formatDependency([dependency])}`;
}

function nearestFree(choice: Choice | undefined): Choice | undefined {
  for (let at = choice; at !== undefined; at = at.parent) if (at.free) return at;
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
