import { canonicalJson, type Json } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { type Digest, sha256, toDigest } from '../../digest.ts';
import { isCogplanError } from '../../errors.ts';
import { warn } from '../../events.ts';
import type { Lock } from '../../lock/schema.generated.ts';
import { formatLock } from '../../lock/write-lock.ts';
import { pushBlob } from '../../sources/oci/push-blob.ts';
import { pushManifest } from '../../sources/oci/push-manifest.ts';
import { LOCK_TYPE, RECEIPT_ARTIFACT, RECEIPT_TYPE } from '../../sources/oci/receipt-types.ts';
import { addReferrer } from '../../sources/oci/referrers.ts';
import type { Registry } from '../../sources/oci/registry.ts';
import type { Applied } from '../apply.ts';
import { MANIFEST_TYPE } from '../image/manifest.ts';
import { encodeReceipt, receiptOf } from '../receipt.ts';
import type { EncodedManifest } from './registry-manifest.ts';

/** What pushing a receipt did, in bytes. */
export interface PushedReceipt {
  readonly digest: Digest;
  readonly sent: number;
  readonly saved: number;
}

const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';

/**
 * Attaches the receipt and the lock to a pushed image, as an artifact whose subject the image is. A registry that takes no such
 * artifact keeps the image without one, and a warning says so.
 * https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidelines-for-artifact-usage
 */
export async function pushReceipt(
  context: Context,
  registry: Registry,
  { applied, lock, image }: { readonly applied: Applied; readonly lock: Lock; readonly image: EncodedManifest },
): Promise<PushedReceipt | undefined> {
  const blobs = [
    blobOf(EMPTY_TYPE, Buffer.from('{}')),
    blobOf(RECEIPT_TYPE, encodeReceipt(receiptOf(applied))),
    blobOf(LOCK_TYPE, Buffer.from(formatLock(lock), 'utf8')),
  ];
  const manifest = encodeArtifact(blobs, image);
  try {
    let [sent, saved] = [0, 0];
    const count = (isSent: boolean, size: number): void => {
      if (isSent) sent += size;
      else saved += size;
    };
    for (const { digest, bytes } of blobs) {
      const blob = { digest, size: bytes.length, read: (from: number, to: number) => bytes.subarray(from, to) };
      count((await pushBlob(context, registry, blob)) === 'sent', bytes.length);
    }
    count(await pushManifest(registry, manifest, manifest.digest), manifest.bytes.length);
    await addReferrer(registry, image.digest, {
      mediaType: manifest.mediaType,
      digest: manifest.digest,
      size: manifest.bytes.length,
      artifactType: RECEIPT_ARTIFACT,
    });
    return { digest: manifest.digest, sent, saved };
  } catch (error) {
    if (!isCogplanError(error, 'COGPLAN_REGISTRY_FAILED')) throw error;
    warn(context.host, 'push.receipt', `the image is pushed, without its receipt: ${error.message}`);
    return undefined;
  }
}

interface ReceiptBlob {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly digest: Digest;
}

function blobOf(mediaType: string, bytes: Buffer): ReceiptBlob {
  return { mediaType, bytes, digest: toDigest(sha256(bytes)) };
}

function encodeArtifact([config, ...layers]: readonly ReceiptBlob[], subject: EncodedManifest): EncodedManifest {
  const describe = ({ mediaType, digest, bytes }: ReceiptBlob): Json => ({ mediaType, digest, size: bytes.length });
  const bytes = Buffer.from(
    canonicalJson({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      artifactType: RECEIPT_ARTIFACT,
      config: config === undefined ? null : describe(config),
      layers: layers.map(describe),
      subject: describe(subject),
    }),
    'utf8',
  );
  return { bytes, digest: toDigest(sha256(bytes)), mediaType: MANIFEST_TYPE };
}
