import { compareBytes } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { parseRequirement } from '../../formats/python/requirement.ts';
import type { PythonPackage } from '../../lock/schema.generated.ts';
import type { CompiledPackage } from '../../sources/uv/pylock.ts';
import { mentions } from '../holds.ts';
import { ask } from './ask.ts';
import type { BuildsOutcome } from './built/compile-with-builds.ts';
import type { SolveRequest } from './compile-for.ts';
import type { Unreachable } from './offer.ts';

const MAX_QUESTIONS = 60;
const MAX_NARROWINGS = 20;
/** Beyond so many packages that must move, the smallest set is not searched for but approached. */
const MAX_EXACT = 6;

/**
 * Resolves a request so that as few packages of `keep` as possible get another version, and each of these the nearest that will do: the next one up, or where there
 * is none, the next one down. Of two sets of one size, the one with fewer packages that the project names moves.
 *
 * The smallest set is a minimum hitting set: each refusal of the resolver names locked versions of which one has to move, and what moves is the smallest set that
 * has one of each. https://doi.org/10.1007/978-3-642-40627-0_37
 */
export async function moveLeast(
  context: Context,
  request: SolveRequest,
  unreachable: Unreachable,
): Promise<BuildsOutcome> {
  const plain = await ask(context, request, unreachable);
  if (plain.outcome.kind !== 'resolved') return plain;
  const versions = new Map(plain.outcome.packages.map(({ name, version }) => [name, version]));
  const kept = keptVersions(request);
  if (kept.every(({ name, version }) => (versions.get(name) ?? version) === version)) return plain;

  const search = new Search(context, request, { kept, plain, unreachable });
  const moved = await search.fewest();
  return moved === undefined ? plain : search.nearest(moved);
}

/** What the project names by its place is what stands there, and what is held is kept by the resolver anyway. */
function keptVersions({ keep, held, roots }: SolveRequest): readonly PythonPackage[] {
  const direct = new Set(
    roots.filter((root) => root.source !== undefined || root.requirement.url !== undefined).map(({ name }) => name),
  );
  return keep.filter(({ name }) => held?.has(name) !== true && !direct.has(name));
}

interface SearchInput {
  readonly kept: readonly PythonPackage[];
  readonly plain: BuildsOutcome;
  readonly unreachable: Unreachable;
}

class Search {
  readonly #context: Context;
  readonly #request: SolveRequest;
  readonly #kept: readonly PythonPackage[];
  readonly #unreachable: Unreachable;
  /** What the project names comes last: it moves only when nothing else will do. */
  readonly #order: readonly string[];

  constructor(context: Context, request: SolveRequest, { kept, plain, unreachable }: SearchInput) {
    this.#context = context;
    this.#kept = kept;
    this.#unreachable = unreachable;
    // What needs no build as it is, and needed none before, is not built to save a version.
    const only = new Set([...plain.built.keys(), ...kept.flatMap(({ name, built }) => (built ? [name] : []))]);
    this.#request = request.builds === undefined ? request : { ...request, builds: { ...request.builds, only } };
    const asked = new Set(request.roots.map(({ name }) => name));
    this.#order = kept
      .map(({ name }) => name)
      .sort((a, b) => Number(asked.has(a)) - Number(asked.has(b)) || compareBytes(a, b));
  }

  /** The smallest set of names that has to move; undefined when the resolver does not tell. */
  async fewest(): Promise<readonly string[] | undefined> {
    const refusals: (readonly string[])[] = [];
    for (let question = 0; question < MAX_QUESTIONS; question++) {
      const moved = smallestHittingSet(refusals);
      const { outcome } = await this.#ask(this.#pins(moved));
      if (outcome.kind === 'resolved') return this.#withoutNeedless(moved);
      const names = this.#order.filter((name) => !moved.includes(name) && mentions(name, outcome.explanation));
      if (names.length === 0) return undefined;
      refusals.push(names);
    }
    return undefined;
  }

