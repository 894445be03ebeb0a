import { randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sha256 } from '../../digest.ts';
import { hashFile } from '../../hash-file.ts';

interface Span {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** What a program has received of the file at one address, by one request or by several that asked for parts. */
export interface ReceivedBody {
  /** Where the bytes lie, once `whole` has said that all are there. */
  readonly file: string;
  write(offset: number, chunk: Uint8Array): Promise<void>;
  /** The length of the file, told by a server. Another one than before begins again. */
  setSize(size: number): void;
  /** Hash and size when every byte has been seen; undefined otherwise. */
  whole(): Promise<{ readonly sha256: Sha256; readonly size: number } | undefined>;
  close(): Promise<void>;
}

/** Keeps the bytes in a file of `directory`, as sparse as they come. */
export function receivedBody(directory: string): ReceivedBody {
  const file = join(directory, randomBytes(8).toString('hex'));
  let handle: Promise<FileHandle> | undefined;
  let size: number | undefined;
  let spans: readonly Span[] = [];
  return {
    file,
    write: async (offset, chunk) => {
      handle ??= open(file, 'wx+', 0o600);
      const target = await handle;
      let done = 0;
      while (done < chunk.length) {
        const { bytesWritten } = await target.write(chunk, done, chunk.length - done, offset + done);
        done += bytesWritten;
      }
      spans = merged([...spans, { start: offset, end: offset + chunk.length }]);
    },
    setSize: (told) => {
      if (size !== undefined && size !== told) spans = [];
      size = told;
    },
    whole: async () => {
      const [only, ...more] = spans;
      if (size === undefined || more.length > 0) return undefined;
      if (size > 0 && (only?.start !== 0 || only.end !== size)) return undefined;
      handle ??= open(file, 'wx+', 0o600);
      await (await handle).truncate(size);
      return hashFile(file);
    },
    close: async () => (await handle)?.close(),
  };
}

function merged(spans: readonly Span[]): readonly Span[] {
  const result: { start: number; end: number }[] = [];
  for (const { start, end } of [...spans].sort((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else result.push({ start, end });
  }
  return result;
}
