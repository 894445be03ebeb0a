import type { z } from 'zod';
import type { Context } from '../../context.ts';
import { type Digest, fromDigest, sha256, toDigest } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { INDEX, INDEX_TYPES, MANIFEST, MANIFEST_TYPES } from './documents.ts';
import { LOCK_TYPE, RECEIPT_ARTIFACT } from './receipt-types.ts';
import { formatReference, type ImageReference } from './reference.ts';
import { listReferrers } from './referrers.ts';
import { openRegistry, type Registry } from './registry.ts';

const MAX_MANIFEST = 4 * 1024 * 1024;
const MAX_LOCK = 256 * 1024 * 1024;
const MAX_PLATFORMS = 16;

/**
 * The text of the lock that a pushed image carries in its receipt; of several, the one that was attached last. Errors: COGPLAN_LOCK_MISSING,
 * COGPLAN_IMAGE_NOT_FOUND, COGPLAN_IMAGE_INVALID, COGPLAN_HASH_MISMATCH, those of `openRegistry`.
 */
export async function readAttachedLock(context: Context, reference: ImageReference): Promise<string> {
  const registry = await openRegistry(context, reference, { access: 'pull' });
  const name = formatReference(reference);
  const wanted = reference.digest ?? reference.tag ?? 'latest';
  const top = await fetchChecked(registry, `manifests/${wanted}`, { name, digest: reference.digest });
  const subjects = [toDigest(sha256(top)), ...membersOf(top, name)];
  for (const subject of subjects) {
    const found = (await listReferrers(registry, subject)).filter(
      ({ artifactType }) => artifactType === RECEIPT_ARTIFACT,
    );
    const receipt = found.at(-1);
    if (receipt === undefined) continue;
    const what = `the receipt of ${name}`;
    const digest = asDigest(receipt.digest, what);
    const manifest = parse(MANIFEST, await fetchChecked(registry, `manifests/${digest}`, { name: what, digest }), what);
    const lock = manifest.layers.find(({ mediaType }) => mediaType === LOCK_TYPE);
    if (lock === undefined) throw invalid(what, 'it holds no lock');
    const place = { name: `the lock of ${name}`, digest: lock.digest, maxBytes: MAX_LOCK };
    return (await fetchChecked(registry, `blobs/${lock.digest}`, place)).toString('utf8');
  }
  throw new CogplanError('COGPLAN_LOCK_MISSING', `${name} carries no receipt`, {
    subject: name,
    hint: 'Images that `cogplan apply -o registry:REF` pushed carry one.',
  });
}

/** The images of an index. */
function membersOf(bytes: Buffer, name: string): readonly Digest[] {
  const { mediaType } = (parseJson(bytes, name) ?? {}) as { readonly mediaType?: unknown };
  if (typeof mediaType !== 'string' || !INDEX_TYPES.includes(mediaType)) return [];
  return parse(INDEX, bytes, name)
    .manifests.slice(0, MAX_PLATFORMS)
    .map(({ digest }) => digest);
}

async function fetchChecked(
  registry: Registry,
  path: string,
  {
    name,
    digest,
    maxBytes = MAX_MANIFEST,
  }: { readonly name: string; readonly digest: Digest | undefined; readonly maxBytes?: number },
): Promise<Buffer> {
  const answer = await registry.send(registry.url(path), {
    method: 'GET',
    headers: path.startsWith('manifests/') ? { accept: [...INDEX_TYPES, ...MANIFEST_TYPES].join(', ') } : {},
    maxBytes,
    allowStatus: [404],
  });
  if (answer.status === 404) {
    throw new CogplanError('COGPLAN_IMAGE_NOT_FOUND', `${name} is not there: the registry has no ${path}`, {
      subject: name,
      hint: 'Check the name and the tag.',
    });
  }
  if (digest !== undefined && sha256(answer.body) !== fromDigest(digest)) {
    throw new CogplanError('COGPLAN_HASH_MISMATCH', `${name}: the registry sends other bytes than ${digest}`, {
      subject: name,
      hint: 'The registry, or something between, gives other bytes than it announces.',
    });
  }
  return answer.body;
}

function asDigest(text: string, what: string): Digest {
  if (!/^sha256:[0-9a-f]{64}$/.test(text)) throw invalid(what, `${text} is no sha256 digest`);
  return text as Digest;
}

function parse<T>(schema: z.ZodType<T>, bytes: Buffer, what: string): T {
  const parsed = schema.safeParse(parseJson(bytes, what));
  if (parsed.success) return parsed.data;
  throw invalid(what, parsed.error.issues[0]?.message ?? 'wrong');
}

function parseJson(bytes: Buffer, what: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw invalid(what, 'it is not JSON');
  }
}

function invalid(what: string, problem: string): CogplanError {
  return new CogplanError('COGPLAN_IMAGE_INVALID', `${what} cannot be used: ${problem}`, { subject: what });
}
