import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { asSha256, type Sha256 } from './digest.ts';
import { readPieces } from './read-pieces.ts';

interface HashOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told of each piece that was hashed, by its bytes. */
  readonly onBytes?: ((count: number) => void) | undefined;
}

/** Hash and size of a file's bytes, read once, in memory that does not grow with it. */
export async function hashFile(
  path: string,
  options: HashOptions = {},
): Promise<{ readonly sha256: Sha256; readonly size: number }> {
  const file = await open(path, 'r');
  try {
    const hash = createHash('sha256');
    const size = await hashInto(hash, file, options);
    return { sha256: asSha256(hash.digest('hex')), size };
  } finally {
    await file.close();
  }
}

/** Adds the bytes of an open file, from its start to its end, and gives their number. */
export async function hashInto(hash: Hash, file: FileHandle, { signal, onBytes }: HashOptions = {}): Promise<number> {
  let size = 0;
  for await (const piece of readPieces(file)) {
    signal?.throwIfAborted();
    hash.update(piece);
    size += piece.length;
    onBytes?.(piece.length);
  }
  return size;
}
