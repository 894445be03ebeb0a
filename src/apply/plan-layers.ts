import { compareBytes } from '../canonical.ts';
import type { Sha256 } from '../digest.ts';
import { wheelFilename } from '../formats/python/wheel-filename.ts';
import type { Platform } from '../lock/platform.ts';
import type { BaseLayer, ImageBase, PythonPackage, SystemPackage, Target } from '../lock/schema.generated.ts';
import { groupPlaced, planPlaced } from './plan-placed.ts';
import { planWeights } from './plan-weights.ts';
import {
  type BytecodeRecipe,
  type DebInput,
  type InstallScheme,
  type Recipe,
  recipeKey,
  type WheelInput,
} from './recipe.ts';
import { sealedConfiguration } from './sealed-configuration.ts';

export interface PlannedLayer {
  /** Unique in the image. */
  readonly layer: string;
  readonly family: 'base' | 'interpreter' | 'weights' | 'system' | 'python' | 'runtime' | 'files' | 'steps';
  readonly recipe: Recipe;
  /** Of a step. */
  readonly step?: PlannedStep;
  /** Of a layer of an image base, whose bytes are fetched only where something reads them. */
  readonly base?: PlannedBaseLayer;
}

export interface PlannedBaseLayer extends BaseLayer {
  /** The base's full name. */
  readonly image: string;
}

/** What of a step decides nothing about its bytes. */
export interface PlannedStep {
  /** Its place and command, for messages. */
  readonly what: string;
  /** What it leaves is sealed though a second run gives other bytes. */
  readonly accepted: boolean;
  /** It is not run a second time to see whether it does. */
  readonly once?: true;
}

/** Layers of an image, the source's included. Engines mount no more than 127. */
const LAYER_BUDGET = 100;
/** All layers that do not hold one wheel, or the bytecode of one wheel. */
const SHARED_LAYERS = 13;
const OWN_LAYER_BYTES = 10_000_000;

interface WheelGroup {
  readonly layer: string;
  readonly wheels: readonly WheelInput[];
}

/**
 * The layers of a target below its source, bottom first, from the lock alone. What changes rarely lies deep: Debian packages by
 * group, what configuring them generates, then wheels: each large one has a layer of its own, biggest first, and the small ones
 * share one; then the runtime. Bytecode comes above, one layer for each layer of modules, so that another version of one wheel moves that wheel's
 * layer and its bytecode, and no other. Bytecode layers lie in the order of their modules, so that where two wheels own one
 * path, the module and its bytecode come from the same wheel. Grouping never depends on `bytecode`. What `build.run` leaves lies on top: files that follow each other
 * share a layer, each step has one. A step runs on everything below but the runtime and the bytecode.
 */
