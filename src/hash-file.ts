import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { asSha256, type Sha256 } from './digest.ts';

const AT_ONCE = 1024 * 1024;

/** Hash and size of a file's bytes, read once, in memory that does not grow with it. */
export async function hashFile(
  path: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<{ readonly sha256: Sha256; readonly size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: AT_ONCE, ...options }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { sha256: asSha256(hash.digest('hex')), size };
}
