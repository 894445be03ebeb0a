import { compareBytes } from '../canonical.ts';
import type { Context } from '../context.ts';
import { CogplanError } from '../errors.ts';
import { warn, withSpan } from '../events.ts';
import { normalizeName } from '../formats/python/name.ts';
import { LOCK_VERSION } from '../lock/lock-version.ts';
import type { Platform } from '../lock/platform.ts';
import type { Archive, Hold, Lock, Step, System, Target, Tool } from '../lock/schema.generated.ts';
import { nearest } from '../nearest.ts';
import { bundledSdk } from '../sources/bundled-runtime.ts';
import type { Spec } from '../spec/spec.ts';
import { specOn } from '../spec/spec-on.ts';
import { VERSION } from '../version.ts';
import { askedOf, compareAsked } from './asked.ts';
import { environmentOf, isSameEnvironment } from './environment.ts';
import type { PythonResolution, ResolveInput, ResolveOptions, SystemResolution } from './families.ts';
import { fileInImage, imageCommand } from './files/image-path.ts';
import type { PlacedResolution, ResolvePlacedInput } from './files/resolve-files.ts';
import { heldOf } from './holds.ts';
import { imageOf } from './image.ts';
import { resolveFamilies } from './resolve-families.ts';

export interface LockRequest {
  readonly spec: Spec;
  readonly platform: Platform;
  readonly previous: Lock | undefined;
  readonly options: ResolveOptions;
  /** Instead of those of the previous lock. */
  readonly holds?: readonly Hold[];
}

/**
 * Resolves a project into a lock. With mode `keep`, families whose ask did not change keep what they have and are not looked
 * up again: an unchanged project gives its previous lock back, without network.
 */
export async function resolveLock(context: Context, request: LockRequest): Promise<Lock> {
  const { platform, previous, options } = request;
  const asked = askedOf(request.spec);
  const before = previous?.targets[platform];
  const stale = new Set(
    previous === undefined ? [] : compareAsked(previous.asked, asked).map((change) => change.family),
  );
  const keep =
    options.mode === 'keep' && previous !== undefined && before !== undefined && previous.asOf === options.asOf;
  const previousTools = previous?.tools ?? [];
  const holds = request.holds ?? previous?.holds ?? [];
  const held = heldOf(holds, before, context.now());
  const placed = await resolvePlacedFamily(context, {
    spec: specOn(request.spec, platform),
    platform,
    previous: before,
    mode: previous?.asOf === options.asOf ? options.mode : 'upgrade',
    unchanged: keep && stale.size === 0 && (options.upgradePackages ?? []).length === 0,
  });
  const spec = placed.spec;
  const input: ResolveInput = { spec, platform, previous: before, previousTools, options, held };
  const upgraded = familiesToUpgrade(before, options.upgradePackages ?? []);

  const isKept = (...families: readonly string[]): boolean =>
    !families.some((family) => stale.has(family) || upgraded.has(family));
  const buildsHold =
    before === undefined ||
    (await buildsAreKept(context, before, spec.directory, isKept('base', 'interpreter', 'system')));
  const { system, python } = await resolveFamilies(context, input, {
    system: keep && isKept('base', 'interpreter', 'system') ? keptSystem(before, previous.tools, platform) : undefined,
    python: (environment) => {
      if (!keep || !isKept('python', 'runtime', 'accelerator') || !buildsHold) return undefined;
      // What a tree asks for is known by the commands that clone it.
      if (spec.runReading.treeRequirements.length > 0 && stale.has('steps')) return undefined;
      return isSameEnvironment(environment, environmentOf(before, platform))
        ? keptPython(before, previous.tools)
        : undefined;
    },
  });

  const weights = await resolveWeightFamily(context, request, before?.weights ?? []);
  const target: Target = {
    base: system.base,
    interpreter: system.interpreter,
    accelerator: await acceleratorOf(python.accelerator, system.base),
    system: withArchives(system.system, python.toolchainArchives ?? []),
    ...(python.toolchain === undefined ? {} : { toolchain: python.toolchain }),
    python: python.python,
    files: placed.files.map((item) => fileInImage(item, system.interpreter)),
    weights,
    steps: placed.steps.map((step) => stepInImage(context, step, system.interpreter)),
    runtime: python.runtime,
    image: imageOf(spec, python.runtime.sdk.version, system),
    seals: before?.seals ?? [],
  };
  const steps = await recordedSteps(context, {
    target,
    previous: before,
    request,
    tools: mergeTools(system.tools, python.tools),
  });
  return {
    lockVersion: LOCK_VERSION,
    assembler: 1,
    writtenBy: keep && stale.size === 0 && upgraded.size === 0 ? previous.writtenBy : `cogplan ${VERSION}`,
    asOf: options.asOf,
    asked,
    holds: [...holds],
    tools: mergeTools(system.tools, python.tools),
    targets: { ...previous?.targets, [platform]: { ...target, steps } },
  };
}