export function planLayers(
  target: Target,
  platform: Platform,
  options: { readonly bytecode: boolean },
): readonly PlannedLayer[] {
  const architecture = platform.slice(platform.indexOf('/') + 1);
  const groups = groupDebs(target.system.packages);
  const allDebs = [...groups.base, ...groups.interpreter, ...groups.system];
  const scheme = installScheme(target);
  const placed = groupPlaced(target);
  const baseLayers = target.base.kind === 'image' ? target.base.layers.length : 0;
  const weights = planWeights(target.weights);
  const wheelGroups = groupWheels(target.python.packages, placed.length + baseLayers + weights.length);
  const sdk = [wheelInput(target.runtime.sdk)];
  const server = sortedWheels(target.runtime.server);

  const debs = (debsOfLayer: readonly DebInput[], below: readonly DebInput[]): Recipe => ({
    kind: 'debs',
    assembler: 1,
    architecture,
    root: below.length === 0,
    debs: debsOfLayer,
    below,
  });
  const wheels = (inputs: readonly WheelInput[], wheelScheme: InstallScheme): Recipe => ({
    kind: 'wheels',
    assembler: 1,
    scheme: wheelScheme,
    wheels: inputs,
  });

  const sealed = target.system.packages.flatMap((item) => (item.configure === 'sealed' ? [item.name] : []));
  const layers: PlannedLayer[] = [];
  const standalone = standaloneOf(target);
  if (target.base.kind === 'image') {
    layers.push(...imageLayers(target, target.base));
    if (standalone !== undefined) {
      const recipe: Recipe = { kind: 'standalone-python', assembler: 1, ...standalone };
      layers.push({ layer: 'interpreter', family: 'interpreter', recipe });
    }
    if (groups.system.length > 0) {
      const base = target.base.layers.map(({ diffId }) => diffId);
      const suite = target.base.facts.suite ?? '';
      const recipe: Recipe = {
        kind: 'debs-on-image',
        assembler: 1,
        architecture,
        suite,
        base,
        debs: groups.system,
        ...(sealed.length === 0 ? {} : { sealed }),
      };
      layers.push({ layer: 'system', family: 'system', recipe });
    }
    if (sealed.length > 0) layers.push(sealedConfiguration(layers, { sealed, architecture }));
  } else {
    layers.push({ layer: 'base', family: 'base', recipe: debs(groups.base, []) });
    layers.push({
      layer: 'interpreter',
      family: 'interpreter',
      recipe:
        standalone === undefined
          ? debs(groups.interpreter, groups.base)
          : { kind: 'standalone-python', assembler: 1, ...standalone },
    });
    if (groups.system.length > 0) {
      const below = sortedDebs([...groups.base, ...groups.interpreter]);
      layers.push({ layer: 'system', family: 'system', recipe: debs(groups.system, below) });
    }
    layers.push({
      layer: 'configuration',
      family: 'system',
      recipe: {
        kind: 'debian-configuration',
        assembler: 1,
        architecture,
        suite: target.base.suite,
        debs: sortedDebs(allDebs),
        interpreter: target.interpreter.path,
        ...(sealed.length === 0 ? {} : { sealed }),
      },
    });
    if (sealed.length > 0) layers.push(sealedConfiguration(layers, { sealed, architecture }));
  }
  for (const group of wheelGroups) {
    layers.push({ layer: group.layer, family: 'python', recipe: wheels(group.wheels, scheme) });
  }
  if (server.length > 0)
    layers.push({ layer: 'server', family: 'runtime', recipe: wheels(server, serverScheme(scheme)) });
  layers.push({ layer: 'cog', family: 'runtime', recipe: wheels(sdk, scheme) });
  const below = layers.filter(({ family }) => family !== 'runtime').map(({ recipe }) => recipeKey(recipe));
  const above = planPlaced(target, placed, { architecture, below });
  if (!options.bytecode) return [...layers, ...weights, ...above];

  const bytecode = (inputs: Partial<Pick<BytecodeRecipe, 'debs' | 'wheels' | 'serverWheels' | 'archive'>>): Recipe => ({
    kind: 'bytecode',
    assembler: 1,
    interpreter: target.interpreter.path,
    rootDebs: compilerDebs(target),
    ...(target.base.kind === 'image' ? { rootLayers: target.base.layers.map(({ diffId }) => diffId) } : {}),
    ...(standalone === undefined ? {} : { rootArchive: standalone }),
    ...(inputs.archive === undefined ? {} : { archive: inputs.archive }),
    scheme,
    serverScheme: serverScheme(scheme),
    debs: inputs.debs ?? [],
    wheels: inputs.wheels ?? [],
    serverWheels: inputs.serverWheels ?? [],
  });
  if (groups.interpreter.length > 0 || standalone !== undefined) {
    const recipe = bytecode(standalone === undefined ? { debs: groups.interpreter } : { archive: true });
    layers.push({ layer: 'bytecode/interpreter', family: 'interpreter', recipe });
  }
  const modules = target.base.kind === 'image' ? [] : pythonDebs(target.system.packages);
  if (modules.length > 0)
    layers.push({ layer: 'bytecode/system', family: 'system', recipe: bytecode({ debs: modules }) });
  for (const group of wheelGroups) {
    layers.push({ layer: `bytecode/${group.layer}`, family: 'python', recipe: bytecode({ wheels: group.wheels }) });
  }
  if (server.length > 0) {
    layers.push({ layer: 'bytecode/server', family: 'runtime', recipe: bytecode({ serverWheels: server }) });
  }
  layers.push({ layer: 'bytecode/cog', family: 'runtime', recipe: bytecode({ wheels: sdk }) });
  return [...layers, ...weights, ...above];
}

/** The layers of a base as they are, and links where `python` would be none, or another than the model's. */
function imageLayers(target: Target, base: ImageBase): readonly PlannedLayer[] {
  const layers: PlannedLayer[] = base.layers.map((layer, index) => ({
    layer: `base/${index + 1}`,
    family: 'base',
    recipe: { kind: 'image-layer', assembler: 1, diffId: layer.diffId },
    base: { ...layer, image: base.image },
  }));
  const isStandalone = target.interpreter.provider === 'standalone';
  if (base.facts.python === true && !isStandalone) return layers;
  const files = (isStandalone ? ['python', 'python3'] : ['python']).map(
    (name) =>
      ({ path: `usr/local/bin/${name}`, kind: 'symlink', mode: 0o777, target: target.interpreter.path }) as const,
  );
  return [
    ...layers,
    { layer: 'python', family: 'interpreter', recipe: { kind: 'files', assembler: 1, files, cacheTag: '' } },
  ];
}

/** Where what pip installs goes, for the interpreter of a target. */
export function installScheme(target: Pick<Target, 'interpreter'>): InstallScheme {
  const { modules } = target.interpreter;
  return modules === undefined ? modelScheme(target) : baseScheme(target, modules);
}

function standaloneOf({ interpreter }: Target): { readonly version: string; readonly sha256: Sha256 } | undefined {
  const { file, version, provider } = interpreter;
  return provider === 'standalone' && file !== undefined ? { version, sha256: file.sha256 } : undefined;
}

