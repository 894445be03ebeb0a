import { canonicalJson } from '../../canonical.ts';
import { type Digest, sha256, toDigest } from '../../digest.ts';
import { type BlobRef, CONFIG_TYPE, type LayerRef, MANIFEST_TYPE } from '../image/manifest.ts';

/** A layer as the registry holds it. */
export interface RegistryLayerRef extends LayerRef {
  readonly mediaType: string;
}

export interface EncodedManifest {
  readonly bytes: Buffer;
  readonly digest: Digest;
  readonly mediaType: string;
}

/** The manifest of an image whose layers lie compressed in a registry; its config, and so the image ID, is that of the image at hand. */
export function encodeRegistryManifest(config: BlobRef, layers: readonly RegistryLayerRef[]): EncodedManifest {
  const bytes = Buffer.from(
    canonicalJson({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: { mediaType: CONFIG_TYPE, digest: config.digest, size: config.size },
      layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    }),
    'utf8',
  );
  return { bytes, digest: toDigest(sha256(bytes)), mediaType: MANIFEST_TYPE };
}