/** An image base whose system needs no archive may need some for what is built. */
function withArchives(system: System, archives: readonly Archive[]): System {
  return archives.length === 0 ? system : { ...system, archives: [...archives, ...system.archives] };
}

/** The table of builds is loaded only for a base that may have CUDA. */
async function acceleratorOf(accelerator: Target['accelerator'], base: Target['base']): Promise<Target['accelerator']> {
  if (base.kind !== 'image' && accelerator?.provider !== 'base') return accelerator;
  const [{ acceleratorOnBase }, { acceleratorTable }] = await Promise.all([
    import('./accelerator/on-base.ts'),
    import('./accelerator/table.ts'),
  ]);
  return acceleratorOnBase(accelerator, base, acceleratorTable);
}

/** A step whose command names paths of Cog's images finds them where they are in this one. */
function stepInImage(context: Context, step: Step, interpreter: Target['interpreter']): Step {
  const command = imageCommand(step.command, interpreter);
  if (command === step.command) return step;
  const text = `${step.from}: paths of Cog's images are those of this one: ${command}`;
  warn(context.host, 'COGPLAN_RUN_PATH', text);
  return { ...step, command };
}

interface StepsToRecord {
  readonly target: Target;
  readonly previous: Target | undefined;
  readonly request: LockRequest;
  readonly tools: readonly Tool[];
}

/** Steps whose network is recorded are run now, unless the lock before has what the same command got. */
async function recordedSteps(context: Context, { target, previous, request, tools }: StepsToRecord): Promise<Step[]> {
  const keeps = request.options.mode === 'keep';
  const steps = target.steps.map((step) => {
    const known = previous?.steps.find((item) => item.command === step.command && item.fetched !== undefined);
    return step.network === 'recorded' && keeps && known?.fetched !== undefined
      ? { ...step, fetched: known.fetched }
      : step;
  });
  if (steps.every(({ network, fetched }) => network === 'none' || fetched !== undefined)) return steps;
  const [{ recordSteps }, { openSandbox }] = await Promise.all([
    import('../apply/steps/record-steps.ts'),
    import('../apply/sandbox/open-sandbox.ts'),
  ]);
  const recorded = await recordSteps(context, {
    target: { ...target, steps },
    platform: request.platform,
    projectDirectory: request.spec.directory,
    openSandbox: () => openSandbox(context, { tools }),
  });
  return [...recorded];
}

/** Loaded when a project has weights: most have none. */
async function resolveWeightFamily(
  context: Context,
  { spec, options }: LockRequest,
  previous: Target['weights'],
): Promise<Target['weights']> {
  if (spec.weights.length === 0) return [];
  const { resolveWeights } = await import('./weights/resolve.ts');
  const { directory, weights: sets } = spec;
  return [...(await resolveWeights(context, { directory, sets, previous, upgrade: options.mode === 'upgrade' }))];
}

