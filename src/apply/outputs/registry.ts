import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import pLimit from 'p-limit';
import type { Context } from '../../context.ts';
import { type Digest, fromDigest, type Sha256, toDigest } from '../../digest.ts';
import type { Span } from '../../events.ts';
import { warn } from '../../events.ts';
import { fetchArtifacts } from '../../sources/fetch-artifacts.ts';
import { OCI_LAYER_TYPES } from '../../sources/oci/layer-types.ts';
import { hasBlob, type PushedBlob, placeBlob, pushBlob } from '../../sources/oci/push-blob.ts';
import { pushManifest } from '../../sources/oci/push-manifest.ts';
import { formatReference, type ImageReference, parseBlobUrl } from '../../sources/oci/reference.ts';
import { openRegistry, type Registry } from '../../sources/oci/registry.ts';
import type { Applied, AppliedLayer } from '../apply.ts';
import type { PlannedBaseLayer } from '../plan-layers.ts';
import { openPool } from '../pool.ts';
import { runTogether } from '../run-together.ts';
import { type CompressedLayer, compressLayer, knownCompressed, LAYER_ENCODER } from './compress-layer.ts';
import { attachReceipt, pushReceiptBlobs } from './push-receipt.ts';
import { encodeRegistryManifest, type RegistryLayerRef } from './registry-manifest.ts';

/** What a push did; the same image and lock give the same but for what the registry already had. */
export interface Pushed {
  readonly kind: 'registry';
  /** With the tag, as it was asked for. */
  readonly reference: string;
  /** Of the manifest in the registry, whose layers are compressed. */
  readonly manifestDigest: Digest;
  readonly encoder: string;
  readonly layers: readonly {
    readonly diffId: Digest;
    readonly digest: Digest;
    readonly size: number;
    readonly result: LayerResult;
  }[];
  /** Of the artifact with receipt and lock that refers to the image. */
  readonly receipt?: Digest;
  /** Bytes of blobs that went to the registry, and those that needed not. */
  readonly sent: number;
  readonly saved: number;
}

type LayerResult = 'present' | 'mounted' | 'sent';

/** Looking for layers waits for answers; sending them for the line. */
const LOOKS = 16;
const UPLOADS = 5;
/** A worker takes longer to start than a layer of so many bytes to compress. */
const SMALL_LAYER = 1024 * 1024;

/**
 * Pushes an image: compresses the layers that were never compressed before, uploads what the registry lacks, and last puts the manifest,
 * so that the tag never names an image that is not whole, and then its receipt. Errors: those of `openRegistry`, `pushBlob` and `pushManifest`.
 */
export async function pushToRegistry(
  context: Context,
  applied: Applied,
  reference: ImageReference,
  span: Span,
): Promise<Pushed> {
  const { manifestSize: _, ...pushed } = await pushImage(context, applied, { reference, name: reference.tag, span });
  return pushed;
}

export interface PushImage {
  readonly reference: ImageReference;
  /** The tag; absent: its own digest alone. */
  readonly name: string | undefined;
  readonly span: Span;
}

export interface PushedImage extends Pushed {
  readonly manifestSize: number;
}

/** The same under a name that need not be a tag. */
export async function pushImage(
  context: Context,
  applied: Applied,
  { reference, name, span }: PushImage,
): Promise<PushedImage> {
  const registry = await openRegistry(context, reference, {
    access: 'push',
    mountFrom: [...new Set(applied.layers.flatMap((layer) => repositoryBeside(reference, layer) ?? []))],
  });
  const { lock } = applied;
  const config = { digest: applied.imageId, size: applied.config.length };
  const read = (from: number, to: number): Uint8Array => applied.config.subarray(from, to);
  const [layers, configResult, receiptBlobs] = await runTogether(context, [
    (inner) => pushLayers(inner, applied, { registry, reference, span }),
    (inner) => pushBlob(inner, registry, { ...config, read }),
    async (inner) => lock && pushReceiptBlobs(inner, registry, { applied, lock }),
  ]);
  const manifest = encodeRegistryManifest(config, layers);
  const { sent: isSent } = await pushManifest(registry, manifest, name ?? manifest.digest);
  const receipt = receiptBlobs && (await attachReceipt(context, registry, { receipt: receiptBlobs, image: manifest }));
  const parts = [
    ...distinct(layers),
    { size: config.size, result: configResult },
    { size: manifest.bytes.length, result: isSent ? ('sent' as const) : ('present' as const) },
  ];
  const sum = (wanted: boolean): number =>
    parts.reduce((total, { size, result }) => total + ((result === 'sent') === wanted ? size : 0), 0);
  return {
    kind: 'registry',
    reference: formatReference(reference),
    manifestDigest: manifest.digest,
    manifestSize: manifest.bytes.length,
    encoder: LAYER_ENCODER,
    layers: layers.map(({ diffId, digest, size, result }) => ({ diffId, digest, size, result })),
    ...(receipt === undefined ? {} : { receipt: receipt.digest }),
    sent: sum(true) + (receipt?.sent ?? 0),
    saved: sum(false) + (receipt?.saved ?? 0),
  };
}

interface PushedLayer extends RegistryLayerRef {
  readonly diffId: Digest;
  readonly result: LayerResult;
}

