import { z } from 'zod';
import type { Digest } from '../../digest.ts';

/*
 * The documents that registries keep, in the two dialects that are one format:
 * https://github.com/opencontainers/image-spec/blob/main/manifest.md and
 * https://distribution.github.io/distribution/spec/manifest-v2-2/
 */

export const INDEX_TYPES: readonly string[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
export const MANIFEST_TYPES: readonly string[] = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'is no sha256 digest') as unknown as z.ZodType<Digest>;
const descriptor = z.object({
  mediaType: z.string().max(255),
  digest,
  size: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
});
const platform = z.object({
  os: z.string().optional(),
  architecture: z.string().optional(),
  variant: z.string().optional(),
});

export const INDEX = z.object({
  manifests: z.array(descriptor.extend({ platform: platform.nullish() })).max(1000),
});
export const MANIFEST = z.object({ config: descriptor, layers: z.array(descriptor).max(1000) });
export const CONFIG = z.object({
  os: z.string(),
  architecture: z.string(),
  created: z.string().nullish(),
  rootfs: z.object({ type: z.literal('layers'), diff_ids: z.array(digest).max(1000) }),
  config: z
    .object({
      Env: z.array(z.string()).nullish(),
      WorkingDir: z.string().nullish(),
      User: z.string().nullish(),
      Entrypoint: z.array(z.string()).nullish(),
      Cmd: z.array(z.string()).nullish(),
      ExposedPorts: z.record(z.string(), z.unknown()).nullish(),
      Labels: z.record(z.string(), z.string()).nullish(),
    })
    .nullish(),
});

export type Descriptor = z.infer<typeof descriptor>;
export type IndexDocument = z.infer<typeof INDEX>;
export type ManifestDocument = z.infer<typeof MANIFEST>;
export type ConfigDocument = z.infer<typeof CONFIG>;
