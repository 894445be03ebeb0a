import type { BuildPlace } from '../../../apply/wheel-build/build-recipe.ts';
import { openUnpackedWheels, type UnpackedWheels } from '../../../apply/wheel-build/unpacked-wheels.ts';
import type { Context } from '../../../context.ts';
import { bug, CogplanError } from '../../../errors.ts';
import { evaluateMarker } from '../../../formats/python/marker.ts';
import { normalizeName } from '../../../formats/python/name.ts';
import { formatRequirement, parseRequirement } from '../../../formats/python/requirement.ts';
import type { Archive, BuildRequirement, Built, PythonPackage } from '../../../lock/schema.generated.ts';
import type { CompileOutcome } from '../../../sources/uv/compile.ts';
import { targetMarkers } from '../../../sources/uv/target-interpreter.ts';
import { exactVersion } from '../../accelerator/choose-build.ts';
import type { ResolveInput } from '../../families.ts';
import type { SolveRequest } from '../compile-for.ts';
import type { Root } from '../roots.ts';
import type { BuilderOptions } from './builder.ts';

/** What is built with something that is built with something that is built: deeper ones are refused. */
const MAX_DEPTH = 3;

export interface OpenBuilder {
  readonly options: BuilderOptions;
  /** The machinery that was used: its toolchain belongs into the lock. */
  place(): Promise<BuildPlace>;
  /** Archives that vouch for the toolchain beside those of the system. */
  archives(): Promise<readonly Archive[]>;
  /** Gives back the room that builds took. */
  close(): Promise<void>;
}

/** How requirements are resolved: to locked wheels, or to versions alone. */
export interface Resolver {
  readonly solve: (context: Context, request: SolveRequest) => Promise<readonly PythonPackage[]>;
  readonly ask: (context: Context, request: SolveRequest) => Promise<CompileOutcome>;
}

/**
 * The means to build wheels for the target of a resolution. Nothing is looked up before something has to be built. `solve` resolves what builds need, from the model's indexes.
 */
export function openBuilder(
  context: Context,
  input: ResolveInput,
  model: SolveRequest,
  { solve, ask }: Resolver,
): OpenBuilder {
  const { system: systemOf } = input;
  if (systemOf === undefined) throw bug('building needs the system that is built for');
  const resolved = once(async () => {
    const { resolveToolchain } = await import('../../system/toolchain.ts');
    const { base, interpreter, system } = await systemOf();
    const target = { base, interpreter, system };
    const previous = input.previous?.toolchain?.packages ?? [];
    const { platform, options, spec } = input;
    const { configure } = spec.settings.values;
    const toolchain = await resolveToolchain(context, { target, platform, previous, asOf: options.asOf, configure });
    return { target, ...toolchain };
  });
  const place = once(async (): Promise<BuildPlace> => {
    const { target, packages } = await resolved();
    return { target, toolchain: packages, platform: input.platform };
  });
  const sandbox = once(async () => {
    const { openSandbox } = await import('../../../apply/sandbox/open-sandbox.ts');
    return openSandbox(context, { tools: (await systemOf()).tools });
  });
  const versions = once(() => modelVersions(context, model, ask));
  const before = previousRequirements(input);
  const unpacked = openUnpackedWheels(context);

  const optionsAt = (depth: number): BuilderOptions => ({
    place,
    openSandbox: sandbox,
    unpacked,
    modelVersions: versions,
    resolve: async (inner, requirements, constraints) => {
      const roots = buildRoots(requirements, model);
      const missing = roots.filter(({ name }) => !constraints.some((line) => nameOf(line) === name));
      const packages = await solve(inner, {
        ...model,
        roots: [...missing, ...constrained(roots, constraints)],
        constraints: [],
        keep: before,
        held: new Map(),
        builds: {
          projectDirectory: input.spec.directory,
          noBinary: [],
          builder: depth < MAX_DEPTH ? optionsAt(depth + 1) : tooDeep(requirements, unpacked),
        },
      });
      return packages.map(
        ({ name, version, file, built }): BuildRequirement => ({
          name,
          version,
          file,
          ...(built === undefined ? {} : { built }),
        }),
      );
    },
  });
  return { options: optionsAt(1), place, archives: async () => (await resolved()).archives, close: unpacked.close };
}

