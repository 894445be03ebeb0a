import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { archiveError } from './archive-error.ts';

export type TarMemberType = 'file' | 'directory' | 'symlink' | 'hardlink';

export interface TarMember {
  /** Canonical: no leading `./` or `/`, no trailing slash, no empty, `.` or `..` segment; the root directory is `''`. */
  readonly path: string;
  readonly type: TarMemberType;
  /** Permission bits, 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Owner names; `''` when the header has none. */
  readonly uname: string;
  readonly gname: string;
  /** Seconds since the epoch. */
  readonly mtime: number;
  /** Bytes of content; 0 for everything but files. */
  readonly size: number;
  /** Position of the content in the tar. */
  readonly offset: number;
  /** A symlink's target as written, a hard link's target as a canonical path; otherwise `''`. */
  readonly linkname: string;
  /** Value of `security.capability`, when a PAX header carries it. */
  readonly capability?: Uint8Array;
}

/** Where the bytes of a tar come from: `view` gives at least `length` bytes at `position`, or fewer at the end. */
interface TarSource {
  readonly size: number;
  view(position: number, length: number): Buffer;
}

const BLOCK = 512;
const WINDOW = 8 * 1024;
const MAX_MEMBERS = 1_000_000;
const MAX_EXTENSION = 1024 * 1024;
const MAX_PATH = 4096;

/**
 * The members of an uncompressed tar file in order, with the position of each one's content. Reads ustar, GNU long names
 * and PAX headers. Refused with COGPLAN_ARCHIVE_INVALID: paths that leave the tree or go through a member that is not a
 * directory, a path given twice, devices, fifos and sparse files, wrong checksums, sizes beyond the file, anything after
 * the end marker. `what` names the archive in messages. Format: POSIX.1-2017 pax, "ustar Interchange Format".
 */
export function readTarIndex(file: string, what: string): readonly TarMember[] {
  const fd = openSync(file, 'r');
  try {
    return scan(fileSource(fd, fstatSync(fd).size), what);
  } finally {
    closeSync(fd);
  }
}

/** Like `readTarIndex`, for a tar in memory. */
export function readTarBuffer(data: Buffer, what: string): readonly TarMember[] {
  return scan({ size: data.length, view: (position, length) => data.subarray(position, position + length) }, what);
}

function fileSource(fd: number, size: number): TarSource {
  const window = Buffer.allocUnsafe(WINDOW);
  let start = 0;
  let end = 0;
  return {
    size,
    view: (position, length) => {
      if (length > WINDOW) {
        const large = Buffer.allocUnsafe(length);
        return large.subarray(0, readSync(fd, large, 0, length, position));
      }
      if (position < start || position + length > end) {
        start = position;
        end = position + readSync(fd, window, 0, WINDOW, position);
      }
      return window.subarray(position - start, Math.min(position + length, end) - start);
    },
  };
}

/** What PAX and GNU long-name headers say about the member that follows them. */
interface Extension {
  path?: string;
  linkname?: string;
  size?: number;
  uid?: number;
  gid?: number;
  uname?: string;
  gname?: string;
  mtime?: number;
  capability?: Uint8Array;
}

function scan(source: TarSource, what: string): readonly TarMember[] {
  const members: TarMember[] = [];
  const tree = new Tree(what);
  let extension: Extension | undefined;
  let position = 0;
  for (;;) {
    const header = source.view(position, BLOCK);
    if (header.length < BLOCK) throw archiveError(what, `cut off at byte ${position}`);
    if (header[0] === 0 && isZero(header)) break;
    verifyChecksum(header, position, what);
    const flag = header[156] ?? 0;
    const content = position + BLOCK;
    const ownSize = readNumber(header, 124, 12, 'size', what);
    const size = extension?.size !== undefined && !isExtensionFlag(flag) ? extension.size : ownSize;
    const next = content + Math.ceil(size / BLOCK) * BLOCK;
    if (!Number.isSafeInteger(next) || next > source.size)
      throw archiveError(what, `member at byte ${position} is cut off`);
    if (isExtensionFlag(flag)) {
      if (size > MAX_EXTENSION) throw archiveError(what, `extended header of ${size} bytes at byte ${position}`);
      extension ??= {};
      readExtension(extension, flag, source.view(content, size), what);
    } else {
      if (members.length === MAX_MEMBERS) throw archiveError(what, `more than ${MAX_MEMBERS} members`);
      const member = readMember(header, { flag, size, content, extension, what });
      tree.add(member);
      members.push(member);
      extension = undefined;
    }
    position = next;
  }
  if (extension !== undefined) throw archiveError(what, 'an extended header without a member');
  verifyTail(source, position, what);
  return members;
}

interface HeaderFacts {
  readonly flag: number;
  readonly size: number;
  readonly content: number;
  readonly extension: Extension | undefined;
  readonly what: string;
}

