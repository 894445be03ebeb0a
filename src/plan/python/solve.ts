import pLimit from 'p-limit';
import { compareBytes } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { warn } from '../../events.ts';
import { parseWheelMetadata } from '../../formats/python/wheel-metadata.ts';
import type { WheelEnvironment } from '../../formats/python/wheel-tags.ts';
import { rankTags } from '../../formats/python/wheel-tags.ts';
import type { PythonPackage } from '../../lock/schema.generated.ts';
import { checkIndexPages } from '../../sources/pypi/find-file.ts';
import { openIndexDesk } from '../../sources/pypi/index-desk.ts';
import { type CompileOutcome, type CompileRequest, compileRequirements } from '../../sources/uv/compile.ts';
import type { CompiledFile, CompiledPackage } from '../../sources/uv/pylock.ts';
import { targetMarkers } from '../../sources/uv/target-interpreter.ts';
import { type Held, holdImpossible, mentions } from '../holds.ts';
import { chooseFile } from './choose-file.ts';
import { describeFile, type WheelDescription, withoutUserInfo } from './describe-file.ts';
import { findEdges } from './edges.ts';
import { offeredMetadata, offerFiles, type Unreachable } from './offer.ts';
import type { Root } from './roots.ts';
import { allSources, isSingleIndex, routeOf, type Sources } from './routes.ts';
import { unsatisfiableError } from './unsatisfiable.ts';

export interface SolveRequest {
  /** Path of the uv executable. */
  readonly uv: string;
  readonly environment: WheelEnvironment;
  readonly roots: readonly Root[];
  /** Limits on versions of packages that something else asks for. */
  readonly constraints: readonly Root[];
  readonly indexes: Sources;
  readonly pre: boolean;
  readonly asOf: string | null;
  /** Packages of the lock before that stay if they can; empty to take the newest of everything. */
  readonly keep: readonly PythonPackage[];
  /** Names among `keep` that must keep their file; what does not allow that is COGPLAN_HOLD_IMPOSSIBLE. */
  readonly held?: Held['python'];
}

/** Names that the image has already: the `cog` module is cogplan's own, whatever depends on it. */
const PROVIDED = ['cog', 'coglet'];

/** How many packages are looked up at once. */
const LOOK_UPS = 16;

/**
 * Resolves requirements for one target to exactly one wheel per package, sorted by name, with hash, size, and the requirements
 * that make the edges. Throws COGPLAN_PYTHON_UNSATISFIABLE or COGPLAN_NO_WHEEL with the reasoning and the places.
 */
