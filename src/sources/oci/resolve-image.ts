import type { z } from 'zod';
import type { Context } from '../../context.ts';
import { type Digest, fromDigest, sha256, toDigest } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import {
  CONFIG,
  type ConfigDocument,
  type Descriptor,
  INDEX,
  INDEX_TYPES,
  MANIFEST,
  MANIFEST_TYPES,
} from './documents.ts';
import { LAYER_TYPES, type LayerCompression } from './layer-types.ts';
import { formatReference, type ImageReference } from './reference.ts';
import { openRegistry, type Registry } from './registry.ts';

export interface RegistryLayer {
  readonly digest: Digest;
  /** Bytes as they lie in the registry. */
  readonly size: number;
  readonly compression: LayerCompression;
  readonly diffId: Digest;
}

/** An image of one platform, down to the digests of its layers. */
export interface RegistryImage {
  readonly reference: ImageReference;
  /** What the tag names: an index, or the manifest itself. */
  readonly tagged: Digest;
  readonly manifest: { readonly digest: Digest; readonly size: number };
  readonly config: { readonly digest: Digest; readonly size: number };
  /** Bottom first. */
  readonly layers: readonly RegistryLayer[];
  readonly document: ConfigDocument;
}

const MAX_DOCUMENT = 4 * 1024 * 1024;
const MAX_DEPTH = 3;
const ACCEPT = [...INDEX_TYPES, ...MANIFEST_TYPES].join(', ');

/**
 * Follows a reference from tag to index to manifest to config, for one platform; every document is held against digest and size, and is
 * in the store afterwards. No layer is read. Errors: COGPLAN_IMAGE_NOT_FOUND, COGPLAN_IMAGE_PLATFORM, COGPLAN_IMAGE_INVALID,
 * COGPLAN_HASH_MISMATCH, those of `openRegistry`.
 */
export async function resolveImage(
  context: Context,
  reference: ImageReference,
  platform: string,
): Promise<RegistryImage> {
  const registry = await openRegistry(context, reference, { access: 'pull' });
  const name = formatReference(reference);
  const top = await fetchDocument(registry, { name, reference });
  let document = top;
  for (let depth = 0; INDEX_TYPES.includes(document.mediaType); depth++) {
    if (depth === MAX_DEPTH) throw invalid(name, `its indexes lie more than ${MAX_DEPTH} deep`);
    const chosen = chooseManifest(parse(INDEX, document.bytes, `the index of ${name}`), { name, platform });
    document = await fetchDocument(registry, { name, reference, descriptor: chosen });
  }
  const manifest = parse(MANIFEST, document.bytes, `the manifest of ${name}`);
  const config = await fetchConfig(registry, { name, descriptor: manifest.config });
  const configDocument = parse(CONFIG, config, `the config of ${name}`);
  checkPlatform(configDocument, { name, platform });
  const layers = layersOf(manifest.layers, configDocument.rootfs.diff_ids, name);
  await context.store.put(document.bytes);
  await context.store.put(config);
  return {
    reference,
    tagged: toDigest(sha256(top.bytes)),
    manifest: { digest: toDigest(sha256(document.bytes)), size: document.bytes.length },
    config: { digest: manifest.config.digest, size: manifest.config.size },
    layers,
    document: configDocument,
  };
}

