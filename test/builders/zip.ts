import { crc32, deflateRawSync } from 'node:zlib';

/** A member to write. What is left out is what an honest tool would write. */
export interface ZipMember {
  readonly name: string | Buffer;
  readonly content?: string | Buffer;
  readonly method?: number;
  /** Whole Unix mode with the file kind. */
  readonly mode?: number;
  readonly madeBy?: number;
  readonly flags?: number;
  /** Lies for the central directory. */
  readonly size?: number;
  readonly compressedSize?: number;
  readonly crc?: number;
  readonly headerOffset?: number;
  /** Lies for the local header. */
  readonly localName?: string;
  readonly localExtra?: Buffer;
  readonly zip64?: boolean;
}

/** A zip archive, honest or as broken as its members ask. */
export function aZip(
  members: readonly ZipMember[],
  options: { readonly comment?: Buffer; readonly zip64?: boolean; readonly count?: number } = {},
): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const member of members) {
    const content = Buffer.from(member.content ?? '');
    const method = member.method ?? (content.length > 20 ? 8 : 0);
    const data = method === 8 ? deflateRawSync(content) : content;
    const sizes = {
      crc: member.crc ?? crc32(content),
      compressed: member.compressedSize ?? data.length,
      size: member.size ?? content.length,
    };
    const name = Buffer.from(member.name as string);
    const localName = member.localName === undefined ? name : Buffer.from(member.localName);
    const localExtra = member.localExtra ?? Buffer.alloc(0);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(20, 4);
    local.writeUInt16LE(member.flags ?? 0x800, 6);
    local.writeUInt16LE(method, 8);
    local.writeUInt32LE(sizes.crc, 14);
    local.writeUInt32LE(data.length, 18);
    local.writeUInt32LE(content.length, 22);
    local.writeUInt16LE(localName.length, 26);
    local.writeUInt16LE(localExtra.length, 28);

    const headerOffset = member.headerOffset ?? offset;
    const extra = member.zip64 === true ? Buffer.alloc(28) : Buffer.alloc(0);
    if (member.zip64 === true) {
      extra.writeUInt16LE(1, 0);
      extra.writeUInt16LE(24, 2);
      extra.writeBigUInt64LE(BigInt(sizes.size), 4);
      extra.writeBigUInt64LE(BigInt(sizes.compressed), 12);
      extra.writeBigUInt64LE(BigInt(headerOffset), 20);
    }
    const wide = (value: number): number => (member.zip64 === true ? 0xffffffff : value);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(((member.madeBy ?? 3) << 8) | 20, 4);
    central.writeUInt16LE(20, 6);
    central.writeUInt16LE(member.flags ?? 0x800, 8);
    central.writeUInt16LE(method, 10);
    central.writeUInt32LE(sizes.crc, 16);
    central.writeUInt32LE(wide(sizes.compressed), 20);
    central.writeUInt32LE(wide(sizes.size), 24);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt16LE(extra.length, 30);
    central.writeUInt32LE(((member.mode ?? 0o100644) << 16) >>> 0, 38);
    central.writeUInt32LE(wide(headerOffset), 42);

    locals.push(local, localName, localExtra, data);
    centrals.push(central, name, extra);
    offset += local.length + localName.length + localExtra.length + data.length;
  }
  const directory = Buffer.concat(centrals);
  const comment = options.comment ?? Buffer.alloc(0);
  const count = options.count ?? members.length;
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(options.zip64 === true ? 0xffff : count, 8);
  end.writeUInt16LE(options.zip64 === true ? 0xffff : count, 10);
  end.writeUInt32LE(options.zip64 === true ? 0xffffffff : directory.length, 12);
  end.writeUInt32LE(options.zip64 === true ? 0xffffffff : offset, 16);
  end.writeUInt16LE(comment.length, 20);
  const wideEnd = options.zip64 === true ? zip64End(count, directory.length, offset) : Buffer.alloc(0);
  return Buffer.concat([...locals, directory, wideEnd, end, comment]);
}

function zip64End(count: number, size: number, offset: number): Buffer {
  const record = Buffer.alloc(56 + 20);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4);
  record.writeBigUInt64LE(BigInt(count), 24);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(size), 40);
  record.writeBigUInt64LE(BigInt(offset), 48);
  record.writeUInt32LE(0x07064b50, 56);
  record.writeBigUInt64LE(BigInt(offset + size), 64);
  record.writeUInt32LE(1, 72);
  return record;
}
