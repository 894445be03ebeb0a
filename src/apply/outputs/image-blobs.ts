import type { Digest } from '../../digest.ts';
import type { Applied } from '../apply.ts';
import type { BlobRef } from '../image/manifest.ts';

export interface ImageBlobs {
  readonly config: BlobRef;
  readonly manifest: BlobRef;
  /** One for each layer; layers with the same bytes repeat it. */
  readonly layers: readonly BlobRef[];
  /** Each blob once, in byte-wise order of digests. */
  readonly all: readonly BlobRef[];
}

export function imageBlobs(applied: Applied): ImageBlobs {
  const config = { digest: applied.imageId, size: applied.config.length };
  const manifest = { digest: applied.manifestDigest, size: applied.manifest.length };
  const layers = applied.layers.map(({ diffId, size }) => ({ digest: diffId, size }));
  const all = new Map<Digest, BlobRef>([config, manifest, ...layers].map((blob) => [blob.digest, blob]));
  return { config, manifest, layers, all: [...all.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1)) };
}

export function platformOf(applied: Applied): { readonly os: string; readonly architecture: string } {
  const [os = '', architecture = ''] = applied.platform.split('/');
  return { os, architecture };
}
