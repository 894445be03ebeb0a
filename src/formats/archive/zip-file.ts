import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { CogplanError } from '../../errors.ts';
import {
  inflateMember,
  LOCAL_HEADER_SIZE,
  locateZipDirectory,
  parseLocalHeader,
  parseZipDirectory,
  tooLarge,
  ZIP_TAIL_SIZE,
  type ZipEntry,
} from './zip.ts';

/** An open archive on disk. Reading is synchronous: tens of thousands of small members leave no time for a promise each. */
export interface ZipFile {
  readonly path: string;
  readonly entries: readonly ZipEntry[];
  /** Where a member's raw data start; checks the local header against the directory. */
  dataOffset(entry: ZipEntry): number;
  /** Contents of a member of at most `maxBytes`, checked. */
  readMember(entry: ZipEntry, maxBytes: number): Buffer;
}

/** Opens an archive, hands it to `use` and closes it. */
export function withZipFile<T>(path: string, use: (zip: ZipFile) => T): T {
  const descriptor = openSync(path, 'r');
  try {
    return use(openZip(path, descriptor));
  } finally {
    closeSync(descriptor);
  }
}

function openZip(path: string, descriptor: number): ZipFile {
  const { size } = fstatSync(descriptor);
  const tailSize = Math.min(size, ZIP_TAIL_SIZE);
  const place = locateZipDirectory(read(size - tailSize, tailSize), size);
  const entries = parseZipDirectory(read(place.offset, place.size), place);
  const header = Buffer.alloc(LOCAL_HEADER_SIZE + 65_535);

  const dataOffset = (entry: ZipEntry): number => {
    // One byte more than the name: directories end in a slash.
    const length = LOCAL_HEADER_SIZE + Buffer.byteLength(entry.name) + 1;
    const count = readSync(descriptor, header, 0, length, entry.headerOffset);
    return parseLocalHeader(header.subarray(0, count), entry);
  };

  return {
    path,
    entries,
    dataOffset,
    readMember: (entry, maxBytes) => {
      if (entry.size > maxBytes) throw tooLarge(entry, maxBytes);
      return inflateMember(read(dataOffset(entry), entry.compressedSize), entry);
    },
  };

  function read(start: number, length: number): Buffer {
    const buffer = Buffer.allocUnsafe(length);
    let done = 0;
    while (done < length) {
      const count = readSync(descriptor, buffer, done, length - done, start + done);
      if (count === 0) throw new CogplanError('COGPLAN_ZIP_INVALID', `${path} is cut off`, { subject: path });
      done += count;
    }
    return buffer;
  }
}
