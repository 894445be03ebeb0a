import { closeSync, openSync, readSync } from 'node:fs';

/** Bytes of a file from a position on. */
export function readSlice(file: string, offset: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  const descriptor = openSync(file, 'r');
  try {
    for (let done = 0; done < length; ) {
      const got = readSync(descriptor, buffer, done, length - done, offset + done);
      if (got === 0) return buffer.subarray(0, done);
      done += got;
    }
    return buffer;
  } finally {
    closeSync(descriptor);
  }
}
