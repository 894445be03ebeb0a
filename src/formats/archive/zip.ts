import { crc32, inflateRawSync } from 'node:zlib';
import { CogplanError } from '../../errors.ts';

/** A member of a zip archive as its central directory describes it. Names are canonical and unique. */
export interface ZipEntry {
  readonly name: string;
  readonly type: 'file' | 'directory';
  /** Stored or deflated. */
  readonly method: 0 | 8;
  readonly crc32: number;
  readonly compressedSize: number;
  readonly size: number;
  /** Where the local header starts; the data follow it. */
  readonly headerOffset: number;
  /** Where the next member or the directory starts: the data end before it. */
  readonly limit: number;
  /** Permission bits, when the archive was made on a Unix; else undefined. */
  readonly mode: number | undefined;
}

/** Reads `length` bytes from `start`; a shorter result is an error of the reader. */
export type RangeReader = (start: number, length: number) => Promise<Buffer>;

/** Bytes at the end of an archive that hold its end record, whatever its comment. */
export const ZIP_TAIL_SIZE = 65_535 + 22 + 20 + 56;
export const LOCAL_HEADER_SIZE = 30;

// Header and data are read at once; the extra field between them is seldom longer than this. The directory and the end record
// behind the data are longer, so that the read stays inside the archive.
const EXTRA_SLACK = 64;
const MAX_ENTRIES = 1_000_000;
const MAX_DIRECTORY_SIZE = 256 * 1024 * 1024;
const MAX_MEMBER_SIZE = 32 * 1024 ** 3;
const MAX_TOTAL_SIZE = 128 * 1024 ** 3;
// Deflate cannot expand more than 1,032 times.
const MAX_RATIO = 1032;

const END = 0x06054b50;
const END_64 = 0x06064b50;
const END_64_LOCATOR = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const ENCRYPTED_FLAGS = 0x0001 | 0x0040 | 0x2000;
const NAME_DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const PATCH_FLAG = 0x0020;
const UNIX = 3;

/**
 * Reads the directory of an archive of `size` bytes: two range reads, whatever the archive's size. Refuses what a wheel never needs
 * and an attacker may: encryption, other methods than deflate, several disks, links and devices, names that leave the archive or
 * come twice, overlapping members, data before the first member, sizes beyond limits.
 * https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
export async function readZipDirectory(read: RangeReader, size: number): Promise<readonly ZipEntry[]> {
  const tailSize = Math.min(size, ZIP_TAIL_SIZE);
  const place = locateZipDirectory(await read(size - tailSize, tailSize), size);
  return parseZipDirectory(await read(place.offset, place.size), place);
}

/** Contents of a member of at most `maxBytes`, checked against its size and CRC: one range read, seldom two. */
export async function readZipMember(read: RangeReader, entry: ZipEntry, maxBytes: number): Promise<Buffer> {
  if (entry.size > maxBytes) throw tooLarge(entry, maxBytes);
  const headerSize = LOCAL_HEADER_SIZE + Buffer.byteLength(entry.name);
  const bytes = await read(entry.headerOffset, headerSize + EXTRA_SLACK + entry.compressedSize);
  const start = parseLocalHeader(bytes, entry) - entry.headerOffset;
  const end = start + entry.compressedSize;
  if (end <= bytes.length) return inflateMember(bytes.subarray(start, end), entry);
  return inflateMember(await read(entry.headerOffset + start, entry.compressedSize), entry);
}

export interface ZipDirectoryPlace {
  readonly offset: number;
  readonly size: number;
  readonly count: number;
}

/** Finds the central directory from the last `ZIP_TAIL_SIZE` bytes of an archive (all of them, if it is smaller). */
export function locateZipDirectory(tail: Buffer, archiveSize: number): ZipDirectoryPlace {
  const end = findEnd(tail);
  if (end === undefined) throw invalid('it has no end record: not a zip archive, or cut off');
  const tailStart = archiveSize - tail.length;
  let place: ZipDirectoryPlace = {
    count: tail.readUInt16LE(end + 10),
    size: tail.readUInt32LE(end + 12),
    offset: tail.readUInt32LE(end + 16),
  };
  let directoryEnd = tailStart + end;
  const oneDisk = tail.readUInt16LE(end + 4) === 0 && tail.readUInt16LE(end + 6) === 0;
  if (!oneDisk || tail.readUInt16LE(end + 8) !== place.count) throw invalid('it spans several disks');

  const locator = end - 20;
  if (locator >= 0 && tail.readUInt32LE(locator) === END_64_LOCATOR) {
    const record = toNumber(tail.readBigUInt64LE(locator + 8)) - tailStart;
    if (record < 0 || record + 56 > locator || tail.readUInt32LE(record) !== END_64) {
      throw invalid('its zip64 end record is malformed');
    }
    place = {
      count: toNumber(tail.readBigUInt64LE(record + 32)),
      size: toNumber(tail.readBigUInt64LE(record + 40)),
      offset: toNumber(tail.readBigUInt64LE(record + 48)),
    };
    directoryEnd = tailStart + record;
  }
  if (place.count > MAX_ENTRIES || place.size > MAX_DIRECTORY_SIZE) throw invalid('its directory is too large');
  if (place.offset + place.size !== directoryEnd) throw invalid('its directory is not where its end record says');
  return place;
}

