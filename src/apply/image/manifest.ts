import { canonicalJson } from '../../canonical.ts';
import type { Digest } from '../../digest.ts';

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
export const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
/** A plain tar: the digest of the blob is the layer's diffID. */
export const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar';

export interface BlobRef {
  readonly digest: Digest;
  readonly size: number;
}

export interface LayerRef extends BlobRef {
  /** Absent: a plain tar. */
  readonly mediaType?: string;
}

/** The image manifest as canonical JSON. https://github.com/opencontainers/image-spec/blob/main/manifest.md */
export function encodeManifest(config: BlobRef, layers: readonly LayerRef[]): Buffer {
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: describe(CONFIG_TYPE, config),
    layers: layers.map((layer) => describe(layer.mediaType ?? LAYER_TYPE, layer)),
  };
  return Buffer.from(canonicalJson(manifest), 'utf8');
}

function describe(
  mediaType: string,
  blob: BlobRef,
): { readonly mediaType: string; readonly digest: Digest; readonly size: number } {
  return { mediaType, digest: blob.digest, size: blob.size };
}
