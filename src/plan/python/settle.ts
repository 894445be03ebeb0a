import type { Context } from '../../context.ts';
import { CogplanError, isCogplanError } from '../../errors.ts';
import { normalizeName } from '../../formats/python/name.ts';
import { parseRequirement } from '../../formats/python/requirement.ts';
import { type Specifier, satisfies } from '../../formats/python/specifier.ts';
import { isPrerelease, parseVersion } from '../../formats/python/version.ts';
import { parseWheelFilename } from '../../formats/python/wheel-filename.ts';
import { rankTags, rankWheel } from '../../formats/python/wheel-tags.ts';
import type { CompiledPackage } from '../../sources/uv/pylock.ts';
import { targetMarkers } from '../../sources/uv/target-interpreter.ts';
import type { BuiltPackage } from './built/builder.ts';
import { namesPrerelease, prereleasesOf, type SolveRequest } from './compile-for.ts';
import type { WheelDescription } from './describe-file.ts';
import { findEdges } from './edges.ts';
import { offerFiles, type Unreachable } from './offer.ts';
import { addMisfit, admitsPython, type Misfits } from './python-bounds.ts';

export interface Described {
  readonly item: CompiledPackage;
  readonly url: string;
  readonly description: WheelDescription;
}

export interface Solved {
  /** The request with what stands for sources that were built. */
  readonly request: SolveRequest;
  readonly described: readonly Described[];
  readonly built: ReadonlyMap<string, BuiltPackage>;
}

/** More answers in a row that will not do are no accident of one project. */
const MOST_ROUNDS = 100;

/**
 * Asks until the answer is one that pip could give, in two things that the resolver sees otherwise. It looks at lower bounds of Requires-Python alone: versions
 * for older Pythons are ruled out. And it takes a pre-release where final releases that everything chosen admits lead to a conflict: those are preferred,
 * as long as there is an answer with them. Errors: those of `solveOnce`, and COGPLAN_NO_WHEEL for a file asked for by its place that is for another Python.
 */
export async function settle(
  context: Context,
  asked: SolveRequest,
  { unreachable, solveOnce }: { readonly unreachable: Unreachable; readonly solveOnce: SolveOnce },
): Promise<Solved> {
  const misfits: Misfits = new Map(asked.misfits ?? []);
  const finals = new Set<string>();
  let fallback: Solved | undefined;
  for (let round = 0; ; round++) {
    const limited = { ...asked, ...(misfits.size === 0 ? {} : { misfits }), finals: [...finals] };
    let solved: Solved;
    try {
      solved = await solveOnce(limited);
    } catch (error) {
      if (fallback === undefined || !isCogplanError(error) || !NO_ANSWER.has(error.code)) throw error;
      return fallback;
    }
    const wrong = otherPythons(solved, misfits, round);
    if (wrong.length > 0) {
      for (const { item, description } of wrong)
        addMisfit(misfits, item.name, [item.version, description.requiresPython ?? '']);
      continue;
    }
    const early = round >= MOST_ROUNDS ? [] : await needlessPrereleases(context, solved, { unreachable, misfits });
    if (early.length === 0 || early.every((name) => finals.has(name))) return solved;
    fallback ??= solved;
    for (const name of early) finals.add(name);
  }
}

export type SolveOnce = (request: SolveRequest) => Promise<Solved>;

const NO_ANSWER: ReadonlySet<string> = new Set(['COGPLAN_PYTHON_UNSATISFIABLE', 'COGPLAN_NO_WHEEL']);

/** What is for other Pythons than the target's, and can be ruled out. */
function otherPythons({ described, request }: Solved, misfits: Misfits, round: number): readonly Described[] {
  const python = request.environment.version;
  const wrong = described.filter(({ description }) => !admitsPython(description.requiresPython ?? undefined, python));
  const stuck = wrong.find(
    ({ item }) => round >= MOST_ROUNDS || item.direct || misfits.get(item.name)?.has(item.version) === true,
  );
  if (stuck === undefined) return wrong;
  const { name, version } = stuck.item;
  const text = `${name} ${version} is for Python ${stuck.description.requiresPython}, not for ${python}`;
  throw new CogplanError('COGPLAN_NO_WHEEL', text, {
    subject: name,
    where: request.roots.find((root) => root.name === name)?.where,
    hint: 'Ask for another python_version, or for another version of the package.',
    data: { explanation: text },
  });
}

/** Pre-releases that nobody asked for although a final release satisfies everything that is chosen. */
async function needlessPrereleases(
  context: Context,
  { request, described }: Solved,
  { unreachable, misfits }: { readonly unreachable: Unreachable; readonly misfits: Misfits },
): Promise<readonly string[]> {
  const { pre, keep, environment, roots, constraints, indexes, asOf } = request;
  if (pre) return [];
  const wanted = new Set([...prereleasesOf(request), ...keep.map(({ name }) => name)]);
  const early = described.filter(({ item }) => isEarly(item.version) && !item.direct && !wanted.has(item.name));
  if (early.length === 0) return [];
  const ranks = rankTags(environment);
  const input = { sources: indexes, ranks, roots, asOf, python: environment.version, misfits, unreachable };
  const asked = specifiersByName(request, described);
  const needless: string[] = [];
  for (const { item } of early) {
    const specifiers = [...(asked.get(item.name) ?? []), ...specifiersOf([...roots, ...constraints], item.name)];
    if (namesPrerelease(specifiers)) continue;
    const files = (await offerFiles(context, item.name, input)) ?? [];
    const hasFinal = files.some(({ filename, yanked, requiresPython }) => {
      const wheel = parseWheelFilename(filename);
      if (wheel === undefined || yanked !== undefined || isPrerelease(wheel.version)) return false;
      if (rankWheel(wheel, ranks) === undefined || !admitsPython(requiresPython, environment.version)) return false;
      return satisfies(wheel.version, specifiers, true);
    });
    if (hasFinal) needless.push(item.name);
  }
  return needless;
}

function isEarly(version: string): boolean {
  const parsed = parseVersion(version);
  return parsed !== undefined && isPrerelease(parsed);
}

function specifiersOf(roots: SolveRequest['roots'], name: string): readonly Specifier[] {
  return roots.filter((root) => root.name === name).flatMap(({ requirement }) => requirement.specifiers);
}

/** What the chosen packages ask of each other. */
function specifiersByName(
  { roots, environment }: SolveRequest,
  described: readonly Described[],
): ReadonlyMap<string, readonly Specifier[]> {
  const { requires } = findEdges({
    roots: roots.map((root) => root.requirement),
    packages: new Map(described.map(({ item, description }) => [item.name, description.requires])),
    markers: targetMarkers(environment),
  });
  const byName = new Map<string, Specifier[]>();
  for (const line of [...requires.values()].flat()) {
    const { name, specifiers } = parseRequirement(line);
    byName.set(normalizeName(name), [...(byName.get(normalizeName(name)) ?? []), ...specifiers]);
  }
  return byName;
}
