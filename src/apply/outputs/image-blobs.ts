import type { Context } from '../../context.ts';
import { type Digest, toDigest } from '../../digest.ts';
import { fetchArtifacts } from '../../sources/fetch-artifacts.ts';
import { OCI_LAYER_TYPES } from '../../sources/oci/layer-types.ts';
import type { Applied, AppliedLayer } from '../apply.ts';
import type { BlobRef, LayerRef } from '../image/manifest.ts';

export interface ImageBlobs {
  readonly config: BlobRef;
  readonly manifest: BlobRef;
  /** One for each layer; layers with the same bytes repeat it. */
  readonly layers: readonly LayerRef[];
  /** Each blob once, in byte-wise order of digests. */
  readonly all: readonly BlobRef[];
}

export function imageBlobs(applied: Applied): ImageBlobs {
  const config = { digest: applied.imageId, size: applied.config.length };
  const manifest = { digest: applied.manifestDigest, size: applied.manifest.length };
  const layers = applied.layers.map(layerBlob);
  const all = new Map<Digest, BlobRef>([config, manifest, ...layers].map((blob) => [blob.digest, blob]));
  return { config, manifest, layers, all: [...all.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1)) };
}

/** A layer as manifests name it: plain tar, or for a layer of a base what its registry has. */
export function layerBlob({ base, diffId, size }: Pick<AppliedLayer, 'base' | 'diffId' | 'size'>): LayerRef {
  if (base === undefined) return { digest: diffId, size };
  const digest = toDigest(base.file.sha256);
  return { digest, size: base.file.size, mediaType: OCI_LAYER_TYPES[base.compression] };
}

/** Brings the layers of an image base into the store, in the form in which its registry has them. */
export async function fetchBaseBlobs(context: Context, { layers }: Applied): Promise<void> {
  const artifacts = layers.flatMap(({ base, layer }) =>
    base === undefined ? [] : [{ file: base.file, what: `${layer} of ${base.image}` }],
  );
  await fetchArtifacts(context, artifacts);
}

export function platformOf(applied: Applied): { readonly os: string; readonly architecture: string } {
  const [os = '', architecture = ''] = applied.platform.split('/');
  return { os, architecture };
}
