import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
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

/** Decoded bytes that JavaScript's bzip2 holds at once: it cannot be stopped in between. */
const MOST_BUNZIPPED = 1024 ** 3;
const CHUNK = 1024 * 1024;

/** In JavaScript, loaded when it is needed; checksums are verified. All of the content is in memory for a while. */
export async function* portableBzip2(input: Readable): AsyncGenerator<Uint8Array> {
  const { default: bunzip } = await import('seek-bzip');
  const source = await buffer(input);
  let position = 0;
  const reader = Object.assign(new bunzip.Stream(), {
    readByte: () => source[position++] ?? fail('cut off'),
    eof: () => position >= source.length,
  });
  const chunks: Buffer[] = [];
  let chunk = Buffer.allocUnsafe(CHUNK);
  let used = 0;
  const writer = {
    writeByte: (byte: number) => {
      if (used === CHUNK) {
        chunks.push(chunk);
        if (chunks.length * CHUNK > MOST_BUNZIPPED) fail('too large to be decoded without the program bzip2');
        chunk = Buffer.allocUnsafe(CHUNK);
        used = 0;
      }
      chunk[used++] = byte;
    },
  };
  bunzip.decode(reader, writer, true);
  yield* chunks;
  yield chunk.subarray(0, used);
}

function fail(reason: string): never {
  throw new Error(reason);
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
