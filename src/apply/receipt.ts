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
