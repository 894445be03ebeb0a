/** Reads bytes of a file: fewer at its end. */
export type ReadBytes = (offset: number, length: number) => Buffer;

export interface SharedObject {
  /** `EM_X86_64`, `EM_AARCH64`, `EM_386`, … */
  readonly machine: number;
  readonly is64: boolean;
  readonly soname: string | undefined;
  readonly needed: readonly string[];
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_STRSZ = 10;
const DT_SONAME = 14;
const ET_DYN = 3;
const MAX_DYNAMIC = 64 * 1024;
const MAX_STRINGS = 8 * 1024 * 1024;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** What the dynamic loader's cache says of a little-endian shared object; `undefined` for anything else (elf(5)). */
export function readSharedObject(read: ReadBytes): SharedObject | undefined {
  const head = read(0, 64);
  if (head.length < 52 || head.readUInt32BE(0) !== 0x7f454c46 || head[5] !== 1) return undefined;
  const is64 = head[4] === 2;
  if (head.readUInt16LE(16) !== ET_DYN || (is64 && head.length < 64)) return undefined;
  const segments = readSegments(head, is64, read);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) return undefined;
  const values = readDynamic(read(dynamic.offset, Math.min(dynamic.size, MAX_DYNAMIC)), is64);
  const strings = readStrings(values, segments, read);
  const first = (tag: number) => values.find((value) => value.tag === tag)?.value;
  const soname = first(DT_SONAME);
  return {
    machine: head.readUInt16LE(18),
    is64,
    soname: soname === undefined ? undefined : textAt(strings, soname),
    needed: values.flatMap(({ tag, value }) => (tag === DT_NEEDED ? [textAt(strings, value)] : [])),
  };
}

function readSegments(head: Buffer, is64: boolean, read: ReadBytes): readonly Segment[] {
  const offset = is64 ? number64(head, 32) : head.readUInt32LE(28);
  const entrySize = head.readUInt16LE(is64 ? 54 : 42);
  const count = head.readUInt16LE(is64 ? 56 : 44);
  if (entrySize < (is64 ? 56 : 32)) return [];
  const table = read(offset, entrySize * count);
  const segments: Segment[] = [];
  for (let at = 0; at + entrySize <= table.length; at += entrySize) {
    segments.push({
      type: table.readUInt32LE(at),
      offset: is64 ? number64(table, at + 8) : table.readUInt32LE(at + 4),
      address: is64 ? number64(table, at + 16) : table.readUInt32LE(at + 8),
      size: is64 ? number64(table, at + 32) : table.readUInt32LE(at + 16),
    });
  }
  return segments;
}

function readDynamic(data: Buffer, is64: boolean): readonly { readonly tag: number; readonly value: number }[] {
  const width = is64 ? 16 : 8;
  const values: { tag: number; value: number }[] = [];
  for (let at = 0; at + width <= data.length; at += width) {
    const tag = is64 ? number64(data, at) : data.readUInt32LE(at);
    if (tag === 0) break;
    values.push({ tag, value: is64 ? number64(data, at + 8) : data.readUInt32LE(at + 4) });
  }
  return values;
}

function readStrings(
  values: readonly { readonly tag: number; readonly value: number }[],
  segments: readonly Segment[],
  read: ReadBytes,
): Buffer {
  const address = values.find(({ tag }) => tag === DT_STRTAB)?.value;
  const size = values.find(({ tag }) => tag === DT_STRSZ)?.value ?? 0;
  const segment = segments.find((item) => {
    return (
      item.type === PT_LOAD && address !== undefined && address >= item.address && address < item.address + item.size
    );
  });
  if (address === undefined || segment === undefined) return Buffer.alloc(0);
  return read(address - segment.address + segment.offset, Math.min(size, MAX_STRINGS));
}

function textAt(strings: Buffer, offset: number): string {
  const end = strings.indexOf(0, offset);
  return offset >= strings.length ? '' : strings.toString('latin1', offset, end < 0 ? strings.length : end);
}

function number64(data: Buffer, offset: number): number {
  const value = data.readBigUInt64LE(offset);
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}
