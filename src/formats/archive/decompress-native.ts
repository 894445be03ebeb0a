/**
 * The host's `xz`, `zstd` and `bzip2`. Where one is missing, or is another program of that name without the options used here, these
 * answer that they cannot, and the portable decoders do the work.
 */

import { spawn } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { archiveTooLarge } from './archive-error.ts';
import type { CompressedSlice } from './decompress.ts';

const XZ = ['xz', '-dc', '--single-stream', '--no-sparse'] as const;
const COMMANDS = { xz: XZ, zst: ['zstd', '-dcq'], bz2: ['bzip2', '-dcq'] } as const;

/**
 * `xz` from the slice's file straight to the output file, so that no byte passes through this process. The shell's file size
 * limit holds a bomb back. Undefined when `xz` cannot; the output file is then empty.
 */
export async function xzToFile(slice: CompressedSlice, output: FileHandle): Promise<number | undefined> {
  const input = await open(slice.file, 'r');
  try {
    await advance(input, slice.offset ?? 0);
    const blocks = Math.ceil(slice.maxBytes / 512) + 1;
    const child = spawn('/bin/sh', ['-c', 'ulimit -f "$0" && exec "$@"', String(blocks), ...XZ], {
      stdio: [input.fd, output.fd, 'ignore'],
      env: environment(),
    });
    const code = await new Promise<number>((resolve) => {
      child.once('error', () => resolve(-1));
      child.once('close', (exit) => resolve(exit ?? -1));
    });
    const { size } = await output.stat();
    if (size > slice.maxBytes) throw archiveTooLarge(slice.what, slice.maxBytes);
    if (code === 0) return size;
    await output.truncate(0);
    return undefined;
  } finally {
    await input.close();
  }
}

/** The inflated bytes; false as the generator's result when the program cannot, and nothing was given. */
export async function* nativeStream(
  compression: 'xz' | 'zst' | 'bz2',
  input: Readable,
): AsyncGenerator<Uint8Array, boolean> {
  const [program, ...options] = COMMANDS[compression];
  const child = spawn(program, options, { stdio: ['pipe', 'pipe', 'pipe'], env: environment() });
  try {
    const started = await new Promise<boolean>((resolve) => {
      child.once('spawn', () => resolve(true));
      child.once('error', () => resolve(false));
    });
    if (!started) return false;
    const exited = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)));
    const message = buffer(child.stderr);
    // A program that stops early closes its end; its exit code tells why.
    child.stdin.on('error', () => input.destroy());
    input.on('error', () => child.kill());
    input.pipe(child.stdin);
    let empty = true;
    for await (const chunk of child.stdout as AsyncIterable<Uint8Array>) {
      empty = false;
      yield chunk;
    }
    const code = await exited;
    if (code === 0) return true;
    if (empty) return false;
    throw new Error((await message).toString().trim());
  } finally {
    child.kill();
    input.destroy();
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

/** Only what finds the program: XZ_OPT and the locale stay outside. */
function environment(): NodeJS.ProcessEnv {
  return { LC_ALL: 'C', ...(process.env.PATH === undefined ? {} : { PATH: process.env.PATH }) };
}