function readMember(header: Buffer, { flag, size, content, extension, what }: HeaderFacts): TarMember {
  const rawPath = extension?.path ?? headerPath(header, what);
  const type = memberType(flag, rawPath, what);
  if (type !== 'file' && size !== 0) throw archiveError(what, `${rawPath} is a ${type} with content`);
  const rawLink =
    type === 'symlink' || type === 'hardlink' ? (extension?.linkname ?? readText(header, 157, 100, what)) : '';
  const path = canonicalPath(rawPath, what);
  if (path === '' && type !== 'directory') throw archiveError(what, `the root is a ${type}`);
  return {
    path,
    type,
    mode: readNumber(header, 100, 8, 'mode', what) & 0o7777,
    uid: extension?.uid ?? readNumber(header, 108, 8, 'uid', what),
    gid: extension?.gid ?? readNumber(header, 116, 8, 'gid', what),
    uname: extension?.uname ?? readText(header, 265, 32, what),
    gname: extension?.gname ?? readText(header, 297, 32, what),
    mtime: extension?.mtime ?? readNumber(header, 136, 12, 'mtime', what),
    size,
    offset: content,
    linkname: type === 'hardlink' ? canonicalPath(rawLink, what) : checkedTarget(rawLink, type, path, what),
    ...(extension?.capability === undefined ? {} : { capability: extension.capability }),
  };
}

function memberType(flag: number, path: string, what: string): TarMemberType {
  switch (flag) {
    case 0x00:
    case 0x30: // '0'
    case 0x37: // '7', contiguous
      // Before ustar a directory was a file whose name ends in a slash.
      return path.endsWith('/') ? 'directory' : 'file';
    case 0x31:
      return 'hardlink';
    case 0x32:
      return 'symlink';
    case 0x35:
      return 'directory';
    case 0x33:
    case 0x34:
      throw archiveError(what, `${path} is a device`);
    case 0x36:
      throw archiveError(what, `${path} is a fifo`);
    default:
      throw archiveError(what, `${path} has the unknown type ${JSON.stringify(String.fromCharCode(flag))}`);
  }
}

function checkedTarget(target: string, type: TarMemberType, path: string, what: string): string {
  if (type === 'symlink' && target === '') throw archiveError(what, `${path} is a symlink to nothing`);
  return target;
}

function headerPath(header: Buffer, what: string): string {
  const name = readText(header, 0, 100, what);
  // Only POSIX ustar has a prefix; GNU keeps other fields there.
  const posix = header[262] === 0 && header.toString('latin1', 257, 262) === 'ustar';
  if (!posix || header[345] === 0) return name;
  return `${readText(header, 345, 155, what)}/${name}`;
}

const CONTROL_OR_HIGH = /[^\x20-\x7e]/;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function readText(header: Buffer, start: number, length: number, what: string): string {
  if (header[start] === 0) return '';
  const limit = start + length;
  let end = start;
  while (end < limit && header[end] !== 0) end++;
  const ascii = header.toString('latin1', start, end);
  return CONTROL_OR_HIGH.test(ascii) ? decode(header.subarray(start, end), what) : ascii;
}

function decode(bytes: Uint8Array, what: string): string {
  try {
    return UTF8.decode(bytes);
  } catch (error) {
    throw archiveError(what, 'a name is not UTF-8', error);
  }
}

/** Octal digits with blanks or NUL around them, or GNU's base-256 form when the top bit is set. */
function readNumber(header: Buffer, start: number, length: number, field: string, what: string): number {
  const limit = start + length;
  let value = 0;
  if (((header[start] ?? 0) & 0x80) !== 0) {
    value = (header[start] ?? 0) & 0x7f;
    for (let index = start + 1; index < limit; index++) value = value * 256 + (header[index] ?? 0);
    if (!Number.isSafeInteger(value)) throw archiveError(what, `${field} out of range`);
    return value;
  }
  let index = start;
  while (index < limit && header[index] === 0x20) index++;
  for (; index < limit; index++) {
    const byte = header[index] ?? 0;
    if (byte === 0 || byte === 0x20) break;
    if (byte < 0x30 || byte > 0x37) throw archiveError(what, `${field} is not an octal number`);
    value = value * 8 + (byte - 0x30);
  }
  return value;
}

const NUL = /\0/;
const IRREGULAR = /^\/|\/\/|(?:^|\/)\.{1,2}(?:\/|$)|\/$/;

function canonicalPath(raw: string, what: string): string {
  const text = raw.startsWith('./') ? raw.slice(2) : raw;
  if (text.length > MAX_PATH) throw archiveError(what, `a path of ${text.length} characters`);
  if (NUL.test(text)) throw archiveError(what, 'a path with a NUL byte');
  if (!IRREGULAR.test(text)) {
    if (text === '' && raw === '') throw archiveError(what, 'a member without a name');
    return text;
  }
  if (text.startsWith('/')) throw archiveError(what, `the absolute path ${raw}`);
  const segments = text.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..')) throw archiveError(what, `the path ${raw} leaves the archive`);
  return segments.join('/');
}

