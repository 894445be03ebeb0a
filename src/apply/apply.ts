import { canonicalJson, type Json } from '../canonical.ts';
import type { Context } from '../context.ts';
import { type Digest, type Sha256, sha256, toDigest } from '../digest.ts';
import { CogplanError } from '../errors.ts';
import { imageFiles } from '../lock/check-lock.ts';
import type { Platform } from '../lock/platform.ts';
import { projectPath } from '../lock/project-url.ts';
import type { Lock, Seal, Target } from '../lock/schema.generated.ts';
import { withOlderUrls } from '../sources/apt/older-urls.ts';
import { bundledFile } from '../sources/bundled-runtime.ts';
import { type Artifact, fetchArtifacts } from '../sources/fetch-artifacts.ts';
import { buildLayers, type MadeLayer } from './build-layers.ts';
import type { LayerDifference } from './compare-layers.ts';
import { treeFetcher } from './git-tree/tree-fetcher.ts';
import { encodeConfig } from './image/config.ts';
import { encodeManifest } from './image/manifest.ts';
import { type BuiltSource, buildSource } from './layers/source.ts';
import { layerBlob } from './outputs/image-blobs.ts';
import { type PlannedBaseLayer, planLayers } from './plan-layers.ts';
import { runTogether } from './run-together.ts';
import type { Sandbox } from './sandbox/sandbox.ts';
import { compareWithSeal, mergeSeals, sealMismatch, sealsByRecipe } from './seals.ts';
import { ensureBuilt } from './wheel-build/ensure-built.ts';

export interface ApplyRequest {
  readonly lock: Lock;
  readonly platform: Platform;
  readonly projectDirectory: string;
  /** Whether the image carries compiled Python modules. */
  readonly bytecode: boolean;
  /** Ignore every derived result, and rebuild from locked blobs alone. Default: false. */
  readonly cold?: boolean;
  /** Labels that the project's source gives, on top of those of the lock. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Called when something must run, which is not so when everything is there. */
  readonly openSandbox: () => Promise<Sandbox>;
  /** Secrets that steps may ask for, by id. */
  readonly secrets?: ReadonlyMap<string, Uint8Array>;
  /** `fail` (default): COGPLAN_SEAL_MISMATCH. `report`: the layer says so by `sealed` and `difference`. */
  readonly onSealMismatch?: 'fail' | 'report';
}

export interface AppliedLayer {
  readonly layer: string;
  readonly family: string;
  /** Key of the recipe; the source has none. */
  readonly recipe?: Sha256;
  readonly diffId: Digest;
  /** Bytes of the uncompressed tar. */
  readonly size: number;
  /** Of a layer of an image base: where it lies, and in which form. */
  readonly base?: PlannedBaseLayer;
  /** `unsealed` is the source, which no lock holds; a layer of a base is `matched`, for the lock names it. */
  readonly sealed: 'new' | 'matched' | 'differs' | 'unsealed';
  /** Of a layer that differs, when the store still holds the sealed one. */
  readonly difference?: LayerDifference;
}

/** An image whose config, manifest and layers lie in the store. */
export interface Applied {
  readonly platform: Platform;
  /** Digest of the config. */
  readonly imageId: Digest;
  readonly manifestDigest: Digest;
  /** Bottom first; the source is the last. */
  readonly layers: readonly AppliedLayer[];
  readonly source: { readonly treeDigest: Digest; readonly files: number; readonly size: number };
  /** sha256 of the lock's canonical JSON without seals, so that sealing an image does not change what it was made from. */
  readonly lockDigest: Digest;
  readonly config: Buffer;
  readonly manifest: Buffer;
  /** Seals of layers that had none. */
  readonly newSeals: readonly Seal[];
  /** All seals of the target, the new ones included. */
  readonly seals: Seal[];
  /** The lock that was carried out, with those seals: it goes where the image goes. */
  readonly lock?: Lock;
}

/**
 * Carries out a lock for one platform: missing artifacts are fetched (the only use of the network), layers are built or found, held against their
 * seals, and named by a config and a manifest. Errors: COGPLAN_PLATFORM_NOT_LOCKED, COGPLAN_SEAL_MISMATCH, those of `fetchArtifacts`,
 * of the layer builders and of the sandbox.
 */
