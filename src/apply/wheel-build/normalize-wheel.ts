import { crc32 } from 'node:zlib';
import { compareBytes } from '../../canonical.ts';
import { CogplanError } from '../../errors.ts';
import type { ZipEntry } from '../../formats/archive/zip.ts';
import { withZipFile } from '../../formats/archive/zip-file.ts';
import { formatRecord, type RecordRow, recordHash } from '../../formats/python/wheel-record.ts';
import type { BlobInfo, Store } from '../../store/store.ts';

/** The first day that a zip can tell: 1980-01-01, 00:00. */
const DOS_DATE = 0x0021;
const UTF8_NAMES = 0x0800;
const MADE_BY_UNIX = 3;
const VERSION = 20;
const MAX_ARCHIVE = 0xffff_ffff;
const MAX_MEMBERS = 0xffff;

interface Member {
  readonly name: string;
  readonly mode: number;
  read(): Buffer;
}

/**
 * Packs a wheel anew into the store: members sorted byte-wise and stored without compression, one time, two modes, a new RECORD. So two builds whose files are the same give the same bytes,
 * whatever tool packed them and however it compresses.
 */
export async function normalizeWheel(path: string, store: Pick<Store, 'writer'>): Promise<BlobInfo> {
  return withOpenWheel(path, async (members, record) => {
    const blob = await store.writer();
    try {
      const rows: RecordRow[] = [];
      const directory: Buffer[] = [];
      let offset = 0;
      const add = async (name: string, mode: number, data: Buffer): Promise<void> => {
        const header = fields(name, data);
        const local = Buffer.concat([localHeader(header), Buffer.from(name)]);
        directory.push(centralHeader(header, { mode, offset }), Buffer.from(name));
        await blob.write(local);
        await blob.write(data);
        offset += local.length + data.length;
        if (offset > MAX_ARCHIVE) throw tooLarge(path);
      };
      for (const member of members) {
        const data = member.read();
        rows.push({ path: member.name, hash: recordHash(data), size: String(data.length) });
        await add(member.name, member.mode, data);
      }
      rows.push({ path: record, hash: '', size: '' });
      await add(record, 0o644, Buffer.from(formatRecord(rows)));
      const central = Buffer.concat(directory);
      await blob.write(central);
      await blob.write(endOfDirectory(members.length + 1, central.length, offset));
      return await blob.commit();
    } catch (error) {
      await blob.abort();
      throw error;
    }
  });
}

async function withOpenWheel<T>(
  path: string,
  use: (members: readonly Member[], record: string) => Promise<T>,
): Promise<T> {
  const entries = withZipFile(path, (zip) => zip.entries).filter(({ type }) => type !== 'directory');
  const record = entries.find(({ name }) => /^[^/]+\.dist-info\/RECORD$/.test(name))?.name;
  if (record === undefined) {
    throw new CogplanError('COGPLAN_WHEEL_INVALID', 'the wheel that was built has no RECORD', { subject: path });
  }
  const signed = [record, `${record}.jws`, `${record}.p7s`];
  const members = entries
    .filter(({ name }) => !signed.includes(name))
    .sort((a, b) => compareBytes(a.name, b.name))
    .map((entry) => memberOf(path, entry));
  if (members.length >= MAX_MEMBERS) throw tooLarge(path);
  return use(members, record);
}

function memberOf(path: string, entry: ZipEntry): Member {
  return {
    name: entry.name,
    mode: ((entry.mode ?? 0) & 0o111) === 0 ? 0o644 : 0o755,
    read: () => withZipFile(path, (zip) => zip.readMember(entry, MAX_ARCHIVE)),
  };
}

interface Fields {
  readonly crc: number;
  readonly size: number;
  readonly nameLength: number;
}

function fields(name: string, data: Buffer): Fields {
  return { crc: crc32(data), size: data.length, nameLength: Buffer.byteLength(name) };
}

function localHeader({ crc, size, nameLength }: Fields): Buffer {
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x0403_4b50, 0);
  header.writeUInt16LE(VERSION, 4);
  header.writeUInt16LE(UTF8_NAMES, 6);
  header.writeUInt16LE(DOS_DATE, 12);
  header.writeUInt32LE(crc, 14);
  header.writeUInt32LE(size, 18);
  header.writeUInt32LE(size, 22);
  header.writeUInt16LE(nameLength, 26);
  return header;
}

function centralHeader(
  { crc, size, nameLength }: Fields,
  { mode, offset }: { readonly mode: number; readonly offset: number },
): Buffer {
  const header = Buffer.alloc(46);
  header.writeUInt32LE(0x0201_4b50, 0);
  header.writeUInt16LE((MADE_BY_UNIX << 8) | VERSION, 4);
  header.writeUInt16LE(VERSION, 6);
  header.writeUInt16LE(UTF8_NAMES, 8);
  header.writeUInt16LE(DOS_DATE, 14);
  header.writeUInt32LE(crc, 16);
  header.writeUInt32LE(size, 20);
  header.writeUInt32LE(size, 24);
  header.writeUInt16LE(nameLength, 28);
  header.writeUInt32LE(((0o100000 | mode) << 16) >>> 0, 38);
  header.writeUInt32LE(offset, 42);
  return header;
}

function endOfDirectory(count: number, size: number, offset: number): Buffer {
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x0605_4b50, 0);
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return end;
}

function tooLarge(path: string): CogplanError {
  return new CogplanError('COGPLAN_WHEEL_INVALID', 'the wheel that was built is larger than 4 GiB', { subject: path });
}
