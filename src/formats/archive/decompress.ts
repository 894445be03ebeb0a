import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { isCogplanError } from '../../errors.ts';
import { archiveError, archiveTooLarge } from './archive-error.ts';
import { nativeStream, xzToFile } from './decompress-native.ts';
import { gunzip, portableBzip2, portableXz, portableZstd, zlibZstd } from './decompress-portable.ts';

export type Compression = 'none' | 'gz' | 'xz' | 'zst' | 'bz2';

export interface CompressedSlice {
  readonly file: string;
  /** Default: the whole file. */
  readonly offset?: number;
  readonly length?: number;
  readonly compression: Compression;
  /** Refuse to produce more than this. */
  readonly maxBytes: number;
  /** Names the content in messages. */
  readonly what: string;
}

/** Both give the same bytes; `native` uses the host's programs where it has them, which pays for large content. */
export type Decoder = 'native' | 'portable';

/**
 * Inflates into `target`, which must not exist. Returns the number of bytes. Where the host has `xz` it writes the file
 * itself, on another core; otherwise WASM does. COGPLAN_ARCHIVE_INVALID, COGPLAN_ARCHIVE_TOO_LARGE; a partial file may
 * then be left behind.
 */
export async function decompressToFile(
  slice: CompressedSlice,
  target: string,
  decoder: Decoder = 'native',
): Promise<number> {
  const output = await open(target, 'wx', 0o644);
  try {
    const viaProgram = slice.compression === 'xz' && decoder === 'native';
    const written = viaProgram ? await xzToFile(slice, target) : undefined;
    if (written !== undefined) return written;
    let size = 0;
    for await (const chunk of decompress(slice, viaProgram ? 'portable' : decoder)) {
      await writeAll(output, chunk, size);
      size += chunk.length;
    }
    return size;
  } finally {
    await output.close();
  }
}

async function writeAll(output: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await output.write(chunk, done, chunk.length - done, position + done);
    done += bytesWritten;
  }
}

/** Inflates into memory: for small content. */
export async function decompressToBuffer(slice: CompressedSlice, decoder: Decoder = 'portable'): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of decompress(slice, decoder)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The inflated bytes as they come. Only the first stream of an xz file counts, as in dpkg. Read it to its end. */
export async function* decompress(slice: CompressedSlice, decoder: Decoder = 'native'): AsyncGenerator<Uint8Array> {
  const { maxBytes, what } = slice;
  let size = 0;
  try {
    for await (const chunk of inflate(slice, decoder)) {
      size += chunk.length;
      if (size > maxBytes) throw archiveTooLarge(what, maxBytes);
      yield chunk;
    }
  } catch (error) {
    throw isCogplanError(error) ? error : archiveError(what, `not valid ${slice.compression} data`, error);
  }
}

async function* inflate(slice: CompressedSlice, decoder: Decoder): AsyncGenerator<Uint8Array> {
  const { compression, length } = slice;
  if (length === 0 && compression !== 'none') throw new Error('no data');
  switch (compression) {
    case 'none':
      if (length !== 0) yield* readSlice(slice);
      return;
    case 'gz':
      yield* gunzip(readSlice(slice));
      return;
    case 'bz2':
      if (decoder === 'native' && (yield* nativeStream('bz2', readSlice(slice)))) return;
      yield* portableBzip2(readSlice(slice));
      return;
    case 'xz':
      if (decoder === 'native' && (yield* nativeStream('xz', readSlice(slice)))) return;
      yield* portableXz(readSlice(slice));
      return;
    case 'zst': {
      const create = zlibZstd();
      if (create !== undefined) {
        yield* create(readSlice(slice));
        return;
      }
      if (decoder === 'native' && (yield* nativeStream('zst', readSlice(slice)))) return;
      yield* portableZstd(readSlice(slice));
    }
  }
}

function readSlice({ file, offset = 0, length }: CompressedSlice): Readable {
  return createReadStream(file, {
    start: offset,
    highWaterMark: 256 * 1024,
    ...(length === undefined ? {} : { end: offset + length - 1 }),
  });
}
