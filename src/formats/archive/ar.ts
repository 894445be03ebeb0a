import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { archiveError } from './archive-error.ts';

export interface ArMember {
  readonly name: string;
  /** Position of the content in the file. */
  readonly offset: number;
  readonly size: number;
}

const MAGIC = '!<arch>\n';
const HEADER_SIZE = 60;
const MAX_MEMBERS = 16;

/**
 * The members of a common-format `ar` file, such as a .deb, in order. Only headers are read. GNU and BSD long names are
 * refused: no .deb has them. Format: deb(5).
 */
export function readArMembers(file: string, what: string): readonly ArMember[] {
  const fd = openSync(file, 'r');
  try {
    return scan(fd, fstatSync(fd).size, what);
  } finally {
    closeSync(fd);
  }
}

function scan(fd: number, fileSize: number, what: string): readonly ArMember[] {
  const header = Buffer.alloc(HEADER_SIZE);
  if (
    readSync(fd, header, 0, MAGIC.length, 0) !== MAGIC.length ||
    header.toString('latin1', 0, MAGIC.length) !== MAGIC
  ) {
    throw archiveError(what, 'not an ar archive');
  }
  const members: ArMember[] = [];
  let position = MAGIC.length;
  while (position < fileSize) {
    if (members.length === MAX_MEMBERS) throw archiveError(what, `more than ${MAX_MEMBERS} members`);
    if (readSync(fd, header, 0, HEADER_SIZE, position) !== HEADER_SIZE) {
      throw archiveError(what, `cut off in the header at byte ${position}`);
    }
    const member = parseHeader(header, position, what);
    const end = member.offset + member.size;
    if (end > fileSize) throw archiveError(what, `cut off in member ${member.name}`);
    members.push(member);
    position = end + (end % 2);
  }
  return members;
}

function parseHeader(header: Buffer, position: number, what: string): ArMember {
  const text = header.toString('latin1', 0, HEADER_SIZE);
  const name = text.slice(0, 16).trimEnd().replace(/\/$/, '');
  const size = text.slice(48, 58).trimEnd();
  if (text.slice(58) !== '`\n' || !/^\d{1,10}$/.test(size) || !/^[A-Za-z0-9._+-]{1,16}$/.test(name)) {
    throw archiveError(what, `no valid member header at byte ${position}`);
  }
  return { name, offset: position + HEADER_SIZE, size: Number(size) };
}