export async function solve(context: Context, request: SolveRequest): Promise<readonly PythonPackage[]> {
  if (request.roots.length === 0) return [];
  const unreachable: Unreachable = new Map();
  const resolved = await compile(context, request, unreachable);
  const described = await describeAll(context, request, { resolved, unreachable });
  const { requires, missing, unreadable } = findEdges({
    roots: request.roots.map((root) => root.requirement),
    packages: new Map(described.map(({ item, description }) => [item.name, description.requires])),
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
  const packages = described
    .map(({ item, url, description }) => lockPackage(item, { request, url, description, requires }))
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

async function compile(
  context: Context,
  request: SolveRequest,
  unreachable: Unreachable,
): Promise<readonly CompiledPackage[]> {
  const { roots, environment, asOf } = request;
  const outcome =
    isSingleIndex(request.indexes) && asOf === null
      ? await compileRequirements(context, compileRequest(request))
      : await compileAtDesk(context, request, unreachable);
  if (outcome.kind === 'resolved') return outcome.packages;
  for (const name of outcome.unknown) await checkIndexPages(context, routeOf(request.indexes, name).indexes, name);
  const error = unsatisfiableError(outcome, { roots: [...roots, ...request.constraints], environment, asOf });
  const hold = [...(request.held ?? [])].find(([name]) => mentions(name, outcome.explanation))?.[1];
  throw hold === undefined ? error : holdImpossible(hold, sentences(outcome.explanation), error);
}

function compileRequest(request: SolveRequest): CompileRequest {
  return {
    uv: request.uv,
    environment: request.environment,
    requirements: request.roots.map((root) => root.text),
    constraints: [...request.constraints.map((root) => root.text), ...heldPins(request)],
    indexes: { primary: request.indexes.primary, extra: [], findLinks: [] },
    pre: request.pre,
    preferences: request.keep,
    excludes: PROVIDED,
  };
}

/** Resolves against an index of our own that shows for each name what it may be chosen from. */
async function compileAtDesk(
  context: Context,
  request: SolveRequest,
  unreachable: Unreachable,
): Promise<CompileOutcome> {
  const { indexes, roots, asOf } = request;
  const input = {
    sources: indexes,
    ranks: rankTags(request.environment),
    roots: [...roots, ...request.constraints],
    asOf,
    unreachable,
  };
  let unreadable: { readonly error: unknown } | undefined;
  const desk = await openIndexDesk({
    files: (name) => offerFiles(context, name, input),
    metadata: async (file) => {
      const bytes = await offeredMetadata(context, file);
      // uv passes over a version whose metadata it cannot read: that is worth telling only when nothing else is left.
      try {
        parseWheelMetadata(bytes, file.filename);
      } catch (error) {
        unreadable ??= { error };
      }
      return bytes;
    },
  });
  try {
    const asked = {
      ...compileRequest(request),
      indexes: { primary: desk.url, extra: [], findLinks: [] },
      isDesk: true,
    };
    const outcome = await compileRequirements(context, asked).catch((error: unknown) => {
      throw desk.failure()?.error ?? error;
    });
    const failure = desk.failure() ?? unreadable;
    if (outcome.kind !== 'resolved') {
      if (failure !== undefined) throw failure.error;
      return outcome;
    }
    const real = (file: CompiledFile): CompiledFile => {
      const offered = desk.fileOf(file.url);
      if (offered === undefined) return file;
      const { url, filename, sha256, size } = offered;
      return { url, filename, ...(sha256 === undefined ? {} : { sha256 }), ...(size === undefined ? {} : { size }) };
    };
    return { ...outcome, packages: outcome.packages.map((item) => ({ ...item, files: item.files.map(real) })) };
  } finally {
    await desk.close();
  }
}

function heldPins({ held, keep }: SolveRequest): readonly string[] {
  return keep.filter(({ name }) => held?.has(name) ?? false).map(({ name, version }) => `${name}==${version}`);
}

function sentences(text: string): readonly string[] {
  return text.split(/\n+|(?<=\.)\s+/).filter((sentence) => sentence.trim() !== '');
}

interface Described {
  readonly item: CompiledPackage;
  readonly url: string;
  readonly description: WheelDescription;
}

async function describeAll(
  context: Context,
  request: SolveRequest,
  { resolved, unreachable }: { readonly resolved: readonly CompiledPackage[]; readonly unreachable: Unreachable },
): Promise<readonly Described[]> {
  const ranks = rankTags(request.environment);
  const limit = pLimit(LOOK_UPS);
  return Promise.all(
    resolved.map((item) =>
      limit(async () => {
        const roots = request.roots.filter((root) => root.name === item.name);
        const previous = request.keep.find(({ name }) => name === item.name);
        const limits = request.constraints.filter((root) => root.name === item.name);
        const file = chooseFile(context, item, { ranks, roots: [...roots, ...limits], previous });
        const direct = item.direct ? (roots.find((root) => root.requirement.url !== undefined)?.text ?? '') : undefined;
        const { indexes: route, onPurpose } = routeOf(request.indexes, item.name);
        const reached = await Promise.all(route.map(async (url) => (await unreachable.get(url)) !== true));
        const indexes = route.filter((_, at) => reached[at]);
        const sources = { indexes, findLinks: request.indexes.findLinks };
        const description = await describeFile(context, { name: item.name, file, sources, direct, onPurpose });
        return { item, url: file.url, description };
      }),
    ),
  );
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
