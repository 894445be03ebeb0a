/**
 * The tar profile of assembler 1: ustar headers (POSIX.1-1988), and a PAX extended header (POSIX.1-2001) only where ustar cannot
 * say it. Every byte is decided here; golden vectors in the tests hold it still.
 * https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13
 */

/** Modification time of everything in a layer, in seconds: 1980-01-01T00:00:01Z, the first second that zip can hold and is not 0. */
export const ENTRY_TIME = 315_532_801;

const BLOCK = 512;
const NAME_BYTES = 100;
const LARGEST_ID = 0o7777777;
const LARGEST_OCTAL_SIZE = 0o77777777777;
const PAX_HEADER_NAME = 'PaxHeader';
const CAPABILITY_KEY = 'SCHILY.xattr.security.capability';

interface MemberBase {
  /** Without leading or trailing slash. */
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export type TarMember =
  | (MemberBase & { readonly type: 'file'; readonly size: number; readonly capability?: Uint8Array })
  | (MemberBase & { readonly type: 'directory' })
  | (MemberBase & { readonly type: 'symlink' | 'hardlink'; readonly target: string });

const TYPE_FLAGS = { file: '0', hardlink: '1', symlink: '2', directory: '5' } as const;

/** Two zero blocks, and nothing to round the file up to a larger record. */
export const END_OF_ARCHIVE: Uint8Array = Buffer.alloc(2 * BLOCK);

/** Bytes of zeros that follow a body of `size` bytes. */
export function paddingAfter(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/**
 * The header of one member: 512 bytes, or 512 bytes of PAX header, its records, and 512 bytes. Throws RangeError for numbers that
 * the profile does not hold.
 */
export function encodeHeader(member: TarMember): Buffer {
  const name = Buffer.from(member.type === 'directory' ? `${member.path}/` : member.path, 'utf8');
  const link = Buffer.from('target' in member ? member.target : '', 'utf8');
  const size = member.type === 'file' ? member.size : 0;

  // In byte-wise order of the keys.
  const records: Buffer[] = [];
  if (member.type === 'file' && member.capability !== undefined) {
    records.push(paxRecord(CAPABILITY_KEY, member.capability));
  }
  if (link.length > NAME_BYTES) records.push(paxRecord('linkpath', link));
  if (name.length > NAME_BYTES) records.push(paxRecord('path', name));
  if (size > LARGEST_OCTAL_SIZE) records.push(paxRecord('size', Buffer.from(String(size), 'latin1')));

  const header = Buffer.alloc(BLOCK);
  writeBlock(header, {
    name,
    link,
    mode: member.type === 'symlink' ? 0o777 : member.mode,
    uid: member.uid,
    gid: member.gid,
    // A PAX record overrides the field, which is then zero.
    size: size > LARGEST_OCTAL_SIZE ? 0 : size,
    flag: TYPE_FLAGS[member.type],
  });
  if (records.length === 0) return header;

  const body = Buffer.concat(records);
  const extended = Buffer.alloc(BLOCK + body.length + paddingAfter(body.length));
  const fixed = { name: Buffer.from(PAX_HEADER_NAME, 'latin1'), link: Buffer.alloc(0), mode: 0o644, uid: 0, gid: 0 };
  writeBlock(extended, { ...fixed, size: body.length, flag: 'x' });
  body.copy(extended, BLOCK);
  return Buffer.concat([extended, header]);
}

interface BlockFields {
  readonly name: Buffer;
  readonly link: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly flag: string;
}

/** Fills the first 512 bytes of `block`, which are zero. User and group names and the prefix stay empty. */
function writeBlock(block: Buffer, fields: BlockFields): void {
  fields.name.copy(block, 0, 0, NAME_BYTES);
  writeOctal(block, 100, 7, checkRange(fields.mode, 0o7777, 'mode'));
  writeOctal(block, 108, 7, checkRange(fields.uid, LARGEST_ID, 'uid'));
  writeOctal(block, 116, 7, checkRange(fields.gid, LARGEST_ID, 'gid'));
  writeOctal(block, 124, 11, checkRange(fields.size, LARGEST_OCTAL_SIZE, 'size'));
  writeOctal(block, 136, 11, ENTRY_TIME);
  block.write(fields.flag, 156, 'latin1');
  fields.link.copy(block, 157, 0, NAME_BYTES);
  block.write('ustar\u000000', 257, 'latin1');
  writeOctal(block, 329, 7, 0);
  writeOctal(block, 337, 7, 0);

  // The checksum counts its own field as eight spaces.
  let sum = 8 * 0x20;
  for (let index = 0; index < BLOCK; index++) sum += block[index] ?? 0;
  writeOctal(block, 148, 6, sum);
  block[155] = 0x20;
}

/** `digits` octal digits with leading zeros; the byte after them stays NUL. */
function writeOctal(block: Buffer, offset: number, digits: number, value: number): void {
  let rest = value;
  for (let index = offset + digits - 1; index >= offset; index--) {
    block[index] = 0x30 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}

/** `"%d %s=%s\n"`, where the number counts the whole record, itself included. */
function paxRecord(key: string, value: Uint8Array): Buffer {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} ${key}=`, 'latin1'), value, Buffer.from('\n', 'latin1')]);
}

function checkRange(value: number, largest: number, field: string): number {
  if (!Number.isInteger(value) || value < 0 || value > largest) {
    throw new RangeError(`${field} ${value} does not fit into a tar header`);
  }
  return value;
}