/** Parses the central directory found by `locateZipDirectory`. */
export function parseZipDirectory(directory: Buffer, place: ZipDirectoryPlace): readonly ZipEntry[] {
  const entries: HeaderEntry[] = [];
  let position = 0;
  let total = 0;
  while (position < directory.length) {
    if (position + 46 > directory.length || directory.readUInt32LE(position) !== CENTRAL) {
      throw invalid('its directory is malformed');
    }
    const length =
      46 +
      directory.readUInt16LE(position + 28) +
      directory.readUInt16LE(position + 30) +
      directory.readUInt16LE(position + 32);
    if (position + length > directory.length) throw invalid('its directory is cut off');
    const entry = parseCentralHeader(directory.subarray(position, position + length));
    total += entry.size;
    if (total > MAX_TOTAL_SIZE) throw invalid(`its members are larger than ${MAX_TOTAL_SIZE} bytes together`);
    entries.push(entry);
    position += length;
  }
  if (entries.length !== place.count) throw invalid('its directory has another number of members than it says');
  checkNames(entries);
  return withLimits(entries, place.offset);
}

/** Offset of a member's data in the archive. `header` starts at the local header and holds at least the name. */
export function parseLocalHeader(header: Buffer, entry: ZipEntry): number {
  const name = Buffer.from(entry.type === 'directory' ? `${entry.name}/` : entry.name);
  const end = LOCAL_HEADER_SIZE + name.length;
  const matches =
    header.length >= end &&
    header.readUInt32LE(0) === LOCAL &&
    (header.readUInt16LE(6) & ENCRYPTED_FLAGS) === 0 &&
    header.readUInt16LE(8) === entry.method &&
    header.readUInt16LE(26) === name.length &&
    header.subarray(LOCAL_HEADER_SIZE, end).equals(name);
  if (!matches) throw invalid(`the two headers of ${entry.name} contradict each other`);
  const dataOffset = entry.headerOffset + end + header.readUInt16LE(28);
  if (dataOffset + entry.compressedSize > entry.limit)
    throw invalid(`${entry.name} overlaps another member or the directory`);
  return dataOffset;
}

/** A member's contents from its raw data, checked against its size and CRC. */
export function inflateMember(raw: Buffer, entry: ZipEntry): Buffer {
  let data = raw;
  if (entry.method === 8) {
    try {
      data = inflateRawSync(raw, { maxOutputLength: Math.max(1, entry.size) });
    } catch (error) {
      throw invalid(`${entry.name} cannot be decompressed to the size it states`, error);
    }
  }
  if (data.length !== entry.size) throw invalid(`${entry.name} has ${data.length} bytes, not the ${entry.size} stated`);
  if (crc32(data) !== entry.crc32) throw invalid(`${entry.name} does not have the CRC stated`);
  return data;
}

export function tooLarge(entry: ZipEntry, maxBytes: number): CogplanError {
  return invalid(`${entry.name} has ${entry.size} bytes, more than the ${maxBytes} it may have`);
}

type HeaderEntry = Omit<ZipEntry, 'limit'>;