/** Where an interpreter that says so itself looks for what pip installs. */
function baseScheme({ interpreter }: Pick<Target, 'interpreter'>, modules: string): InstallScheme {
  const end = modules.indexOf('/lib/python');
  const prefix = end > 0 ? modules.slice(0, end) : 'usr/local';
  const version = interpreter.version.split('.').slice(0, 2).join('.');
  return {
    purelib: modules,
    platlib: modules,
    scripts: `${prefix}/bin`,
    headers: `${prefix}/include/python${version}`,
    data: prefix,
    interpreter: interpreter.path,
  };
}

/** Where Debian's Python looks for what pip installs: `dist-packages` below /usr/local, apart from the packages of Debian itself. */
function modelScheme(target: Pick<Target, 'interpreter'>): InstallScheme {
  const version = target.interpreter.version.split('.').slice(0, 2).join('.');
  const modules = `usr/local/lib/python${version}/dist-packages`;
  return {
    purelib: modules,
    platlib: modules,
    scripts: 'usr/local/bin',
    headers: `usr/local/include/python${version}`,
    data: 'usr/local',
    interpreter: target.interpreter.path,
  };
}

/** A directory that only the server's process puts on its path, so that its wheels never meet the model's. */
function serverScheme(model: InstallScheme): InstallScheme {
  const root = 'usr/local/lib/cogplan/server';
  return {
    purelib: root,
    platlib: root,
    scripts: `${root}/bin`,
    headers: `${root}/include`,
    data: root,
    interpreter: model.interpreter,
  };
}

function groupDebs(packages: readonly SystemPackage[]): Readonly<Record<SystemPackage['group'], readonly DebInput[]>> {
  const of = (group: SystemPackage['group']): readonly DebInput[] =>
    sortedDebs(packages.filter((item) => item.group === group).map(debInput));
  return { base: of('base'), interpreter: of('interpreter'), system: of('system') };
}

/**
 * The packages that the compiling interpreter runs from: the closure of Debian's minimal interpreter, which exists for this. A new
 * version of any other package then leaves all bytecode alone.
 */
function compilerDebs(target: Target): readonly DebInput[] {
  const packages = new Map(target.system.packages.map((item) => [item.name, item]));
  const name = target.interpreter.path.slice(target.interpreter.path.lastIndexOf('/') + 1);
  const own = [`${name}-minimal`, name];
  // A standalone interpreter needs its libc and no more.
  const starts = target.interpreter.provider === 'standalone' ? ['libc6'] : own;
  const start = starts.find((candidate) => packages.has(candidate));
  if (start === undefined) {
    return sortedDebs(target.system.packages.filter((item) => item.group !== 'system').map(debInput));
  }
  const reached = new Set([start]);
  // A set may grow while it is walked; what is added is visited too.
  for (const reachedName of reached) {
    for (const dependency of packages.get(reachedName)?.depends ?? []) reached.add(dependency);
  }
  return sortedDebs(target.system.packages.filter((item) => reached.has(item.name)).map(debInput));
}

/** Packages of the system group that bring Python modules: those that say that they need Python. */
function pythonDebs(packages: readonly SystemPackage[]): readonly DebInput[] {
  const needsPython = (item: SystemPackage): boolean => item.depends.some((name) => /^python3(?:\.\d+)?$/.test(name));
  return sortedDebs(packages.filter((item) => item.group === 'system' && needsPython(item)).map(debInput));
}

function groupWheels(packages: readonly PythonPackage[], otherLayers: number): readonly WheelGroup[] {
  const bySize = [...packages].sort((a, b) => b.file.size - a.file.size || compareBytes(a.name, b.name));
  const own = bySize
    .filter((item) => item.file.size > OWN_LAYER_BYTES)
    .slice(0, Math.max(0, Math.floor((LAYER_BUDGET - SHARED_LAYERS - otherLayers) / 2)));
  const small = packages.filter((item) => !own.includes(item));
  const groups: WheelGroup[] = own.map((item) => ({ layer: `wheel/${item.name}`, wheels: [wheelInput(item)] }));
  if (small.length > 0) groups.push({ layer: 'wheels', wheels: sortedWheels(small) });
  return groups;
}

function sortedDebs(debs: readonly DebInput[]): readonly DebInput[] {
  return [...debs].sort((a, b) => compareBytes(a.name, b.name) || compareBytes(a.architecture, b.architecture));
}

function sortedWheels(packages: readonly PythonPackage[]): readonly WheelInput[] {
  return packages.map(wheelInput).sort((a, b) => compareBytes(a.filename, b.filename));
}

function debInput(item: SystemPackage): DebInput {
  return { name: item.name, version: item.version, architecture: item.architecture, sha256: item.file.sha256 };
}

function wheelInput(item: PythonPackage): WheelInput {
  return { filename: wheelFilename(item.file), sha256: item.file.sha256 };
}
