import { canonicalJson } from '../../canonical.ts';
import { type Digest, fromDigest } from '../../digest.ts';
import { INDEX_TYPE } from './image-index.ts';
import { type BlobRef, MANIFEST_TYPE } from './manifest.ts';

/** The name under which tools that insist on one (umoci) find the image in the layout. */
const LAYOUT_REF = 'latest';

/** Content of `oci-layout`. https://github.com/opencontainers/image-spec/blob/main/image-layout.md */
export function encodeLayoutFile(): Buffer {
  return Buffer.from(canonicalJson({ imageLayoutVersion: '1.0.0' }), 'utf8');
}

export interface IndexOptions {
  readonly os: string;
  readonly architecture: string;
  /** Full name, such as `docker.io/library/model:latest`, under which containerd stores the image. */
  readonly containerdName?: string | undefined;
}

/** Content of `index.json` for a layout that holds one image. */
export function encodeIndex(manifest: BlobRef, { os, architecture, containerdName }: IndexOptions): Buffer {
  const index = {
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    manifests: [
      {
        mediaType: MANIFEST_TYPE,
        digest: manifest.digest,
        size: manifest.size,
        platform: { os, architecture },
        annotations: { 'org.opencontainers.image.ref.name': LAYOUT_REF, 'io.containerd.image.name': containerdName },
      },
    ],
  };
  return Buffer.from(canonicalJson(index), 'utf8');
}

/** Content of `index.json` for a layout of several platforms: it names their index, which tools then choose from. */
export function encodeIndexOfIndex(index: BlobRef): Buffer {
  const manifests = [
    {
      mediaType: INDEX_TYPE,
      digest: index.digest,
      size: index.size,
      annotations: { 'org.opencontainers.image.ref.name': LAYOUT_REF },
    },
  ];
  return Buffer.from(canonicalJson({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests }), 'utf8');
}

/**
 * Content of `manifest.json`, by which `docker load` of every version reads an archive whose blobs lie where an OCI layout has them.
 * https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format
 */
export function encodeDockerManifest(config: BlobRef, layers: readonly BlobRef[], tags: readonly string[]): Buffer {
  const manifest = [
    {
      Config: blobName(config.digest),
      RepoTags: tags.length === 0 ? null : tags,
      Layers: layers.map((layer) => blobName(layer.digest)),
    },
  ];
  return Buffer.from(canonicalJson(manifest), 'utf8');
}

/** Path of a blob in a layout. */
export function blobName(digest: Digest): string {
  return `blobs/sha256/${fromDigest(digest)}`;
}