function parseCentralHeader(header: Buffer): HeaderEntry {
  const madeBy = header.readUInt16LE(4) >> 8;
  const flags = header.readUInt16LE(8);
  const method = header.readUInt16LE(10);
  const nameEnd = 46 + header.readUInt16LE(28);
  const rawName = decodeName(header.subarray(46, nameEnd));
  const isDirectory = rawName.endsWith('/');
  const name = isDirectory ? rawName.slice(0, -1) : rawName;
  checkName(name);
  if ((flags & ENCRYPTED_FLAGS) !== 0) throw invalid(`${name} is encrypted`);
  if ((flags & PATCH_FLAG) !== 0) throw invalid(`${name} is a patch`);
  if (method !== 0 && method !== 8) throw invalid(`${name} is compressed by the unknown method ${method}`);

  const sizes = readSizes(header, header.subarray(nameEnd, nameEnd + header.readUInt16LE(30)), name);
  const { compressedSize, size } = sizes;
  if (size > MAX_MEMBER_SIZE) throw invalid(`${name} has ${size} bytes, which is too much`);
  const plausible = method === 0 ? size === compressedSize : size <= compressedSize * MAX_RATIO;
  if (!plausible || (isDirectory && size !== 0)) throw invalid(`the sizes of ${name} contradict each other`);

  const unixMode = madeBy === UNIX ? header.readUInt32LE(38) >>> 16 : 0;
  const kind = unixMode & 0o170000;
  if (kind !== 0 && kind !== (isDirectory ? 0o040000 : 0o100000)) {
    throw invalid(`${name} is ${kind === 0o120000 ? 'a symbolic link' : 'no plain file'}`);
  }
  return {
    name,
    type: isDirectory ? 'directory' : 'file',
    method,
    crc32: header.readUInt32LE(16),
    ...sizes,
    mode: unixMode === 0 ? undefined : unixMode & 0o7777,
  };
}

function readSizes(
  header: Buffer,
  extra: Buffer,
  name: string,
): Pick<ZipEntry, 'compressedSize' | 'size' | 'headerOffset'> {
  let size = header.readUInt32LE(24);
  let compressedSize = header.readUInt32LE(20);
  let headerOffset = header.readUInt32LE(42);
  if (header.readUInt16LE(34) !== 0) throw invalid(`${name} lies on another disk`);
  if (size !== 0xffffffff && compressedSize !== 0xffffffff && headerOffset !== 0xffffffff) {
    return { size, compressedSize, headerOffset };
  }
  const wide = findExtra(extra, 0x0001);
  let position = 0;
  const next = (): number => {
    if (wide === undefined || position + 8 > wide.length) throw invalid(`the zip64 sizes of ${name} are missing`);
    position += 8;
    return toNumber(wide.readBigUInt64LE(position - 8));
  };
  if (size === 0xffffffff) size = next();
  if (compressedSize === 0xffffffff) compressedSize = next();
  if (headerOffset === 0xffffffff) headerOffset = next();
  return { size, compressedSize, headerOffset };
}

function findExtra(extra: Buffer, id: number): Buffer | undefined {
  let position = 0;
  while (position + 4 <= extra.length) {
    const length = extra.readUInt16LE(position + 2);
    if (extra.readUInt16LE(position) === id) return extra.subarray(position + 4, position + 4 + length);
    position += 4 + length;
  }
  return undefined;
}

// The end record is the last one whose comment ends with the archive.
function findEnd(tail: Buffer): number | undefined {
  for (let position = tail.length - 22; position >= 0; position--) {
    if (tail.readUInt32LE(position) !== END) continue;
    if (position + 22 + tail.readUInt16LE(position + 20) === tail.length) return position;
  }
  return undefined;
}

function decodeName(bytes: Buffer): string {
  try {
    return NAME_DECODER.decode(bytes);
  } catch (error) {
    throw invalid('the name of a member is not UTF-8', error);
  }
}

function checkName(name: string): void {
  const isUnsafe =
    name === '' ||
    name.includes('\0') ||
    name.includes('\\') ||
    name.split('/').some((segment) => segment === '' || segment === '.' || segment === '..');
  if (isUnsafe) throw invalid(`the member name ${JSON.stringify(name.slice(0, 200))} is not safe`);
}

function checkNames(entries: readonly HeaderEntry[]): void {
  const names = new Set<string>();
  for (const { name } of entries) {
    if (names.has(name)) throw invalid(`${name} comes twice`);
    names.add(name);
  }
}

// Members that share bytes make an archive read differently by different tools, or inflate without end.
function withLimits(entries: readonly HeaderEntry[], directoryOffset: number): readonly ZipEntry[] {
  const byOffset = [...entries].sort((a, b) => a.headerOffset - b.headerOffset);
  const limits = new Map<HeaderEntry, number>();
  for (const [index, entry] of byOffset.entries()) {
    const limit = byOffset[index + 1]?.headerOffset ?? directoryOffset;
    const end = entry.headerOffset + LOCAL_HEADER_SIZE + Buffer.byteLength(entry.name) + entry.compressedSize;
    if (end > limit) throw invalid(`${entry.name} overlaps another member or the directory`);
    limits.set(entry, limit);
  }
  return entries.map((entry) => ({ ...entry, limit: limits.get(entry) ?? directoryOffset }));
}

function toNumber(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid('it states an impossible size');
  return Number(value);
}

function invalid(reason: string, cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_ZIP_INVALID', `the zip archive is refused: ${reason}`, { cause });
}