  /** The answer in which only `moved` move, each to its nearest version. */
  async nearest(moved: readonly string[]): Promise<BuildsOutcome> {
    const pins = this.#pins(moved);
    let answer = await this.#ask(pins);
    // What the project names comes first: that it moves by little is worth most.
    for (const name of this.#order.filter((item) => moved.includes(item)).reverse()) {
      const locked = this.#kept.find((item) => item.name === name);
      if (locked === undefined || packagesOf(answer).every((item) => item.name !== name)) continue;
      const version = (await this.#nextUp(locked, pins)) ?? (await this.#nextDown(locked, pins));
      if (version === undefined) continue;
      pins.push(`${name}==${version}`);
      answer = await this.#ask(pins);
    }
    return answer;
  }

  async #withoutNeedless(moved: readonly string[]): Promise<readonly string[]> {
    let needed = moved;
    for (const name of moved) {
      const fewer = needed.filter((item) => item !== name);
      if (moved.length > 1 && (await this.#ask(this.#pins(fewer))).outcome.kind === 'resolved') needed = fewer;
    }
    return needed;
  }

  #nextUp({ name, version }: PythonPackage, pins: readonly string[]): Promise<string | undefined> {
    return this.#narrow(name, `>=${publicPart(version)},!=${version}`, {
      pins,
      closer: (found) => `<${found}`,
      oldest: true,
    });
  }

  #nextDown({ name, version }: PythonPackage, pins: readonly string[]): Promise<string | undefined> {
    return this.#narrow(name, `<=${publicPart(version)},!=${version}`, {
      pins,
      closer: (found) => `>${found}`,
      oldest: false,
    });
  }

  /** A version within a range such that none that is closer will do: the resolver prefers it, but does not promise it. */
  async #narrow(
    name: string,
    range: string,
    {
      pins,
      closer,
      oldest,
    }: { readonly pins: readonly string[]; readonly closer: (found: string) => string; readonly oldest: boolean },
  ): Promise<string | undefined> {
    let found: string | undefined;
    for (let step = 0; step < MAX_NARROWINGS; step++) {
      const text = found === undefined ? `${name}${range}` : `${name}${range},${closer(publicPart(found))}`;
      const root = { name, requirement: parseRequirement(text), text, asked: `cogplan: ${text}`, hashes: [] };
      const answer = await this.#ask(pins, { ...this.#request, roots: [...this.#request.roots, root], oldest });
      const next = packagesOf(answer).find((item) => item.name === name)?.version;
      if (next === undefined || next === found) break;
      found = next;
    }
    return found;
  }

  #pins(moved: readonly string[]): string[] {
    return this.#kept.filter(({ name }) => !moved.includes(name)).map(({ name, version }) => `${name}==${version}`);
  }

  #ask(pins: readonly string[], request: SolveRequest = this.#request): Promise<BuildsOutcome> {
    return ask(this.#context, { ...request, pins }, this.#unreachable);
  }
}

function packagesOf({ outcome }: BuildsOutcome): readonly CompiledPackage[] {
  return outcome.kind === 'resolved' ? outcome.packages : [];
}

/** `2.0.1` of `2.0.1+cu118`: ordered comparisons take no local versions. https://peps.python.org/pep-0440/#inclusive-ordered-comparison */
function publicPart(version: string): string {
  return version.split('+')[0] ?? version;
}

/** The smallest set that has a member of each set, earlier members first; beyond `MAX_EXACT` a set that is small. */
export function smallestHittingSet(sets: readonly (readonly string[])[]): readonly string[] {
  for (let size = 0; size <= MAX_EXACT; size++) {
    const found = hittingSet(sets, [], size);
    if (found !== undefined) return found;
  }
  const chosen: string[] = [];
  for (;;) {
    const open = sets.filter((set) => !set.some((name) => chosen.includes(name)));
    if (open.length === 0) return chosen;
    const counts = new Map<string, number>();
    for (const name of open.flat()) counts.set(name, (counts.get(name) ?? 0) + 1);
    const [most] = [...counts].sort(([, a], [, b]) => b - a)[0] ?? [];
    if (most !== undefined) chosen.push(most);
  }
}

function hittingSet(
  sets: readonly (readonly string[])[],
  chosen: readonly string[],
  left: number,
): readonly string[] | undefined {
  const open = sets.find((set) => !set.some((name) => chosen.includes(name)));
  if (open === undefined) return chosen;
  if (left === 0) return undefined;
  for (const name of open) {
    const found = hittingSet(sets, [...chosen, name], left - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
