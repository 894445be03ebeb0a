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

/** A receipt whose blobs are in the registry, and its bytes. */
export interface ReceiptBlobs {
  readonly blobs: readonly ReceiptBlob[];
  readonly sent: number;
  readonly saved: number;
}

/**
 * Puts what a receipt is made of into the registry. Undefined, and a warning, where the registry refuses it: an image is
 * worth pushing without.
 */
export async function pushReceiptBlobs(
  context: Context,
  registry: Registry,
  { applied, lock }: { readonly applied: Applied; readonly lock: Lock },
): Promise<ReceiptBlobs | undefined> {
  const blobs = [
    blobOf(EMPTY_TYPE, Buffer.from('{}')),
    blobOf(RECEIPT_TYPE, encodeReceipt(receiptOf(applied))),
    blobOf(LOCK_TYPE, Buffer.from(formatLock(lock), 'utf8')),
  ];
  return unlessRefused(context, async () => {
    const results = await Promise.all(
      blobs.map(async ({ digest, bytes }) => {
        const blob = { digest, size: bytes.length, read: (from: number, to: number) => bytes.subarray(from, to) };
        return { size: bytes.length, isSent: (await pushBlob(context, registry, blob)) === 'sent' };
      }),
    );
    const sum = (wanted: boolean): number =>
      results.reduce((total, { size, isSent }) => total + (isSent === wanted ? size : 0), 0);
    return { blobs, sent: sum(true), saved: sum(false) };
  });
}

/**
 * Attaches a receipt to a pushed image, as an artifact whose subject the image is. A registry that takes no such artifact keeps the
 * image without one, and a warning says so.
 * https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidelines-for-artifact-usage
 */
export async function attachReceipt(
  context: Context,
  registry: Registry,
  { receipt, image }: { readonly receipt: ReceiptBlobs; readonly image: EncodedManifest },
): Promise<PushedReceipt | undefined> {
  const manifest = encodeArtifact(receipt.blobs, image);
  return unlessRefused(context, async () => {
    const pushed = await pushManifest(registry, manifest, manifest.digest);
    const referrer = {
      mediaType: manifest.mediaType,
      digest: manifest.digest,
      size: manifest.bytes.length,
      artifactType: RECEIPT_ARTIFACT,
    };
    await addReferrer(registry, image.digest, { referrer, pushed });
    const size = manifest.bytes.length;
    return {
      digest: manifest.digest,
      sent: receipt.sent + (pushed.sent ? size : 0),
      saved: receipt.saved + (pushed.sent ? 0 : size),
    };
  });
}

async function unlessRefused<T>(context: Context, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
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
