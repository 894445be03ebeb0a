import { Readable } from 'node:stream';
import zlib from 'node:zlib';
import { Decompress as ZstdDecompress } from 'fzstd';
import xz from 'xz-decompress';

/**
 * Decodes the first stream of an xz file in WASM. Only one of these is under way at a time in a process: the others wait, so
 * it must be read to its end, or returned from.
 */
export async function* portableXz(input: Readable): AsyncGenerator<Uint8Array> {
  const reader = new xz.XzReadableStream(Readable.toWeb(input) as ReadableStream<Uint8Array>).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      // The decoder hands out views of memory that it overwrites.
      yield Uint8Array.from(value);
    }
  } finally {
    await reader.cancel().catch(() => {});
    input.destroy();
  }
}

interface ZlibWithZstd {
  readonly createZstdDecompress?: () => NodeJS.ReadWriteStream & Readable;
}

/** Node's own decoder where it has one (22.15 and later). */
export function zlibZstd(): ((input: Readable) => Readable) | undefined {
  const create = (zlib as ZlibWithZstd).createZstdDecompress;
  return create === undefined ? undefined : (input) => pipe(input, create());
}

export function gunzip(input: Readable): Readable {
  return pipe(input, zlib.createGunzip());
}

/** In JavaScript; frame checksums are not verified, so the input's own hash must be. */
export async function* portableZstd(input: Readable): AsyncGenerator<Uint8Array> {
  const ready: Uint8Array[] = [];
  let finished = false;
  let size = 0;
  const decoder = new ZstdDecompress((chunk, final) => {
    ready.push(Uint8Array.from(chunk));
    finished ||= final === true;
  });
  for await (const chunk of input as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    decoder.push(chunk);
    yield* ready.splice(0);
  }
  if (size === 0) throw new Error('no data');
  decoder.push(new Uint8Array(0), true);
  yield* ready.splice(0);
  if (!finished) throw new Error('cut off');
}

function pipe(input: Readable, transform: NodeJS.ReadWriteStream & Readable): Readable {
  input.once('error', (error) => transform.destroy(error));
  return input.pipe(transform);
}
