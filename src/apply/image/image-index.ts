import { canonicalJson, compareBytes } from '../../canonical.ts';
import type { BlobRef } from './manifest.ts';

export const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';

/** One image among those of an index. */
export interface IndexMember extends BlobRef {
  readonly mediaType: string;
  readonly os: string;
  readonly architecture: string;
  /** `v8` of arm64, where the image says so. */
  readonly variant?: string | undefined;
}

/** One name for images of several platforms; the order of `members` does not count. https://github.com/opencontainers/image-spec/blob/main/image-index.md */
export function encodeImageIndex(members: readonly IndexMember[]): Buffer {
  const key = ({ os, architecture, variant = '', digest }: IndexMember): string =>
    [os, architecture, variant, digest].join('\0');
  const manifests = [...members]
    .sort((a, b) => compareBytes(key(a), key(b)))
    .map(({ mediaType, digest, size, os, architecture, variant }) => ({
      mediaType,
      digest,
      size,
      platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
    }));
  return Buffer.from(canonicalJson({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests }), 'utf8');
}