export async function applyLock(context: Context, request: ApplyRequest): Promise<Applied> {
  const { lock, platform } = request;
  const target = lockedTarget(lock, platform);
  const artifacts = artifactsOf(target);
  const lease = await context.store.lease(artifacts.map(({ file }) => file.sha256));
  try {
    await ensureBuilt(context, { ...request, target });
    await fetchArtifacts(context, artifacts, {
      bundled: bundledFile,
      project: request.projectDirectory,
      fetchers: { 'git+': treeFetcher(target) },
    });
    const [made, source] = await runTogether(context, [
      (inner) =>
        buildLayers(inner, planLayers(target, platform, request), {
          cold: request.cold ?? false,
          seals: sealsByRecipe(target.seals),
          openSandbox: request.openSandbox,
          ...(request.secrets === undefined ? {} : { secrets: request.secrets }),
        }),
      (inner) => buildSource(inner, request.projectDirectory, { leaveOut: weightFilesOf(target) }),
    ]);
    const layers = await holdAgainstSeals(context, target, made, request.onSealMismatch ?? 'fail');
    const image = await writeImage(context, target, { platform, layers, source, labels: request.labels ?? {} });
    const newSeals = made.flatMap((layer, index) => (layers[index]?.sealed === 'new' ? [sealOf(layer)] : []));
    const seals = mergeSeals(target, platform, newSeals);
    return {
      ...image,
      platform,
      source: { treeDigest: source.treeDigest, files: source.files, size: source.size },
      lockDigest: lockDigest(lock),
      newSeals,
      seals,
      lock: { ...lock, targets: { ...lock.targets, [platform]: { ...target, seals } } },
    };
  } finally {
    await lease.release();
  }
}

/** Weights that lie in the project have layers of their own, or are fetched when the server starts; the source goes without them. */
function weightFilesOf(target: Target): ReadonlySet<string> {
  const urls = target.weights.flatMap(({ files }) => files.map(({ file }) => file.url));
  return new Set(urls.flatMap((url) => projectPath(url) ?? []));
}

function lockedTarget(lock: Lock, platform: Platform): Target {
  const target = lock.targets[platform];
  if (target !== undefined) return target;
  throw new CogplanError('COGPLAN_PLATFORM_NOT_LOCKED', `the lock holds no target for ${platform}`, {
    subject: platform,
    hint: `It holds ${Object.keys(lock.targets).join(', ') || 'none'}. Run \`cogplan lock --platform ${platform}\`.`,
  });
}

/** Every file that enters the image. */
function artifactsOf(target: Target): readonly Artifact[] {
  const debs = new Set(target.system.packages.map((item) => item.file));
  return [...imageFiles(target)].map(({ file, what }) => ({
    file: debs.has(file) ? withOlderUrls(file, target.system.archives) : file,
    what,
  }));
}

async function holdAgainstSeals(
  context: Context,
  target: Target,
  made: readonly MadeLayer[],
  onMismatch: 'fail' | 'report',
): Promise<readonly AppliedLayer[]> {
  const seals = sealsByRecipe(target.seals);
  const layers: AppliedLayer[] = [];
  for (const layer of made) {
    const { size, diffId } = layer.built;
    const applied = { layer: layer.layer, family: layer.family, recipe: layer.key, diffId: toDigest(diffId), size };
    if (layer.base !== undefined) {
      const { recipe: _, ...known } = applied;
      layers.push({ ...known, base: layer.base, sealed: 'matched' });
      continue;
    }
    const seal = seals.get(layer.key);
    if (seal === undefined || seal.diffId === applied.diffId) {
      layers.push({ ...applied, sealed: seal === undefined ? 'new' : 'matched' });
      continue;
    }
    const difference = await compareWithSeal(context.store, seal, layer.built);
    if (onMismatch === 'fail') throw sealMismatch(seal, applied.diffId, difference);
    layers.push({ ...applied, sealed: 'differs', ...(difference === undefined ? {} : { difference }) });
  }
  return layers;
}

function sealOf({ layer, family, key, built }: MadeLayer): Seal {
  return { layer, family, recipe: key, diffId: toDigest(built.diffId), size: built.size };
}

interface ImageParts {
  readonly platform: Platform;
  readonly layers: readonly AppliedLayer[];
  readonly source: BuiltSource;
  readonly labels: Readonly<Record<string, string>>;
}

async function writeImage(
  { store }: Context,
  target: Target,
  { platform, layers: sealedLayers, source, labels }: ImageParts,
): Promise<Pick<Applied, 'imageId' | 'manifestDigest' | 'layers' | 'config' | 'manifest'>> {
  const [os = '', architecture = ''] = platform.split('/');
  const { diffId, size } = source.layer;
  const sourceLayer = {
    layer: 'source',
    family: 'source',
    diffId: toDigest(diffId),
    size,
    sealed: 'unsealed',
  } as const;
  const layers: readonly AppliedLayer[] = [...sealedLayers, sourceLayer];
  const config = encodeConfig({
    ...target.image,
    labels: { ...target.image.labels, ...labels },
    os,
    architecture,
    layers: layers.map((layer) => ({ name: layer.layer, diffId: layer.diffId })),
  });
  const imageId = toDigest(sha256(config));
  const manifest = encodeManifest({ digest: imageId, size: config.length }, layers.map(layerBlob));
  await store.put(config);
  await store.put(manifest);
  return { imageId, manifestDigest: toDigest(sha256(manifest)), layers, config, manifest };
}

function lockDigest(lock: Lock): Digest {
  const targets = Object.entries(lock.targets).map(([platform, target]) => [platform, { ...target, seals: [] }]);
  return toDigest(sha256(canonicalJson({ ...lock, targets: Object.fromEntries(targets) } as unknown as Json)));
}
