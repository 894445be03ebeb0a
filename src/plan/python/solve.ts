import pLimit from 'p-limit';
import { compareBytes } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { warn } from '../../events.ts';
import { rankTags } from '../../formats/python/wheel-tags.ts';
import { projectPath } from '../../lock/project-url.ts';
import type { PythonPackage } from '../../lock/schema.generated.ts';
import { checkIndexPages } from '../../sources/pypi/find-file.ts';
import type { CompiledPackage } from '../../sources/uv/pylock.ts';
import { targetMarkers } from '../../sources/uv/target-interpreter.ts';
import { holdImpossible, mentions } from '../holds.ts';
import { ask } from './ask.ts';
import type { BuiltPackage } from './built/builder.ts';
import type { BuildsOutcome } from './built/compile-with-builds.ts';
import { checkComputedHash, chooseFile } from './choose-file.ts';
import { PROVIDED, type SolveRequest, withoutDependencies } from './compile-for.ts';
import { describeDirect, describeFile, type WheelDescription, withoutUserInfo } from './describe-file.ts';
import { findEdges } from './edges.ts';
import type { Unreachable } from './offer.ts';
import { allSources, isSingleIndex, routeOf, type Sources } from './routes.ts';
import { type Described, type Solved, settle } from './settle.ts';
import { unknownExtras } from './unknown-extras.ts';
import { unsatisfiableError } from './unsatisfiable.ts';

/** How many packages are looked up at once. */
const LOOK_UPS = 16;

/**
 * Resolves requirements for one target to exactly one wheel per package, sorted by name, with hash, size, and the requirements
 * that make the edges. Throws COGPLAN_PYTHON_UNSATISFIABLE or COGPLAN_NO_WHEEL with the reasoning and the places.
 */
export async function solve(context: Context, asked: SolveRequest): Promise<readonly PythonPackage[]> {
  if (asked.roots.length === 0) return [];
  const unreachable: Unreachable = new Map();
  const { request, described, built } = await settle(context, asked, {
    unreachable,
    solveOnce: (limited) => solveOnce(context, limited, unreachable),
  });
  const alone = new Set(withoutDependencies(request.roots));
  const { requires, missing, unreadable } = findEdges({
    roots: request.roots.map((root) => root.requirement),
    packages: new Map(
      described.map(({ item, description }) => [item.name, alone.has(item.name) ? [] : description.requires]),
    ),
    markers: targetMarkers(request.environment),
  });
  for (const [name, by] of missing) {
    if (PROVIDED.includes(name)) continue;
    const text = `the chosen wheel of ${by} requires ${name}, which other wheels of its version do not`;
    warn(context.host, 'COGPLAN_WHEEL_METADATA_DIFFERS', text, { name, by });
  }
  for (const { name, line } of unreadable) {
    warn(context.host, 'COGPLAN_WHEEL_METADATA_UNREADABLE', `${name} requires "${line}", which is no requirement`, {
      name,
    });
  }
  const chosen = new Map(
    described.map(({ item, description }) => [item.name, { version: item.version, requires: description.requires }]),
  );
  for (const { name, extra, text } of unknownExtras(request.roots, chosen))
    warn(context.host, 'COGPLAN_EXTRA_UNKNOWN', text, { name, extra });
  const packages = described
    .map(({ item, url, description }) => ({
      ...lockPackage(item, { request, url, description, requires }),
      ...builtOf(built.get(item.name)),
    }))
    .sort((a, b) => compareBytes(a.name, b.name));
  checkHeldFiles(packages, request);
  return packages;
}

function checkHeldFiles(packages: readonly PythonPackage[], { held, keep }: SolveRequest): void {
  for (const { name, version, file } of packages) {
    const hold = held?.get(name);
    const locked = keep.find((item) => item.name === name);
    if (hold === undefined || locked === undefined || locked.file.sha256 === file.sha256) continue;
    throw holdImpossible(hold, [`its index no longer lists the locked file of ${name} ${version}`]);
  }
}

async function solveOnce(context: Context, asked: SolveRequest, unreachable: Unreachable): Promise<Solved> {
  const { packages: resolved, roots, built } = await compile(context, asked, unreachable);
  const request: SolveRequest = { ...asked, roots };
  return { request, built, described: await describeAll(context, request, { resolved, unreachable, built }) };
}

