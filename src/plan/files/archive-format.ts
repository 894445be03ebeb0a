import { closeSync, openSync, readSync } from 'node:fs';
import { CogplanError, type Where } from '../../errors.ts';
import type { UnpackFormat } from '../../spec/run/run-reading.ts';

const HEAD = 512;
const SIGNATURES: readonly (readonly [bytes: string, at: number, format: UnpackFormat | string])[] = [
  ['1f8b', 0, 'tar.gz'],
  ['425a68', 0, 'tar.bz2'],
  ['fd377a585a00', 0, 'tar.xz'],
  ['28b52ffd', 0, 'tar.zst'],
  ['504b0304', 0, 'zip'],
  ['7573746172', 257, 'tar'],
  ['377abcaf271c', 0, '7z'],
  ['526172211a07', 0, 'RAR'],
  ['213c617263683e', 0, 'ar'],
  ['edabeedb', 0, 'RPM'],
  ['5d0000', 0, 'LZMA'],
  ['04224d18', 0, 'LZ4'],
];
const UNPACKED: ReadonlySet<string> = new Set(['tar', 'tar.gz', 'tar.bz2', 'tar.xz', 'tar.zst', 'zip']);

/** The kind of archive that a file is by its first bytes. COGPLAN_ARCHIVE_INVALID for one that cogplan does not unpack, and for what is none. */
export function archiveFormat(
  path: string,
  { what, where }: { readonly what: string; readonly where: Where },
): UnpackFormat {
  const head = headOf(path);
  const found = SIGNATURES.find(([bytes, at]) => head.toString('hex', at, at + bytes.length / 2) === bytes)?.[2];
  if (found !== undefined && UNPACKED.has(found)) return found as UnpackFormat;
  throw new CogplanError(
    'COGPLAN_ARCHIVE_INVALID',
    found === undefined ? `${what} is no archive` : `${what} is a ${found} archive, which cogplan does not unpack`,
    {
      subject: what,
      where,
      hint:
        found === undefined
          ? 'The first bytes are those of no archive that is known: look at what the address gives, or leave unpack out.'
          : 'Archives are tar, alone or by gzip, bzip2, xz or zstd, and zip. Unpack it in a step, or put it elsewhere as one of these.',
    },
  );
}

function headOf(path: string): Buffer {
  const buffer = Buffer.alloc(HEAD);
  const descriptor = openSync(path, 'r');
  try {
    return buffer.subarray(0, readSync(descriptor, buffer, 0, HEAD, 0));
  } finally {
    closeSync(descriptor);
  }
}
