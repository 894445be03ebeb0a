import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import zlib from 'node:zlib';
import { Decompress as ZstdDecompress } from 'fzstd';
import xz from 'xz-decompress';
import { archiveError, archiveTooLarge } from './archive-error.ts';

export type Compression = 'none' | 'gz' | 'xz' | 'zst';

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

/** Both give the same bytes; `portable` is for hosts without the programs, and for tests. */
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
    if (slice.compression === 'xz' && decoder === 'native') {
      const size = await runXz(slice, output);
      if (size !== undefined) return size;
    }
    let size = 0;
    for await (const chunk of decompress(slice, decoder)) {
      await output.appendFile(chunk);
      size += chunk.length;
    }
    return size;
  } finally {
    await output.close();
  }
}

/** Inflates into memory: for small content. */
export async function decompressToBuffer(slice: CompressedSlice, decoder: Decoder = 'portable'): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of decompress(slice, decoder)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The inflated bytes as they come. Only the first stream of an xz file counts, as in dpkg. */
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
    throw error instanceof Error && 'code' in error && String(error.code).startsWith('COGPLAN_')
      ? error
      : archiveError(what, `not valid ${slice.compression} data`, error);
  }
}

function inflate(slice: CompressedSlice, decoder: Decoder): AsyncIterable<Uint8Array> {
  const input = readSlice(slice);
  switch (slice.compression) {
    case 'none':
      return input;
    case 'gz':
      return pipe(input, zlib.createGunzip());
    case 'xz':
      return decoder === 'native' ? nativeXz(slice, input) : portableXz(input);
    case 'zst':
      return zstd(input);
  }
}

function readSlice({ file, offset = 0, length }: CompressedSlice): Readable {
  if (length === 0) return Readable.from([]);
  return createReadStream(file, {
    start: offset,
    highWaterMark: 256 * 1024,
    ...(length === undefined ? {} : { end: offset + length - 1 }),
  });
}

function pipe(input: Readable, transform: NodeJS.ReadWriteStream & Readable): Readable {
  input.once('error', (error) => transform.destroy(error));
  return input.pipe(transform);
}

async function* portableXz(input: Readable): AsyncGenerator<Uint8Array> {
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

function zstd(input: Readable): AsyncIterable<Uint8Array> {
  const create = (zlib as ZlibWithZstd).createZstdDecompress;
  return create === undefined ? portableZstd(input) : pipe(input, create());
}

async function* portableZstd(input: Readable): AsyncGenerator<Uint8Array> {
  const ready: Uint8Array[] = [];
  let finished = false;
  const decoder = new ZstdDecompress((chunk, final) => {
    ready.push(Uint8Array.from(chunk));
    finished ||= final === true;
  });
  for await (const chunk of input as AsyncIterable<Uint8Array>) {
    decoder.push(chunk);
    yield* ready.splice(0);
  }
  decoder.push(new Uint8Array(0), true);
  yield* ready.splice(0);
  if (!finished) throw new Error('cut off');
}

const XZ_MISSING = 127;
let xzIsMissing = false;

/**
 * `xz` from the slice's file straight to the output file, so that no byte passes through this process. The shell's file
 * size limit holds a bomb back. Undefined when there is no `xz`.
 */
async function runXz(slice: CompressedSlice, output: FileHandle): Promise<number | undefined> {
  if (xzIsMissing) return undefined;
  const input = await open(slice.file, 'r');
  try {
    await advance(input, slice.offset ?? 0);
    const blocks = Math.ceil(slice.maxBytes / 512) + 1;
    const child = spawn('/bin/sh', ['-c', 'ulimit -f "$0" && exec xz -dc --single-stream', String(blocks)], {
      stdio: [input.fd, output.fd, 'pipe'],
      env: xzEnvironment(),
    });
    const exited = new Promise<number>((resolve) => {
      child.once('error', () => resolve(XZ_MISSING));
      child.once('close', (code) => resolve(code ?? -1));
    });
    const message = child.stderr === null ? '' : (await buffer(child.stderr)).toString();
    const code = await exited;
    const { size } = await output.stat();
    if (code === XZ_MISSING && size === 0) {
      xzIsMissing = true;
      return undefined;
    }
    if (size > slice.maxBytes) throw archiveTooLarge(slice.what, slice.maxBytes);
    if (code !== 0) throw archiveError(slice.what, 'not valid xz data', new Error(message.trim()));
    return size;
  } finally {
    await input.close();
  }
}

/** Moves the file position, which a child process inherits; Node has no seek. */
async function advance(input: FileHandle, offset: number): Promise<void> {
  const skipped = Buffer.allocUnsafe(Math.min(offset, 1024 * 1024));
  for (let left = offset; left > 0; ) {
    const { bytesRead } = await input.read(skipped, 0, Math.min(left, skipped.length), null);
    if (bytesRead === 0) return;
    left -= bytesRead;
  }
}

async function* nativeXz(slice: CompressedSlice, input: Readable): AsyncGenerator<Uint8Array> {
  if (xzIsMissing) {
    yield* portableXz(input);
    return;
  }
  const child = spawn('xz', ['-dc', '--single-stream'], { stdio: ['pipe', 'pipe', 'pipe'], env: xzEnvironment() });
  const started = await new Promise<boolean>((resolve) => {
    child.once('spawn', () => resolve(true));
    child.once('error', () => resolve(false));
  });
  if (!started) {
    xzIsMissing = true;
    yield* portableXz(input);
    return;
  }
  const exited = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)));
  const message = buffer(child.stderr);
  // A decoder that stops early closes its end; its exit code tells why.
  child.stdin.on('error', () => input.destroy());
  input.on('error', () => child.kill());
  input.pipe(child.stdin);
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>;
    if ((await exited) !== 0) {
      throw archiveError(slice.what, 'not valid xz data', new Error((await message).toString().trim()));
    }
  } finally {
    child.kill();
    input.destroy();
  }
}

/** Only what finds the program: XZ_OPT and the locale stay outside. */
function xzEnvironment(): NodeJS.ProcessEnv {
  return { LC_ALL: 'C', ...(process.env.PATH === undefined ? {} : { PATH: process.env.PATH }) };
}