async function compile(context: Context, request: SolveRequest, unreachable: Unreachable): Promise<Resolved> {
  const { environment, asOf } = request;
  const answer =
    request.moveLeast === true
      ? await (await import('./move-least.ts')).moveLeast(context, request, unreachable)
      : await ask(context, request, unreachable);
  const { outcome, roots, built } = answer;
  if (outcome.kind === 'resolved') return { packages: outcome.packages, roots, built };
  for (const name of outcome.unknown) {
    const { indexes } = routeOf(request.indexes, name);
    const isDown = await Promise.all(indexes.map((url) => unreachable.get(url)));
    // Of those that others stand in for it was told already.
    await checkIndexPages(
      context,
      indexes.filter((_, index) => isDown[index] !== true),
      name,
    );
  }
  const error = unsatisfiableError(outcome, { roots: [...roots, ...request.constraints], environment, asOf });
  const hold = [...(request.held ?? [])].find(([name]) => mentions(name, outcome.explanation))?.[1];
  throw hold === undefined ? error : holdImpossible(hold, sentences(outcome.explanation), error);
}

interface Resolved extends Pick<BuildsOutcome, 'roots' | 'built'> {
  readonly packages: readonly CompiledPackage[];
}

function sentences(text: string): readonly string[] {
  return text.split(/\n+|(?<=\.)\s+/).filter((sentence) => sentence.trim() !== '');
}

async function describeAll(
  context: Context,
  request: SolveRequest,
  {
    resolved,
    unreachable,
    built,
  }: {
    readonly resolved: readonly CompiledPackage[];
    readonly unreachable: Unreachable;
    readonly built: ReadonlyMap<string, BuiltPackage>;
  },
): Promise<readonly Described[]> {
  const ranks = rankTags(request.environment);
  const limit = pLimit(LOOK_UPS);
  return Promise.all(
    resolved.map((item) =>
      limit(async () => {
        const own = built.get(item.name);
        if (own !== undefined) return { item, url: own.file.url, description: describeBuilt(own) };
        const roots = request.roots.filter((root) => root.name === item.name);
        const previous = request.keep.find(({ name }) => name === item.name);
        const limits = request.constraints.filter((root) => root.name === item.name);
        const file = chooseFile(context, item, { ranks, roots: [...roots, ...limits], previous });
        const wheel = roots.find((root) => root.wheel !== undefined);
        if (item.direct && wheel !== undefined)
          return { item, url: file.url, description: await describeDirect(context, file, wheel) };
        if (projectPath(file.url) !== undefined)
          return { item, url: file.url, description: await describeDirect(context, file, undefined) };
        const direct = item.direct ? (roots.find((root) => root.requirement.url !== undefined)?.text ?? '') : undefined;
        const { indexes: route, onPurpose } = routeOf(request.indexes, item.name);
        const reached = await Promise.all(route.map(async (url) => (await unreachable.get(url)) !== true));
        const indexes = route.filter((_, at) => reached[at]);
        const sources = { indexes, findLinks: request.indexes.findLinks };
        const description = await describeFile(context, { name: item.name, file, sources, direct, onPurpose });
        if (direct !== undefined) return { item, url: file.url, description };
        const named = [...roots, ...limits];
        checkComputedHash(item, named, { filename: file.filename, sha256: description.sha256 });
        const computed = description.computed && named.every(({ hashes }) => hashes.length === 0);
        return { item, url: file.url, description: { ...description, computed } };
      }),
    ),
  );
}

function describeBuilt({ file, requires }: BuiltPackage): WheelDescription {
  const { sha256, size } = file;
  return { sha256, size, computed: false, index: null, indexes: [], yanked: null, requires, requiresPython: null };
}

function builtOf(item: BuiltPackage | undefined): Pick<PythonPackage, 'built'> {
  return item === undefined ? {} : { built: item.built };
}

function lockPackage(
  { name, version }: CompiledPackage,
  {
    request,
    url,
    description,
    requires,
  }: {
    readonly request: SolveRequest;
    readonly url: string;
    readonly description: WheelDescription;
    readonly requires: ReadonlyMap<string, readonly string[]>;
  },
): PythonPackage {
  const { index, sha256, size, computed } = description;
  const asked = request.roots.filter((root) => root.name === name).map((root) => root.asked);
  return {
    name,
    version,
    file: { url, sha256, size, ...(computed ? { computed: true } : {}) },
    ...(index === null || isSingleIndex(request.indexes) ? {} : { index }),
    ...(asked.length === 0 ? {} : { asked }),
    requires: [...(requires.get(name) ?? [])],
  };
}

/** What the lock tells of the places that packages came from, in order of preference. */
export function publicSources(sources: Sources): string[] {
  return [...new Set(allSources(sources).map(withoutUserInfo))];
}
