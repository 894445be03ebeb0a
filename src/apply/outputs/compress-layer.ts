import { open } from 'node:fs/promises';
import { Gzip } from 'fflate';
import { type Sha256, sha256 } from '../../digest.ts';
import type { Store } from '../../store/store.ts';

/** A layer as registries take it, in the store. */
export interface CompressedLayer {
  readonly sha256: Sha256;
  readonly size: number;
}

/**
 * The encoder that makes compressed layers, as receipts declare it. It is JavaScript of one exact version: zlib's output differs
 * between versions and processors, and would give the same layer another digest on another machine.
 */
export const LAYER_ENCODER = 'fflate 0.8.3, gzip level 1, chunks of 1048576 bytes';

const LEVEL = 1;
/** Decides the bytes: part of the encoder's name. */
const CHUNK = 1024 * 1024;
const KIND = 'compressed-layer';

/** Key under which the store keeps which blob a layer was compressed to. */
export function compressedKey(diffId: Sha256): Sha256 {
  return sha256(`${LAYER_ENCODER} ${diffId}`);
}

/** What a layer was compressed to before; its blob may be gone since. */
export function knownCompressed(store: Store, diffId: Sha256): Promise<CompressedLayer | undefined> {
  return store.getDerived<{ sha256: Sha256; size: number }>(KIND, compressedKey(diffId));
}

/** Compresses a layer of the store into the store. The same on every machine. */
export async function compressLayer(store: Store, diffId: Sha256): Promise<CompressedLayer> {
  const path = await store.verified(diffId, undefined, `layer sha256:${diffId}`);
  const writer = await store.writer();
  const file = await open(path, 'r');
  try {
    const made: Uint8Array[] = [];
    const gzip = new Gzip({ level: LEVEL, mtime: 0 }, (data) => {
      made.push(data);
    });
    for (let final = false; !final; ) {
      // A new buffer each time: the encoder keeps what it was given for later references.
      const buffer = Buffer.allocUnsafe(CHUNK);
      let filled = 0;
      while (filled < CHUNK) {
        const { bytesRead } = await file.read(buffer, filled, CHUNK - filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      final = filled < CHUNK;
      gzip.push(buffer.subarray(0, filled), final);
      for (const data of made.splice(0)) await writer.write(data);
    }
    const blob = await writer.commit();
    await store.putDerived(KIND, compressedKey(diffId), { sha256: blob.sha256, size: blob.size });
    return { sha256: blob.sha256, size: blob.size };
  } finally {
    await file.close();
    await writer.abort();
  }
}
