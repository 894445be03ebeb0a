import { closeSync, openSync, readSync } from 'node:fs';
import type { FileEntry } from '../layers/entry.ts';

const PIECE = 1024 * 1024;

/** Whether the bytes of a file of an unpacked root hold `needle`. Memory stays flat. */
export function holdsBytes({ content }: FileEntry, needle: Buffer): boolean {
  if (content.kind === 'bytes') return Buffer.from(content.data).includes(needle);
  if (content.kind !== 'slice') return false;
  const descriptor = openSync(content.file, 'r');
  const buffer = Buffer.allocUnsafe(PIECE + needle.length);
  try {
    let kept = 0;
    for (let done = 0; ; ) {
      const got = readSync(descriptor, buffer, kept, PIECE, content.offset + done);
      if (got === 0) return false;
      const view = buffer.subarray(0, kept + got);
      if (view.includes(needle)) return true;
      done += got;
      kept = Math.min(needle.length - 1, view.length);
      view.copy(buffer, 0, view.length - kept);
    }
  } finally {
    closeSync(descriptor);
  }
}
