import { compareBytes } from '../canonical.ts';
import type { Digest } from '../digest.ts';
import { VERSION } from '../version.ts';
import type { Applied } from './apply.ts';

/** What one apply produced, by the schema in `lockfiles/schema/receipt.json`. Free of times, paths and users: the same image gives the same receipt. */
export interface Receipt {
  readonly receiptVersion: 1;
  readonly writtenBy: string;
  readonly platform: string;
  readonly imageId: string;
  readonly manifestDigest: string;
  readonly lockDigest: string;
  readonly source: { readonly treeDigest: string; readonly files: number; readonly size: number };
  readonly layers: readonly {
    readonly layer: string;
    readonly family: string;
    /** Absent for the source, which is named by its tree digest. */
    readonly recipe?: string;
    readonly diffId: string;
    readonly size: number;
  }[];
}

export function receiptOf(applied: Applied): Receipt {
  return {
    receiptVersion: 1,
    writtenBy: `cogplan ${VERSION}`,
    platform: applied.platform,
    imageId: applied.imageId,
    manifestDigest: applied.manifestDigest,
    lockDigest: applied.lockDigest,
    source: applied.source,
    layers: applied.layers.map(({ layer, family, recipe, diffId, size }) => ({
      layer,
      family,
      ...(recipe === undefined ? {} : { recipe }),
      diffId,
      size,
    })),
  };
}

/** The receipt as it is written to a file. */
export function encodeReceipt(receipt: Receipt): Buffer {
  return Buffer.from(`${JSON.stringify(receipt, undefined, 2)}\n`, 'utf8');
}

/** What applying a lock for several platforms produced, by the schema in `lockfiles/schema/receipts.json`. */
export interface Receipts {
  readonly receiptVersion: 1;
  /** Of the index that names them in an OCI layout. */
  readonly indexDigest?: Digest;
  readonly images: readonly Receipt[];
}

export function receiptsOf(images: readonly Applied[], indexDigest?: Digest): Receipts {
  const receipts = images.map(receiptOf).sort((a, b) => compareBytes(a.platform, b.platform));
  return { receiptVersion: 1, ...(indexDigest === undefined ? {} : { indexDigest }), images: receipts };
}

/** The receipts as they are written to a file. */
export function encodeReceipts(receipts: Receipts): Buffer {
  return Buffer.from(`${JSON.stringify(receipts, undefined, 2)}\n`, 'utf8');
}
