import { compareBytes } from '../../../canonical.ts';

export interface CacheEntry {
  /** `libgl.so.1`. */
  readonly soname: string;
  /** `/lib/x86_64-linux-gnu/libGL.so.1`. */
  readonly path: string;
  /** Kind of library and ABI, as in glibc's `ldconfig.h`. */
  readonly flags: number;
  /** Directory below `glibc-hwcaps` that the library lies in, such as `x86-64-v3`. */
  readonly hwcaps: string | undefined;
}

const HEADER = 48;
const RECORD = 24;
const EXTENSION_MAGIC = 0xeaa42174;
const TAG_GENERATOR = 0;
const TAG_HWCAPS = 1;
const HWCAP_EXTENSION = 1n << 62n;

/**
 * `/etc/ld.so.cache` in glibc's "new" format, as `ldconfig` of that glibc writes it for entries in the order in which it finds
 * them. `generator` is ldconfig's version line, such as `ldconfig (Debian GLIBC 2.36-9+deb12u10) stable release version 2.36`;
 * `undefined` for a glibc before 2.33, which knows no extensions. glibc, sysdeps/generic/dl-cache.h and elf/cache.c.
 */
export function encodeLoaderCache(found: readonly CacheEntry[], generator: string | undefined): Buffer {
  const entries = sortEntries(found);
  const start = HEADER + RECORD * entries.length;
  const hwcaps = [...new Set(entries.flatMap(({ hwcaps: name }) => (name === undefined ? [] : [name])))].sort(
    compareBytes,
  );
  const texts = [...entries.flatMap(({ soname, path }) => [soname, path]), ...hwcaps];
  const strings = generator === undefined ? listStrings(texts) : packStrings(texts);
  const offsetOf = (text: string) => start + (strings.offsets.get(text) ?? 0);
  const stringsEnd = start + strings.data.length;
  const extensionStart = generator === undefined ? 0 : Math.ceil(stringsEnd / 4) * 4;

  const head = Buffer.alloc(HEADER);
  head.write('glibc-ld.so.cache1.1', 'latin1');
  head.writeUInt32LE(entries.length, 20);
  head.writeUInt32LE(strings.data.length, 24);
  head[28] = 2; // little-endian
  head.writeUInt32LE(extensionStart, 32);
  const records = entries.map(({ soname, path, flags, hwcaps: name }) => {
    const record = Buffer.alloc(RECORD);
    record.writeInt32LE(flags, 0);
    record.writeUInt32LE(offsetOf(soname), 4);
    record.writeUInt32LE(offsetOf(path), 8);
    if (name !== undefined) record.writeBigUInt64LE(HWCAP_EXTENSION | BigInt(hwcaps.indexOf(name)), 16);
    return record;
  });
  const parts = [head, ...records, strings.data];
  if (generator !== undefined) {
    parts.push(Buffer.alloc(extensionStart - stringsEnd));
    parts.push(encodeExtension(extensionStart, Buffer.from(generator, 'latin1'), hwcaps.map(offsetOf)));
  }
  return Buffer.concat(parts);
}

/** Descending by name, as the loader's binary search wants it; equal names stay in the order in which they were found. */
function sortEntries(found: readonly CacheEntry[]): readonly CacheEntry[] {
  return [...found].sort((a, b) => compareLibraries(b.soname, a.soname) || b.flags - a.flags || compareHwcaps(a, b));
}

function compareHwcaps(a: CacheEntry, b: CacheEntry): number {
  if (a.hwcaps === b.hwcaps) return 0;
  if (a.hwcaps === undefined || b.hwcaps === undefined) return a.hwcaps === undefined ? 1 : -1;
  return compareBytes(a.hwcaps, b.hwcaps);
}

/** `_dl_cache_libcmp`: bytes, but runs of digits by value, and digits after everything else. */
export function compareLibraries(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length) {
    const digitA = isDigit(a, i);
    const digitB = isDigit(b, j);
    if (digitA !== digitB) return digitA ? 1 : -1;
    if (digitA) {
      const runA = /^\d+/.exec(a.slice(i))?.[0] ?? '';
      const runB = /^\d+/.exec(b.slice(j))?.[0] ?? '';
      if (Number(runA) !== Number(runB)) return Number(runA) - Number(runB);
      i += runA.length;
      j += runB.length;
    } else {
      const difference = a.charCodeAt(i) - (j < b.length ? b.charCodeAt(j) : 0);
      if (difference !== 0) return difference;
      i++;
      j++;
    }
  }
  return j < b.length ? -1 : 0;
}

function isDigit(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0x30 && code <= 0x39;
}

interface PackedStrings {
  readonly data: Buffer;
  readonly offsets: ReadonlyMap<string, number>;
}

/** One after the other, as glibc did before 2.33. */
function listStrings(strings: readonly string[]): PackedStrings {
  const offsets = new Map<string, number>();
  let end = 0;
  for (const text of strings) {
    if (offsets.has(text)) continue;
    offsets.set(text, end);
    end += Buffer.byteLength(text) + 1;
  }
  return { data: Buffer.from([...offsets.keys()].map((text) => `${text}\0`).join('')), offsets };
}

/** Descending by their reversed bytes; one that ends another shares its bytes. */
function packStrings(strings: readonly string[]): PackedStrings {
  const sorted = [...new Set(strings)]
    .map((text) => ({ text, bytes: Buffer.from(text, 'utf8') }))
    .sort((a, b) => compareReversed(a.bytes, b.bytes));
  const offsets = new Map<string, number>();
  const parts: Buffer[] = [];
  let end = 0;
  let previous = { bytes: Buffer.alloc(0), offset: 0 };
  for (const { text, bytes } of sorted) {
    const tail = previous.bytes.subarray(previous.bytes.length - bytes.length);
    const shares = previous.bytes.length >= bytes.length && tail.equals(bytes);
    const offset = shares ? previous.offset + previous.bytes.length - bytes.length : end;
    if (!shares) {
      parts.push(bytes, Buffer.alloc(1));
      end += bytes.length + 1;
    }
    offsets.set(text, offset);
    previous = { bytes, offset };
  }
  return { data: Buffer.concat(parts), offsets };
}

function compareReversed(a: Buffer, b: Buffer): number {
  const shared = Math.min(a.length, b.length);
  for (let index = 1; index <= shared; index++) {
    const difference = (a[a.length - index] ?? 0) - (b[b.length - index] ?? 0);
    if (difference !== 0) return -difference;
  }
  return b.length - a.length;
}

function encodeExtension(start: number, generator: Buffer, hwcaps: readonly number[]): Buffer {
  const sections = hwcaps.length > 0 ? 2 : 1;
  const head = Buffer.alloc(8 + 16 * sections);
  let offset = start + head.length;
  head.writeUInt32LE(EXTENSION_MAGIC, 0);
  head.writeUInt32LE(sections, 4);
  const parts: Buffer[] = [head];
  const section = (index: number, tag: number, data: Buffer) => {
    head.writeUInt32LE(tag, 8 + 16 * index);
    head.writeUInt32LE(offset, 16 + 16 * index);
    head.writeUInt32LE(data.length, 20 + 16 * index);
    parts.push(data);
    offset += data.length;
  };
  if (hwcaps.length > 0) {
    const table = Buffer.alloc(4 * hwcaps.length);
    for (const [index, at] of hwcaps.entries()) table.writeUInt32LE(at, 4 * index);
    // The table is written first, because it must be aligned; its section stands second.
    section(1, TAG_HWCAPS, table);
  }
  section(0, TAG_GENERATOR, generator);
  return Buffer.concat(parts);
}
