import { type Digest, fromDigest, sha256, toDigest } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { CONFIG, INDEX, INDEX_TYPES, MANIFEST, MANIFEST_TYPES } from './documents.ts';
import type { Registry } from './registry.ts';

/** An image that a tag names for one platform. */
export interface TagMember {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}

export interface NamedByTag {
  /** Of the document that the tag names, as it was read; absent where there is no such tag. */
  readonly digest?: Digest;
  readonly members: readonly TagMember[];
}

const MAX_DOCUMENT = 4 * 1024 * 1024;

/**
 * The images that a tag names now, by platform; none where there is no such tag. Members without a platform, such as attestations, are left out.
 * Errors: COGPLAN_IMAGE_INVALID, COGPLAN_HASH_MISMATCH, those of `openRegistry`.
 */
export async function readTagMembers(registry: Registry, tag: string): Promise<NamedByTag> {
  const answer = await registry.send(registry.url(`manifests/${tag}`), {
    method: 'GET',
    headers: { accept: [...INDEX_TYPES, ...MANIFEST_TYPES].join(', ') },
    maxBytes: MAX_DOCUMENT,
    allowStatus: [404],
  });
  if (answer.status === 404) return { members: [] };
  const digest = toDigest(sha256(answer.body));
  const name = `${registry.name}:${tag}`;
  const document = parseJson(answer.body, name) as { readonly mediaType?: unknown } | null;
  const mediaType =
    typeof document?.mediaType === 'string'
      ? document.mediaType
      : (answer.headers['content-type'] ?? '').replace(/;.*$/, '').trim();
  if (INDEX_TYPES.includes(mediaType)) {
    const parsed = INDEX.safeParse(document);
    if (!parsed.success) throw invalid(name, 'its index cannot be read');
    const members = parsed.data.manifests.flatMap(({ platform, mediaType: type, digest: named, size }) => {
      const { os = 'unknown', architecture = 'unknown', variant } = platform ?? {};
      return os === 'unknown' || architecture === 'unknown'
        ? []
        : [{ mediaType: type, digest: named, size, os, architecture, variant }];
    });
    return { digest, members };
  }
  const manifest = MANIFEST.safeParse(document);
  if (!MANIFEST_TYPES.includes(mediaType) || !manifest.success) throw invalid(name, 'its manifest cannot be read');
  const { os, architecture } = await readConfig(registry, manifest.data.config.digest, name);
  return { digest, members: [{ mediaType, digest, size: answer.body.length, os, architecture }] };
}

async function readConfig(
  registry: Registry,
  digest: Digest,
  name: string,
): Promise<{ readonly os: string; readonly architecture: string }> {
  const { body } = await registry.send(registry.url(`blobs/${digest}`), { method: 'GET', maxBytes: MAX_DOCUMENT });
  if (sha256(body) !== fromDigest(digest)) {
    throw new CogplanError(
      'COGPLAN_HASH_MISMATCH',
      `the config of ${name}: the registry sends other bytes than ${digest}`,
      {
        subject: name,
        hint: 'The registry, or something between, gives other bytes than it announces.',
      },
    );
  }
  const parsed = CONFIG.safeParse(parseJson(body, name));
  if (!parsed.success) throw invalid(name, 'its config cannot be read');
  return parsed.data;
}

function parseJson(body: Buffer, name: string): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw invalid(name, 'it is not JSON', cause);
  }
}

function invalid(name: string, problem: string, cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_IMAGE_INVALID', `nothing can be joined to ${name}: ${problem}`, {
    subject: name,
    hint: 'Push without --join to replace what the tag names.',
    cause,
  });
}