interface FetchedDocument {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

async function fetchDocument(
  registry: Registry,
  {
    name,
    reference,
    descriptor,
  }: { readonly name: string; readonly reference: ImageReference; readonly descriptor?: Descriptor },
): Promise<FetchedDocument> {
  const digest = descriptor?.digest ?? reference.digest;
  const wanted = digest ?? reference.tag ?? 'latest';
  const answer = await registry.send(registry.url(`manifests/${wanted}`), {
    method: 'GET',
    headers: { accept: ACCEPT },
    maxBytes: MAX_DOCUMENT,
    allowStatus: [404],
  });
  if (answer.status === 404) throw notFound(name, wanted);
  const { body } = answer;
  if (digest !== undefined) checkBytes(body, { digest, size: descriptor?.size, what: `manifest ${wanted} of ${name}` });
  return { mediaType: mediaTypeOf(body, answer.headers['content-type'], name), bytes: body };
}

/** The document's own word counts; the header's where it has none, as the formats before it had. */
function mediaTypeOf(body: Buffer, header: string | undefined, name: string): string {
  const value = parseJson(body, `the manifest of ${name}`) as Readonly<Record<string, unknown>> | null;
  const own = value?.mediaType;
  const mediaType = typeof own === 'string' ? own : (header ?? '').replace(/;.*$/, '').trim().toLowerCase();
  if (value?.schemaVersion === 1)
    throw invalid(
      name,
      'its manifest is of schema 1, which registries stopped to serve and which names no configuration',
    );
  if (!INDEX_TYPES.includes(mediaType) && !MANIFEST_TYPES.includes(mediaType))
    throw invalid(name, `its manifest is of type ${mediaType || 'unknown'}`);
  return mediaType;
}

async function fetchConfig(
  registry: Registry,
  { name, descriptor }: { readonly name: string; readonly descriptor: Descriptor },
): Promise<Buffer> {
  if (descriptor.size > MAX_DOCUMENT) throw invalid(name, `its config has ${descriptor.size} bytes`);
  const answer = await registry.send(registry.url(`blobs/${descriptor.digest}`), {
    method: 'GET',
    maxBytes: MAX_DOCUMENT,
    allowStatus: [404],
  });
  if (answer.status === 404) throw notFound(name, descriptor.digest);
  checkBytes(answer.body, { ...descriptor, what: `the config of ${name}` });
  return answer.body;
}

function checkBytes(
  bytes: Buffer,
  expected: { readonly digest: Digest; readonly size?: number | undefined; readonly what: string },
): void {
  const actual = { sha256: sha256(bytes), size: bytes.length };
  const isRight = actual.sha256 === fromDigest(expected.digest) && actual.size === (expected.size ?? actual.size);
  if (isRight) return;
  const size = expected.size === undefined ? '' : `, ${expected.size} bytes`;
  throw new CogplanError(
    'COGPLAN_HASH_MISMATCH',
    `${expected.what}: expected ${expected.digest}${size}; the registry sends sha256:${actual.sha256}, ${actual.size} bytes`,
    { subject: expected.what, hint: 'The registry, or something between, gives other bytes than it announces.' },
  );
}

function chooseManifest(
  index: z.infer<typeof INDEX>,
  { name, platform }: { readonly name: string; readonly platform: string },
): Descriptor {
  const [os, architecture] = platform.split('/');
  const fitting = index.manifests.filter(
    (entry) => entry.platform?.os === os && entry.platform?.architecture === architecture,
  );
  // The variant that every processor of the architecture runs.
  const plain = fitting.find(
    ({ platform: own }) => !own?.variant || (architecture === 'arm64' && own.variant === 'v8'),
  );
  const chosen = plain ?? fitting[0];
  if (chosen !== undefined) return chosen;
  const there = index.manifests.flatMap(({ platform: own }) =>
    own?.os === undefined || own.os === 'unknown' ? [] : [`${own.os}/${own.architecture ?? ''}`],
  );
  throw noPlatform(name, platform, [...new Set(there)]);
}

function checkPlatform(
  config: ConfigDocument,
  { name, platform }: { readonly name: string; readonly platform: string },
): void {
  const own = `${config.os}/${config.architecture}`;
  if (own !== platform) throw noPlatform(name, platform, [own]);
}

function layersOf(
  descriptors: readonly Descriptor[],
  diffIds: readonly Digest[],
  name: string,
): readonly RegistryLayer[] {
  if (descriptors.length !== diffIds.length)
    throw invalid(name, `its manifest has ${descriptors.length} layers, and its config ${diffIds.length}`);
  return descriptors.map(({ mediaType, digest, size }, index) => {
    const compression = LAYER_TYPES[mediaType];
    const diffId = diffIds[index];
    if (compression === undefined || diffId === undefined)
      throw invalid(name, `layer ${index + 1} is of type ${mediaType}, which cannot be read`);
    if (compression === 'none' && diffId !== digest)
      throw invalid(name, `layer ${index + 1} is not compressed, and has two digests`);
    return { digest, size, compression, diffId };
  });
}

function parse<T>(schema: z.ZodType<T>, bytes: Buffer, what: string): T {
  const parsed = schema.safeParse(parseJson(bytes, what));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw invalid(what, `${issue?.path.join('.') || 'it'}: ${issue?.message ?? 'wrong'}`);
}

function parseJson(bytes: Buffer, what: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw invalid(what, 'it is not JSON', cause);
  }
}

function notFound(name: string, what: string): CogplanError {
  return new CogplanError('COGPLAN_IMAGE_NOT_FOUND', `${name} is not there: the registry has no ${what}`, {
    subject: name,
    hint: 'Check the name and the tag. A registry also says so of images that may not be seen without `docker login`.',
  });
}

function noPlatform(name: string, platform: string, there: readonly string[]): CogplanError {
  return new CogplanError('COGPLAN_IMAGE_PLATFORM', `${name} has no image for ${platform}`, {
    subject: name,
    hint: there.length === 0 ? undefined : `It has ${there.join(', ')}.`,
    data: { platform, available: there },
  });
}

function invalid(name: string, problem: string, cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_IMAGE_INVALID', `${name} is no image that can be used: ${problem}`, {
    subject: name,
    cause,
  });
}
