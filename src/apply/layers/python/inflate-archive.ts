import { closeSync, openSync, readSync } from 'node:fs';
import { type Compression, decompressToFile } from '../../../formats/archive/decompress.ts';

const MAX_BYTES = 2 * 1024 ** 3;

/** Inflates an interpreter's archive (tar, gz, xz or zst, by its first bytes) into `target`, which must not exist. */
export async function inflateArchive(file: string, target: string, what: string): Promise<void> {
  await decompressToFile({ file, compression: compressionOf(file), maxBytes: MAX_BYTES, what }, target);
}

function compressionOf(file: string): Compression {
  const head = Buffer.alloc(4);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, head, 0, head.length, 0);
  } finally {
    closeSync(descriptor);
  }
  const magic = head.toString('hex');
  if (magic.startsWith('1f8b')) return 'gz';
  if (magic === 'fd377a58') return 'xz';
  return magic === '28b52ffd' ? 'zst' : 'none';
}