/**
 * The same with other holds: what is held keeps its locked file, and everything else is resolved around it. Throws COGPLAN_HOLD_IMPOSSIBLE, with
 * the chain that forces the change in `data.chain`.
 */
export function resolveWithHolds(context: Context, request: LockRequest, holds: readonly Hold[]): Promise<Lock> {
  return resolveLock(context, { ...request, holds });
}

/** Most projects put nothing into the image, and what does the work is not loaded for them. */
async function resolvePlacedFamily(
  context: Context,
  input: ResolvePlacedInput,
): Promise<PlacedResolution & { readonly spec: Spec }> {
  const { spec } = input;
  const { placements, steps } = spec.runReading;
  const rules = spec.settings.values.files ?? [];
  if (placements.length + steps.length + rules.length === 0) return { spec, files: [], steps: [] };
  const { resolvePlaced } = await import('./files/resolve-files.ts');
  const { withTreeRequirements } = await import('./files/tree-requirements.ts');
  return withSpan(context.host, 'resolve.files', 'Resolving what build.run fetches', async () => {
    const placed = await resolvePlaced(context, input);
    return { ...placed, spec: input.unchanged ? spec : await withTreeRequirements(context, spec, placed.files) };
  });
}

function familiesToUpgrade(target: Target | undefined, names: readonly string[]): ReadonlySet<string> {
  const families = new Set<string>();
  if (target === undefined) return families;
  const wheels = [...target.python.packages, ...target.runtime.server];
  for (const name of names) {
    const python = wheels.some((item) => item.name === normalizeName(name));
    const system = target.system.packages.some((item) => item.name === name);
    if (python) families.add('python');
    if (system) families.add('system');
    if (python || system) continue;
    const known = [...wheels, ...target.system.packages].map((item) => item.name);
    const [bare = name] = name.split(/[<>=!~\s[@]/);
    const meant = known.includes(normalizeName(bare)) ? normalizeName(bare) : nearest(name, known);
    throw new CogplanError('COGPLAN_USAGE', `${name} cannot be upgraded: no locked package has this name`, {
      subject: name,
      hint:
        meant === undefined
          ? 'See `cogplan tree` for the names of locked packages.'
          : bare === name
            ? `Did you mean ${meant}?`
            : `Write the name alone, ${meant}: which versions are allowed stands in the requirements.`,
    });
  }
  return families;
}

function keptSystem(target: Target, tools: readonly Tool[], platform: Platform): SystemResolution {
  return {
    base: target.base,
    interpreter: target.interpreter,
    system: target.system,
    tools: tools.filter((tool) => tool.name !== 'uv'),
    environment: environmentOf(target, platform),
  };
}

/** Whether wheels that were built are still what building them would give: their inputs are the system's packages, and sources in the project. */
async function buildsAreKept(
  context: Context,
  target: Target,
  directory: string,
  systemIsKept: boolean,
): Promise<boolean> {
  if (!target.python.packages.some(({ built }) => built !== undefined)) return true;
  if (!systemIsKept) return false;
  const { movedSources } = await import('./python/built/sources-moved.ts');
  return (await movedSources(context, target, directory)).length === 0;
}

function keptPython(target: Target, tools: readonly Tool[]): PythonResolution {
  return {
    accelerator: target.accelerator,
    python: target.python,
    ...(target.toolchain === undefined ? {} : { toolchain: target.toolchain }),
    // The `cog` module always is the one that this version brings: no other can be had.
    runtime: { ...target.runtime, sdk: bundledSdk() },
    tools: tools.filter((tool) => tool.name === 'uv'),
  };
}

function mergeTools(...groups: readonly (readonly Tool[])[]): Tool[] {
  const byKey = new Map(groups.flat().map((tool) => [`${tool.name}\0${tool.host}`, tool]));
  return [...byKey.entries()].sort(([a], [b]) => compareBytes(a, b)).map(([, tool]) => tool);
}
