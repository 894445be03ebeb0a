import pLimit from 'p-limit';
import { buildId } from '../build-id.ts';
import type { Context } from '../context.ts';
import { asSha256, fromDigest, type Sha256, sha256 } from '../digest.ts';
import { bug, isCogplanError, unreachable } from '../errors.ts';
import { type Span, warn, withSpan } from '../events.ts';
import type { Seal } from '../lock/schema.generated.ts';
import { checkClashes } from './check-clashes.ts';
import { deriveBytecode } from './layers/bytecode.ts';
import { type Derive, freshDerivations } from './layers/derivations.ts';
import type { BuiltLayer } from './layers/entry.ts';
import { writeLayer } from './layers/write-layer.ts';
import type { PlannedBaseLayer, PlannedLayer } from './plan-layers.ts';
import { openPool, type Pool } from './pool.ts';
import {
  type BytecodeRecipe,
  type DebInput,
  type PureRecipe,
  type Recipe,
  recipeKey,
  type StepRecipe,
} from './recipe.ts';
import { runTogether } from './run-together.ts';
import type { Sandbox } from './sandbox/sandbox.ts';

export interface MadeLayer extends PlannedLayer {
  readonly key: Sha256;
  readonly built: BuiltLayer;
}

export interface BuildLayersOptions {
  /** Ignore every derived result, and build all layers from the locked blobs. */
  readonly cold: boolean;
  readonly seals: ReadonlyMap<Sha256, Seal>;
  readonly openSandbox: () => Promise<Sandbox>;
  /** Secrets that steps may ask for, by id. */
  readonly secrets?: ReadonlyMap<string, Uint8Array>;
}

/** Kind of derived results that say which layer a recipe gave. */
const LAYER = 'layer';
/** Costs above those of all layers, which are bytes of input. */
const INFLATE = 1e13;
const INFLATE_FIRST = 2e13;

interface KeyedLayer extends PlannedLayer {
  readonly key: Sha256;
}

/**
 * The layers of a plan, in its order, in the store. A layer made before is taken when its blob still hashes to its name and
 * no seal contradicts it; the others are built, as many at once as `context.concurrency` allows. All blobs that the recipes name are in
 * the store, and verified. Results that contradict a seal are returned, but not remembered.
 */
export async function buildLayers(
  context: Context,
  planned: readonly PlannedLayer[],
  options: BuildLayersOptions,
): Promise<readonly MadeLayer[]> {
  const keyed = planned.map((layer) => ({ ...layer, key: recipeKey(layer.recipe) }));
  const found = await Promise.all(
    keyed.map(async (layer) =>
      options.cold && layer.base === undefined ? undefined : findLayer(context, layer, options.seals),
    ),
  );
  const missing = keyed.filter((_, index) => found[index] === undefined);
  const [built] = await runTogether(context, [
    async (inner) => {
      if (missing.length === 0) return new Map<Sha256, BuiltLayer>();
      const known = new Map(keyed.flatMap(({ key }, index) => (found[index] ? [[key, found[index]] as const] : [])));
      const base = planned.flatMap((layer) => layer.base ?? []);
      return buildMissing(inner, missing, { ...options, known, storeBase: baseStorer(inner, base) });
    },
    async (inner) => {
      if (missing.some(({ recipe }) => recipe.kind === 'wheels')) await checkClashes(inner, planned);
    },
  ]);
  return keyed.flatMap((layer, index) => {
    const result = found[index] ?? built.get(layer.key);
    return result === undefined ? [] : [{ ...layer, built: result }];
  });
}

/** A layer that another build of this program made is not taken for this build's: a seal must hold for the code at hand. */
function resultKey(recipe: Sha256): Sha256 {
  return sha256(`${buildId()} ${recipe}`);
}

async function findLayer(
  { store, host }: Context,
  layer: KeyedLayer,
  seals: ReadonlyMap<Sha256, Seal>,
): Promise<BuiltLayer | undefined> {
  // Whether its bytes are here matters only to what reads them.
  if (layer.base !== undefined) return { diffId: fromDigest(layer.base.diffId), size: layer.base.size };
  const result =
    (await store.getDerived<{ diffId: Sha256; size: number }>(LAYER, resultKey(layer.key))) ?? sealedStep(layer, seals);
  if (result === undefined || contradicts(layer.key, result, seals)) return undefined;
  try {
    await store.verified(result.diffId, result.size, `layer ${layer.layer}`);
    return result;
  } catch (error) {
    if (isCogplanError(error, 'COGPLAN_BLOB_MISSING')) return undefined;
    if (!isCogplanError(error, 'COGPLAN_BLOB_CORRUPT')) throw error;
    warn(host, 'apply.layer-damaged', `${error.message}; it is built again`);
    return undefined;
  }
}