async function pushLayers(
  context: Context,
  applied: Applied,
  {
    registry,
    reference,
    span,
  }: { readonly registry: Registry; readonly reference: ImageReference; readonly span: Span },
): Promise<readonly PushedLayer[]> {
  const stop = new AbortController();
  const inner: Context = { ...context, signal: AbortSignal.any([context.signal, stop.signal]) };
  const pool = openPool({
    store: context.store,
    concurrency: context.concurrency,
    inflatedDirectory: undefined,
    signal: inner.signal,
    warn: (code, text) => warn(context.host, code, text),
  });
  const [look, turn] = [pLimit(LOOKS), pLimit(UPLOADS)];
  const total = applied.layers.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  const compress = (diffId: Sha256, size: number): Promise<CompressedLayer> =>
    size <= SMALL_LAYER ? compressLayer(context.store, diffId) : pool.run({ kind: 'compress', diffId }, size);
  const push = async (layer: AppliedLayer): Promise<PushedLayer> => {
    const pushed = await pushLayer(inner, layer, { registry, reference, compress, look, turn });
    done += layer.size;
    span.progress(done, total, layer.layer);
    return pushed;
  };
  const started = new Map<Digest, Promise<PushedLayer>>();
  try {
    return await Promise.all(
      applied.layers.map((layer) => {
        const pushing = started.get(layer.diffId) ?? push(layer);
        started.set(layer.diffId, pushing);
        return pushing;
      }),
    );
  } catch (error) {
    stop.abort(error);
    await pool.close(error);
    await Promise.allSettled(started.values());
    throw error;
  } finally {
    await pool.close();
  }
}

type Turn = <T>(work: () => Promise<T>) => Promise<T>;

interface LayerPush {
  readonly registry: Registry;
  readonly reference: ImageReference;
  readonly compress: (diffId: Sha256, size: number) => Promise<CompressedLayer>;
  readonly look: Turn;
  readonly turn: Turn;
}

async function pushLayer(
  context: Context,
  layer: AppliedLayer,
  { registry, reference, compress, look, turn }: LayerPush,
): Promise<PushedLayer> {
  const { base, diffId, size } = layer;
  if (base !== undefined)
    return look(() => pushBaseLayer(context, registry, { base, mountFrom: repositoryBeside(reference, layer), turn }));
  const { store } = context;
  const hash = fromDigest(diffId);
  const known = await knownCompressed(store, hash);
  const isThere = known !== undefined && (await store.stat(known.sha256)) !== undefined;
  const ref = (blob: CompressedLayer): Omit<PushedLayer, 'result'> => ({
    mediaType: OCI_LAYER_TYPES.gzip,
    digest: toDigest(blob.sha256),
    size: blob.size,
    diffId,
  });
  if (known !== undefined && !isThere) {
    // Compressing again is only needed when the registry lacks it.
    const probe = { digest: toDigest(known.sha256), size: known.size };
    if (await look(() => hasBlob(registry, probe))) return { ...ref(known), result: 'present' };
  }
  const compressed = isThere ? known : await compress(hash, size);
  const path = await store.verified(compressed.sha256, compressed.size, `compressed layer ${diffId}`);
  const blob: PushedBlob = {
    ...ref(compressed),
    read: (start, end) => createReadStream(path, { start, end: end - 1 }),
  };
  return { ...ref(compressed), result: await look(() => pushBlob(context, registry, blob, { turn })) };
}

/**
 * A layer of a base is in the registry already, or is mounted from the base's repository beside it; only where neither can be is it
 * fetched, and sent as its own registry has it.
 */
async function pushBaseLayer(
  context: Context,
  registry: Registry,
  {
    base,
    mountFrom,
    turn,
  }: { readonly base: PlannedBaseLayer; readonly mountFrom: string | undefined; readonly turn: Turn },
): Promise<PushedLayer> {
  const { file, compression, diffId, image } = base;
  const ref = { mediaType: OCI_LAYER_TYPES[compression], digest: toDigest(file.sha256), size: file.size, diffId };
  const from = mountFrom === undefined ? [] : [mountFrom];
  const found = await placeBlob(registry, ref, from);
  if (found === 'present' || found === 'mounted') return { ...ref, result: found };
  await fetchArtifacts(context, [{ file, what: `layer ${ref.digest} of ${image}` }]);
  const path = await context.store.verified(file.sha256, file.size, `layer ${ref.digest} of ${image}`);
  const read = (start: number, end: number): Readable => createReadStream(path, { start, end: end - 1 });
  return { ...ref, result: await pushBlob(context, registry, { ...ref, read }, { turn }) };
}

/** The repository that a base's layer lies in, when it is of the same registry. */
function repositoryBeside(reference: ImageReference, { base }: AppliedLayer): string | undefined {
  const place = base === undefined ? undefined : parseBlobUrl(base.file.url)?.image;
  return place?.registry === reference.registry && place.repository !== reference.repository
    ? place.repository
    : undefined;
}

/** Layers with the same bytes are one blob. */
function distinct(layers: readonly PushedLayer[]): readonly PushedLayer[] {
  return [...new Map(layers.map((layer) => [layer.digest, layer])).values()];
}
