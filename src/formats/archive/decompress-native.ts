/**
 * The host's `xz`, `zstd` and `bzip2`. Where one is missing, or is another program of that name without the options used here, these
 * answer that they cannot, and the portable decoders do the work.
 */

import { spawn } from 'node:child_process';
import { stat, truncate } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { archiveTooLarge } from './archive-error.ts';
import type { CompressedSlice } from './decompress.ts';
import { runXz } from './xz-process.ts';

const COMMANDS = {
  xz: ['xz', '-dc', '--single-stream', '--no-sparse'],
  zst: ['zstd', '-dcq'],
  bz2: ['bzip2', '-dcq'],
} as const;

/**
 * `xz` from the slice's file straight to the file `target`, which is there and empty, so that no byte passes through this process.
 * Undefined when `xz` cannot; the file is then empty again.
 */
export async function xzToFile(slice: CompressedSlice, target: string): Promise<number | undefined> {
  const { maxBytes } = slice;
  const code = await runXz({ input: slice.file, offset: slice.offset ?? 0, output: target, maxBytes });
  const { size } = await stat(target);
  if (size > maxBytes) throw archiveTooLarge(slice.what, maxBytes);
  if (code === 0) return size;
  await truncate(target);
  return undefined;
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

/** Only what finds the program: XZ_OPT and the locale stay outside. */
function environment(): NodeJS.ProcessEnv {
  return { LC_ALL: 'C', ...(process.env.PATH === undefined ? {} : { PATH: process.env.PATH }) };
}