/** What a step left once is kept as a blob, so that nobody has to run it again, or could, if it gives other bytes. */
function sealedStep({ recipe, key }: KeyedLayer, seals: ReadonlyMap<Sha256, Seal>): BuiltLayer | undefined {
  const seal = recipe.kind === 'step' ? seals.get(key) : undefined;
  return seal === undefined ? undefined : { diffId: asSha256(seal.diffId.slice('sha256:'.length)), size: seal.size };
}

interface MissingOptions extends BuildLayersOptions {
  /** Layers that need not be built, by recipe. */
  readonly known: ReadonlyMap<Sha256, BuiltLayer>;
  /** Brings the tars of an image base into the store, the first time it is called. */
  readonly storeBase: () => Promise<void>;
}

function baseStorer(context: Context, layers: readonly PlannedBaseLayer[]): () => Promise<void> {
  let stored: Promise<void> | undefined;
  return () => {
    stored ??= storePlannedBase(context, layers);
    return stored;
  };
}

/** The tars of a plan's base layers, in the store. */
export async function storePlannedBase(context: Context, layers: readonly PlannedBaseLayer[]): Promise<void> {
  const [first] = layers;
  if (first === undefined) return;
  const { storeBaseLayers } = await import('../sources/oci/base-layers.ts');
  await storeBaseLayers(context, layers, first.image);
}

async function buildMissing(
  context: Context,
  missing: readonly KeyedLayer[],
  options: MissingOptions,
): Promise<ReadonlyMap<Sha256, BuiltLayer>> {
  const scratch = options.cold ? await context.store.scratch('inflated') : undefined;
  const derive = scratch === undefined ? undefined : freshDerivations(scratch.path);
  const pool = openPool({
    store: context.store,
    concurrency: context.concurrency,
    inflatedDirectory: scratch?.path,
    signal: context.signal,
    warn: (code, text) => warn(context.host, code, text),
  });
  const size = { total: missing.length, unit: 'items' } as const;
  const work = (span: Span) => runBuild(context, missing, { ...options, pool, span, derive });
  try {
    return await withSpan(context.host, 'apply.layers', 'Building layers', work, size);
  } finally {
    await pool.close();
    await scratch?.dispose();
  }
}

interface BuildRun extends MissingOptions {
  readonly pool: Pool;
  readonly derive: Derive | undefined;
  readonly span: Span;
}

/**
 * Decompressing .debs costs most, and everything made from them waits for it, so it comes first: what compiles bytecode before the
 * rest, because compiling takes longest after it. Layers follow as their inputs are there, the largest first.
 */