/** Sees that each path is given once, and that nothing lies below a member that is not a directory. */
class Tree {
  readonly #what: string;
  readonly #seen = new Map<string, TarMemberType>();
  #lastParent = '';

  constructor(what: string) {
    this.#what = what;
  }

  add(member: TarMember): void {
    const { path, type } = member;
    if (path === '') return;
    const before = this.#seen.get(path);
    if (before !== undefined && !(before === 'directory' && type === 'directory')) {
      throw archiveError(this.#what, `${path} is given twice`);
    }
    if (type === 'hardlink') {
      const target = this.#seen.get(member.linkname);
      if (target !== 'file' && target !== 'hardlink') {
        throw archiveError(this.#what, `${path} is a hard link to ${member.linkname}, which is no earlier file`);
      }
    }
    const slash = path.lastIndexOf('/');
    if (slash > 0) this.#enterParents(path.slice(0, slash));
    this.#seen.set(path, type);
  }

  #enterParents(parent: string): void {
    if (parent === this.#lastParent) return;
    this.#lastParent = parent;
    for (let directory = parent; directory !== ''; ) {
      const type = this.#seen.get(directory);
      if (type !== undefined && type !== 'directory') {
        throw archiveError(this.#what, `${directory} is a ${type} with members below it`);
      }
      if (type === 'directory') return;
      this.#seen.set(directory, 'directory');
      const slash = directory.lastIndexOf('/');
      directory = slash < 0 ? '' : directory.slice(0, slash);
    }
  }
}

function isExtensionFlag(flag: number): boolean {
  // 'x' and 'g' are PAX headers, 'L' and 'K' GNU long names.
  return flag === 0x78 || flag === 0x67 || flag === 0x4c || flag === 0x4b;
}

function readExtension(extension: Extension, flag: number, data: Buffer, what: string): void {
  if (flag === 0x4c) {
    extension.path = untilNul(data, what);
  } else if (flag === 0x4b) {
    extension.linkname = untilNul(data, what);
  } else {
    for (const [key, value] of paxRecords(data, what)) {
      // A global header may only carry what changes nothing, such as git's comment.
      if (flag === 0x67 && key !== 'comment') throw archiveError(what, `the global PAX key ${key}`);
      applyPax(extension, key, value, what);
    }
  }
}

function untilNul(data: Buffer, what: string): string {
  const end = data.indexOf(0);
  return decode(end < 0 ? data : data.subarray(0, end), what);
}

function* paxRecords(data: Buffer, what: string): Generator<readonly [string, Buffer]> {
  let position = 0;
  while (position < data.length) {
    const space = data.indexOf(0x20, position);
    const digits = space < 0 ? '' : data.toString('latin1', position, space);
    const end = position + Number(digits);
    const equals = data.indexOf(0x3d, space);
    const valid = /^[1-9]\d{0,6}$/.test(digits) && end <= data.length && data[end - 1] === 0x0a && equals > space;
    if (!valid || equals >= end) throw archiveError(what, 'a broken PAX header');
    yield [data.toString('latin1', space + 1, equals), data.subarray(equals + 1, end - 1)];
    position = end;
  }
}

function applyPax(extension: Extension, key: string, value: Buffer, what: string): void {
  switch (key) {
    case 'path':
    case 'linkpath':
    case 'uname':
    case 'gname':
      extension[key === 'linkpath' ? 'linkname' : key] = decode(value, what);
      break;
    case 'size':
    case 'uid':
    case 'gid':
      extension[key] = paxInteger(key, value.toString('latin1'), what);
      break;
    case 'mtime':
      extension.mtime = paxInteger(key, value.toString('latin1').replace(/\.\d*$/, ''), what);
      break;
    case 'SCHILY.xattr.security.capability':
      extension.capability = Uint8Array.from(value);
      break;
    default:
      if (key.startsWith('GNU.sparse.')) throw archiveError(what, 'a sparse file');
  }
}

function paxInteger(key: string, text: string, what: string): number {
  if (!/^\d{1,15}$/.test(text)) throw archiveError(what, `the PAX ${key} ${JSON.stringify(text)}`);
  return Number(text);
}

function verifyChecksum(header: Buffer, position: number, what: string): void {
  let sum = 8 * 0x20;
  for (let index = 0; index < 148; index++) sum += header[index] ?? 0;
  for (let index = 156; index < BLOCK; index++) sum += header[index] ?? 0;
  if (sum !== readNumber(header, 148, 8, 'checksum', what)) {
    throw archiveError(what, `wrong header checksum at byte ${position}`);
  }
}

function verifyTail(source: TarSource, start: number, what: string): void {
  for (let position = start; position < source.size; position += WINDOW) {
    if (!isZero(source.view(position, Math.min(WINDOW, source.size - position)))) {
      throw archiveError(what, 'data after the end marker');
    }
  }
}

const ZEROS = Buffer.alloc(WINDOW);

function isZero(bytes: Buffer): boolean {
  return bytes.compare(ZEROS, 0, bytes.length) === 0;
}
