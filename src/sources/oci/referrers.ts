import { z } from 'zod';
import { canonicalJson, type Json } from '../../canonical.ts';
import { type Digest, sha256, toDigest } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { type PushedManifest, pushManifest } from './push-manifest.ts';
import { referrersTag } from './receipt-types.ts';
import type { Registry } from './registry.ts';

const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
const MAX_INDEX = 4 * 1024 * 1024;
const MAX_REFERRERS = 1000;

const descriptor = z.looseObject({
  mediaType: z.string().max(255),
  digest: z.string().regex(/^[a-z0-9+._-]+:[0-9a-zA-Z=_-]{32,}$/),
  size: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  artifactType: z.string().max(255).optional(),
});
const INDEX = z.looseObject({ manifests: z.array(descriptor).max(MAX_REFERRERS) });

export type Referrer = z.infer<typeof descriptor>;

/**
 * What refers to a manifest, by the referrers API or the tag that stands in for it. Error: COGPLAN_IMAGE_INVALID.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
export async function listReferrers(registry: Registry, digest: Digest): Promise<readonly Referrer[]> {
  const listed = await fetchIndex(registry, `referrers/${digest}`);
  return listed ?? (await fetchIndex(registry, `manifests/${referrersTag(digest)}`)) ?? [];
}

/**
 * Makes a pushed manifest, whose subject is `subject`, findable: registries without the referrers API keep a list under a tag. Those that
 * have it say so when they take the manifest.
 */
export async function addReferrer(
  registry: Registry,
  subject: Digest,
  { referrer, pushed }: { readonly referrer: Referrer; readonly pushed: PushedManifest },
): Promise<void> {
  if (pushed.subject === subject) return;
  if (!pushed.sent && (await fetchIndex(registry, `referrers/${subject}`)) !== undefined) return;
  const tag = referrersTag(subject);
  const before = (await fetchIndex(registry, `manifests/${tag}`)) ?? [];
  if (before.at(-1)?.digest === referrer.digest) return;
  // The last one is what the image was made from last.
  const others = before.filter(({ digest }) => digest !== referrer.digest);
  const manifests = [...others, referrer] as unknown as Json;
  const bytes = Buffer.from(canonicalJson({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests }), 'utf8');
  const index = { bytes, digest: toDigest(sha256(bytes)), mediaType: INDEX_TYPE };
  // That there was none, or another, was just seen.
  await pushManifest(registry, index, tag, { isAbsent: true });
}

/** Registries that know nothing of referrers say so in various ways. */
const UNKNOWN = [400, 404, 405];

async function fetchIndex(registry: Registry, path: string): Promise<readonly Referrer[] | undefined> {
  const answer = await registry.send(registry.url(path), {
    method: 'GET',
    headers: { accept: INDEX_TYPE },
    maxBytes: MAX_INDEX,
    allowStatus: UNKNOWN,
  });
  if (UNKNOWN.includes(answer.status)) return undefined;
  const parsed = INDEX.safeParse(parseJson(answer.body));
  if (parsed.success) return parsed.data.manifests;
  throw new CogplanError('COGPLAN_IMAGE_INVALID', `${registry.name}: its list of referrers (${path}) cannot be read`, {
    subject: registry.name,
    hint: 'What the registry keeps there is no OCI image index.',
  });
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