async function runBuild(
  context: Context,
  missing: readonly KeyedLayer[],
  run: BuildRun,
): Promise<ReadonlyMap<Sha256, BuiltLayer>> {
  const sizes = await inputSizes(context, missing);
  const inflated = new Map<Sha256, Promise<string>>();
  for (const { deb, urgent } of debsOf(missing)) {
    const cost = (urgent ? INFLATE_FIRST : INFLATE) + (sizes.get(deb.sha256) ?? 0);
    const job = { kind: 'inflate', deb: deb.sha256, what: `${deb.name} ${deb.version}` } as const;
    inflated.set(deb.sha256, run.pool.run(job, cost));
  }
  const debData = async (deb: Sha256): Promise<string> =>
    inflated.get(deb) ?? run.pool.run({ kind: 'inflate', deb, what: deb }, INFLATE_FIRST);

  const results = new Map<Sha256, BuiltLayer>();
  const pending = new Map(missing.map(({ key }) => [key, deferred<BuiltLayer>()]));
  const resultOf = async (key: Sha256): Promise<BuiltLayer> => {
    const built = run.known.get(key) ?? (await pending.get(key)?.promise);
    if (built === undefined) throw bug(`layer ${key} is not planned below the step that needs it`);
    return built;
  };
  const compile = pLimit(context.concurrency);
  const build = async (layer: KeyedLayer, inner: Context): Promise<void> => {
    const { recipe, key } = layer;
    const inputs = inputsOf(recipe);
    await Promise.all(inputs.map((input) => inflated.get(input)));
    const cost = inputs.reduce((sum, input) => sum + (sizes.get(input) ?? 0), 0);
    if (recipe.kind === 'debs-on-image') await run.storeBase();
    const built = await buildOne(layer, {
      bytecode: (bytecode) => compile(() => buildBytecode(inner, bytecode, { ...run, debData })),
      step: async (step) =>
        runStepLayer(inner, layer, { ...run, step, below: await Promise.all(step.below.map(resultOf)) }),
      pure: (pure) => run.pool.run({ kind: 'layer', recipe: pure }, cost),
    });
    if (!contradicts(key, built, run.seals)) await context.store.putDerived(LAYER, resultKey(key), { ...built });
    results.set(key, built);
    pending.get(key)?.resolve(built);
    run.span.progress(results.size, missing.length, layer.layer);
  };
  const pieces = missing.map((layer) => async (inner: Context) => {
    try {
      await build(layer, inner);
    } catch (error) {
      for (const { reject } of pending.values()) reject(error);
      // What waits in the pool, or runs there, would otherwise be waited for.
      await run.pool.close(error);
      throw error;
    }
  });
  await runTogether(context, pieces);
  return results;
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** A promise settled from outside; one that nobody waits for may fail unseen. */
function deferred<T>(): Deferred<T> {
  let settle: Pick<Deferred<T>, 'resolve' | 'reject'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  promise.catch(() => {});
  return { promise, resolve: (value) => settle?.resolve(value), reject: (error) => settle?.reject(error) };
}

interface Builders {
  bytecode(recipe: BytecodeRecipe): Promise<BuiltLayer>;
  step(recipe: StepRecipe): Promise<BuiltLayer>;
  pure(recipe: PureRecipe): Promise<BuiltLayer>;
}

async function buildOne({ recipe }: KeyedLayer, builders: Builders): Promise<BuiltLayer> {
  if (recipe.kind === 'bytecode') return builders.bytecode(recipe);
  if (recipe.kind === 'image-layer') throw bug('a layer of a base is not built');
  return recipe.kind === 'step' ? builders.step(recipe) : builders.pure(recipe);
}

interface StepBuild extends BuildRun {
  readonly step: StepRecipe;
  readonly below: readonly BuiltLayer[];
}

async function runStepLayer(context: Context, layer: KeyedLayer, run: StepBuild): Promise<BuiltLayer> {
  await run.storeBase();
  const { buildStep } = await import('./steps/build-step.ts');
  const { secretsFor } = await import('./steps/secrets.ts');
  const { openStepNetwork, replaying } = await import('./steps/step-network.ts');
  return buildStep(context, {
    recipe: run.step,
    below: run.below,
    sandbox: await run.openSandbox(),
    secrets: secretsFor(run.step.secrets, context.env, run.secrets),
    ...(run.step.network === 'none'
      ? {}
      : { openNetwork: () => openStepNetwork(context, replaying(run.step.fetched)) }),
    what: layer.step?.what ?? layer.layer,
    compare: !run.seals.has(layer.key) && layer.step?.once !== true,
    accepted: layer.step?.accepted ?? false,
  });
}

async function buildBytecode(
  context: Context,
  recipe: BytecodeRecipe,
  run: BuildRun & { readonly debData: (deb: Sha256) => Promise<string> },
): Promise<BuiltLayer> {
  if (recipe.rootLayers !== undefined) await run.storeBase();
  const entries = await deriveBytecode(context, recipe, {
    sandbox: await run.openSandbox(),
    debData: run.debData,
    derive: run.derive,
  });
  return writeLayer(entries, context.store, context.signal);
}

/** The .debs that layers are made from, each once; the urgent ones are those that compilers run from. */
function debsOf(layers: readonly KeyedLayer[]): readonly { readonly deb: DebInput; readonly urgent: boolean }[] {
  const debs = new Map<Sha256, DebInput>();
  const urgent = new Set<Sha256>();
  for (const { recipe } of layers) {
    for (const deb of debInputs(recipe)) debs.set(deb.sha256, deb);
    if (recipe.kind === 'bytecode') for (const deb of recipe.rootDebs) urgent.add(deb.sha256);
  }
  return [...debs.values()].map((deb) => ({ deb, urgent: urgent.has(deb.sha256) }));
}

async function inputSizes({ store }: Context, layers: readonly KeyedLayer[]): Promise<ReadonlyMap<Sha256, number>> {
  const inputs = [...new Set(layers.flatMap(({ recipe }) => inputsOf(recipe)))];
  const sizes = await Promise.all(inputs.map(async (input) => [input, (await store.stat(input))?.size ?? 0] as const));
  return new Map(sizes);
}

function inputsOf(recipe: Recipe): readonly Sha256[] {
  const debs = debInputs(recipe).map((deb) => deb.sha256);
  if (recipe.kind === 'wheels') return recipe.wheels.map((wheel) => wheel.sha256);
  if (recipe.kind === 'files') return recipe.files.flatMap(({ sha256 }) => sha256 ?? []);
  return debs;
}

function debInputs(recipe: Recipe): readonly DebInput[] {
  switch (recipe.kind) {
    case 'debs':
      return [...recipe.debs, ...recipe.below];
    case 'debian-configuration':
    case 'debs-on-image':
      return recipe.debs;
    case 'bytecode':
      return [...recipe.rootDebs, ...recipe.debs];
    case 'wheels':
    case 'standalone-python':
    case 'files':
    case 'step':
    case 'image-layer':
      return [];
    default:
      return unreachable(recipe);
  }
}

function contradicts(key: Sha256, built: BuiltLayer, seals: ReadonlyMap<Sha256, Seal>): boolean {
  const seal = seals.get(key);
  return seal !== undefined && seal.diffId !== `sha256:${built.diffId}`;
}
