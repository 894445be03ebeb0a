import { compareBytes } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import type { Specifier } from '../../formats/python/specifier.ts';
import { isPrerelease } from '../../formats/python/version.ts';
import { parseWheelMetadata } from '../../formats/python/wheel-metadata.ts';
import { rankTags, type WheelEnvironment } from '../../formats/python/wheel-tags.ts';
import type { PythonPackage } from '../../lock/schema.generated.ts';
import { type CompileOutcome, type CompileRequest, compileRequirements } from '../../sources/uv/compile.ts';
import type { CompiledFile } from '../../sources/uv/pylock.ts';
import type { Held } from '../holds.ts';
import type { BuilderOptions } from './built/builder.ts';
import { withDirectWheels } from './direct-wheels.ts';
import { offeredMetadata, offerFiles, type Unreachable } from './offer.ts';
import { explainMisfits, type Misfits } from './python-bounds.ts';
import type { Root } from './roots.ts';
import { isSingleIndex, type Sources } from './routes.ts';

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
  /** Exact versions, as `name==1.0`, of whatever of these is needed. */
  readonly pins?: readonly string[];
  /** What `roots` name is taken in the oldest version that will do, rather than the newest. */
  readonly oldest?: boolean;
  /** Of `keep`, as few move as can be, and those by as little as can be. */
  readonly moveLeast?: boolean;
  /** Called each time the resolver has been started, which leaves this process idle for a while. */
  readonly onAsked?: () => void;
  /** Versions not to be taken, for they are for other Pythons; absent while none is known to be in question. */
  readonly misfits?: Misfits;
  /** Names of packages of which pre-releases do not count. */
  readonly finals?: readonly string[];
  /** How packages without a wheel are built; absent: they are not. */
  readonly builds?: {
    readonly builder: BuilderOptions;
    readonly projectDirectory: string;
    /** Names whose wheels are not to be taken. */
    readonly noBinary: readonly string[];
    /** The only names that may be built because no wheel fits; absent: all. */
    readonly only?: ReadonlySet<string>;
  };
}

/** What building adds to a question, and what an answer may tell beside itself. */
export type CompileChange = Pick<CompileRequest, 'overrides' | 'buildIndex'> & {
  /** Filled with the indexes that cannot be reached. */
  readonly unreachable?: Unreachable;
};

/** Names that the image has already: the `cog` module is cogplan's own, whatever depends on it. */
export const PROVIDED = ['cog', 'coglet'];

/** The versions that satisfy a request, with the files they may be chosen from; or why there are none. */
export function compileFor(
  context: Context,
  request: SolveRequest,
  { unreachable = new Map(), ...change }: CompileChange = {},
): Promise<CompileOutcome> {
  return withDirectWheels(context, request.roots, (roots) => {
    const given = { ...request, roots };
    return isSingleIndex(request.indexes) && request.asOf === null && request.misfits === undefined
      ? compileRequirements(context, { ...compileRequest(given), ...change })
      : compileAtDesk(context, given, { ...change, unreachable });
  });
}

function compileRequest(request: SolveRequest): CompileRequest {
  return {
    uv: request.uv,
    environment: request.environment,
    // What is still to be built has no text that the resolver could read.
    requirements: request.roots.map((root) => root.text).filter((text) => text !== ''),
    constraints: [...request.constraints.map((root) => root.text), ...heldPins(request), ...(request.pins ?? [])],
    indexes: { primary: request.indexes.primary, extra: [], findLinks: [] },
    pre: request.pre,
    ...(request.oldest === true ? { oldest: true } : {}),
    prereleases: prereleasesOf(request),
    finals: request.finals ?? [],
    preferences: request.keep,
    excludes: PROVIDED,
    withoutDependencies: withoutDependencies(request.roots),
    onStart: request.onAsked,
  };
}

/** Names that nothing is to come with: all lines that ask for them say so. */
export function withoutDependencies(roots: readonly Root[]): readonly string[] {
  const names = roots.filter(({ noDeps }) => noDeps === true).map(({ name }) => name);
  return [...new Set(names)].filter(
    (name) => name !== '' && roots.every((root) => root.name !== name || root.noDeps === true),
  );
}

/** Who names a pre-release wants them: pip takes the newest then, the resolver a final release while there is one. */
export function prereleasesOf({ roots, constraints }: SolveRequest): readonly string[] {
  const named = [...roots, ...constraints].filter(({ requirement }) => namesPrerelease(requirement.specifiers));
  return [...new Set(named.map(({ name }) => name))].sort(compareBytes);
}

export function namesPrerelease(specifiers: readonly Specifier[]): boolean {
  return specifiers.some(
    ({ operator, version }) => operator !== '!=' && version !== undefined && isPrerelease(version),
  );
}

/** Resolves against an index of our own that shows for each name what it may be chosen from. */
async function compileAtDesk(
  context: Context,
  request: SolveRequest,
  { unreachable = new Map(), ...change }: CompileChange,
): Promise<CompileOutcome> {
  const { indexes, roots, asOf } = request;
  const misfits: Misfits = new Map([...(request.misfits ?? [])].map(([name, versions]) => [name, new Map(versions)]));
  const input = {
    sources: indexes,
    python: request.environment.version,
    misfits,
    ranks: rankTags(request.environment),
    roots: [...roots, ...request.constraints],
    asOf,
    unreachable,
  };
  let unreadable: { readonly error: unknown } | undefined;
  const { openIndexDesk } = await import('../../sources/pypi/index-desk.ts');
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
      ...change,
      indexes: { primary: desk.url, extra: [], findLinks: [] },
      isDesk: true,
    };
    const outcome = await compileRequirements(context, asked).catch((error: unknown) => {
      throw desk.failure()?.error ?? error;
    });
    const failure = desk.failure() ?? unreadable;
    if (outcome.kind !== 'resolved') {
      if (failure !== undefined) throw failure.error;
      const explanation = [outcome.explanation, ...explainMisfits(misfits, outcome.explanation)].join('\n');
      return { ...outcome, explanation, unknown: outcome.unknown.filter((name) => !misfits.has(name)) };
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