/** The requirement with the constraint of its name, so that no constraint makes a package necessary. */
function constrained(roots: readonly Root[], constraints: readonly string[]): readonly Root[] {
  return roots.flatMap((root) => {
    const lines = constraints.filter((line) => nameOf(line) === root.name);
    if (lines.length === 0) return [];
    const specifiers = lines.flatMap((line) => parseRequirement(line).specifiers);
    const requirement = { ...root.requirement, specifiers: [...root.requirement.specifiers, ...specifiers] };
    return [{ ...root, requirement, text: formatRequirement(requirement) }];
  });
}

function nameOf(line: string): string {
  return normalizeName(parseRequirement(line).name);
}

function buildRoots(lines: readonly string[], { environment }: SolveRequest): readonly Root[] {
  const markers = targetMarkers(environment);
  const roots = new Map<string, Root>();
  for (const line of lines) {
    const requirement = parseRequirement(line);
    if (requirement.marker !== undefined && !evaluateMarker(requirement.marker, markers)) continue;
    const { marker: _, ...plain } = requirement;
    const name = normalizeName(requirement.name);
    const text = formatRequirement(plain);
    roots.set(text, { name, requirement: plain, text, asked: `build: ${text}`, hashes: [] });
  }
  return [...roots.values()];
}

function tooDeep(requirements: readonly string[], unpacked: UnpackedWheels): BuilderOptions {
  const refuse = async (): Promise<never> => {
    throw new CogplanError('COGPLAN_BUILD_FAILED', 'what builds need would have to be built itself, and so on', {
      subject: requirements.join(', '),
      hint: 'Choose a version of the package that has a wheel.',
    });
  };
  return { place: refuse, openSandbox: refuse, unpacked, resolve: refuse, modelVersions: refuse };
}

/**
 * Of the packages that have wheels: those that have none are what is being built. Where they cannot be had together, the
 * versions that the model pins: what contradicts them is told when all is built.
 */
export async function modelVersions(
  context: Context,
  model: SolveRequest,
  ask: Resolver['ask'],
): Promise<readonly string[]> {
  let roots = model.roots.filter(({ source, requirement }) => source === undefined && requirement.url === undefined);
  for (;;) {
    if (roots.length === 0) return [];
    const outcome = await ask(context, { ...model, roots });
    if (outcome.kind === 'resolved') return outcome.packages.map(({ name, version }) => `${name}==${version}`);
    const without = new Set([...outcome.withoutWheel.map(({ name }) => name), ...outcome.unknown].map(normalizeName));
    const left = roots.filter(({ name }) => !without.has(normalizeName(name)));
    if (left.length === roots.length) return pinnedVersions(roots);
    roots = left;
  }
}

function pinnedVersions(roots: readonly Root[]): readonly string[] {
  return roots.flatMap((root) => {
    const version = exactVersion(root);
    return version === undefined ? [] : [`${root.name}==${version}`];
  });
}

/** What the builds of the lock before were made with, to be kept where it can be. */
function previousRequirements({ previous, options }: ResolveInput): readonly PythonPackage[] {
  if (options.mode === 'upgrade') return [];
  const found = new Map<string, PythonPackage>();
  const visit = (built: Built | undefined): void => {
    for (const { name, version, file, built: inner } of built?.requires ?? []) {
      if (!found.has(name)) found.set(name, { name, version, file, requires: [] });
      visit(inner);
    }
  };
  for (const item of previous?.python.packages ?? []) visit(item.built);
  return [...found.values()];
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
