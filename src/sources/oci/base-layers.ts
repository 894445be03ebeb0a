import { Readable } from 'node:stream';
import type { Context } from '../../context.ts';
import { type Digest, fromDigest, type Sha256 } from '../../digest.ts';
import { type Compression, decompress } from '../../formats/archive/decompress.ts';
import type { File } from '../../lock/schema.generated.ts';
import { fetchArtifacts } from '../fetch-artifacts.ts';
import type { LayerCompression } from './layer-types.ts';

/** A layer of a base: as it lies in the registry, and the digest of the tar that it inflates to. */
export interface StoredLayer {
  readonly file: File;
  readonly compression: LayerCompression;
  readonly diffId: Digest;
  /** Bytes of the tar, where they are known. */
  readonly size?: number;
}

const COMPRESSIONS = { none: 'none', gzip: 'gz', zstd: 'zst' } as const satisfies Record<LayerCompression, Compression>;
/** Of one inflated layer: whatever it is, and for its bytes no more than gzip can make of zeros, beside what a small one may have. */
const MAX_LAYER = 200e9;
const MAX_SMALL_LAYER = 256e6;
const MAX_RATIO = 1100;

/**
 * The tars of a base's layers, in the store under their diffIDs; what is missing is fetched and inflated, one after the other, each held against
 * both digests. Returns their sizes. Errors: those of `fetchArtifacts`, COGPLAN_HASH_MISMATCH, COGPLAN_ARCHIVE_INVALID.
 */
export async function storeBaseLayers(
  context: Context,
  layers: readonly StoredLayer[],
  image: string,
): Promise<readonly number[]> {
  const absent: number[] = [];
  for (const [index, { diffId }] of layers.entries())
    if ((await context.store.stat(fromDigest(diffId))) === undefined) absent.push(index);
  const name = (index: number): string => `layer ${index + 1} of ${image}`;
  const artifacts = absent.flatMap((index) => {
    const layer = layers[index];
    return layer === undefined ? [] : [{ file: layer.file, what: name(index) }];
  });
  await fetchArtifacts(context, artifacts);
  const sizes: number[] = [];
  for (const [index, layer] of layers.entries()) {
    context.signal.throwIfAborted();
    const tar = fromDigest(layer.diffId);
    if (absent.includes(index) && tar !== layer.file.sha256) await inflate(context, layer, { tar, what: name(index) });
    await context.store.verified(tar, layer.size, name(index));
    sizes.push((await context.store.stat(tar))?.size ?? 0);
  }
  return sizes;
}

async function inflate(
  { store }: Context,
  { file, compression, size }: StoredLayer,
  { tar, what }: { readonly tar: Sha256; readonly what: string },
): Promise<void> {
  const path = await store.verified(file.sha256, file.size, what);
  const maxBytes = size ?? Math.min(MAX_LAYER, MAX_SMALL_LAYER + MAX_RATIO * file.size);
  const stream = decompress({ file: path, compression: COMPRESSIONS[compression], maxBytes, what }, 'portable');
  await store.put(Readable.from(stream, { objectMode: false }), {
    sha256: tar,
    ...(size === undefined ? {} : { size }),
  });
}
