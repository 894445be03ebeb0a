import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from 'tar-stream';
import { afterAll, describe, expect, test } from 'vitest';
import { readTarBuffer, readTarIndex } from './tar-reader.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tar-reader-'));
afterAll(() => rmSync(scratch, { recursive: true }));

interface Header {
  readonly name: string;
  readonly type?: string;
  readonly content?: string | Buffer;
  readonly linkname?: string;
  readonly mode?: number;
  /** Written over the size field. */
  readonly size?: string;
  readonly magic?: string;
  readonly prefix?: string;
}

function header(entry: Header): Buffer {
  const { name, type = '0', content = '', linkname = '', mode = 0o644 } = entry;
  const body = Buffer.from(content);
  const block = Buffer.alloc(512);
  block.write(name, 0, 100);
  block.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  block.write(entry.size ?? `${body.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  block.write('00000000001\0', 136);
  block.write(type, 156);
  block.write(linkname, 157, 100);
  block.write(entry.magic ?? 'ustar\x0000', 257, 'latin1');
  block.write(entry.prefix ?? '', 345);
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([block, body, Buffer.alloc((512 - (body.length % 512)) % 512)]);
}

function tar(...entries: Header[]): Buffer {
  return Buffer.concat([...entries.map(header), Buffer.alloc(1024)]);
}

function pax(records: Readonly<Record<string, string>>, type = 'x'): Header {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`);
    const length = rest + String(rest + String(rest).length).length;
    return `${length} ${key}=${value}\n`;
  });
  return { name: 'PaxHeader', type, content: lines.join('') };
}

describe('a well-formed tar', () => {
  test('gives canonical paths, types, owners, links and the place of every content', () => {
    const data = tar(
      { name: './', type: '5', mode: 0o755 },
      { name: './usr/', type: '5', mode: 0o1777 },
      { name: './usr/a.txt', content: 'hello', mode: 0o4755 },
      { name: './usr/b.txt', type: '1', linkname: './usr/a.txt' },
      { name: './usr/c.txt', type: '2', linkname: '../a.txt', mode: 0o777 },
    );
    const members = readTarBuffer(data, 'x.tar');
    expect(members.map(({ path, type, mode, size, linkname }) => [path, type, mode, size, linkname])).toEqual([
      ['', 'directory', 0o755, 0, ''],
      ['usr', 'directory', 0o1777, 0, ''],
      ['usr/a.txt', 'file', 0o4755, 5, ''],
      ['usr/b.txt', 'hardlink', 0o644, 0, 'usr/a.txt'],
      ['usr/c.txt', 'symlink', 0o777, 0, '../a.txt'],
    ]);
    const file = members[2]!;
    expect(data.subarray(file.offset, file.offset + file.size).toString()).toBe('hello');
  });

  test('is read alike from a file, whatever lies between the headers', () => {
    const entries = Array.from({ length: 60 }, (_, index) => ({
      name: `d/f${index}`,
      content: Buffer.alloc(index * 331, index),
    }));
    const data = tar(...entries);
    const file = join(scratch, 'many.tar');
    writeFileSync(file, data);
    const members = readTarIndex(file, 'many.tar');
    expect(members).toEqual(readTarBuffer(data, 'many.tar'));
    expect(members.map(({ size }) => size)).toEqual(entries.map(({ content }) => content.length));
  });

  test('may use GNU long names and PAX headers', async () => {
    const long = `${'directory-with-a-long-name/'.repeat(8)}file`;
    const gnu = tar({ name: '././@LongLink', type: 'L', content: `${long}\0` }, { name: long.slice(0, 100) });
    expect(readTarBuffer(gnu, 'x')[0]?.path).toBe(long);
    const link = tar(
      { name: '././@LongLink', type: 'K', content: `${long}\0` },
      { name: 'l', type: '2', linkname: 'cut' },
    );
    expect(readTarBuffer(link, 'x')[0]?.linkname).toBe(long);
    const posix = tar(pax({ path: 'größe', size: '3', uid: '4000000', mtime: '12.5', comment: 'x' }), {
      name: 'short',
      content: 'abc',
    });
    expect(readTarBuffer(posix, 'x')[0]).toMatchObject({ path: 'größe', size: 3, uid: 4000000, mtime: 12 });
  });

  test('by tar-stream and by GNU tar is read as they wrote it', async () => {
    const stream = pack();
    const long = `${'x'.repeat(120)}/${'y'.repeat(120)}`;
    stream.entry({ name: long, mode: 0o600 }, 'data');
    stream.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(readTarBuffer(Buffer.concat(chunks), 'x')[0]).toMatchObject({ path: long, mode: 0o600, size: 4 });

    writeFileSync(join(scratch, 'plain'), 'x'.repeat(3000));
    for (const format of ['gnu', 'posix', 'ustar', 'v7']) {
      const out = join(scratch, `${format}.tar`);
      execFileSync('tar', ['--format', format, '-C', scratch, '-cf', out, './plain']);
      expect(readTarIndex(out, out)[0]).toMatchObject({ path: 'plain', type: 'file', size: 3000 });
    }
  });

  test('may split a path by the POSIX prefix field, which GNU headers do not have', () => {
    expect(readTarBuffer(tar({ name: 'name', prefix: 'some/dir' }), 'x')[0]?.path).toBe('some/dir/name');
    const gnu = tar({ name: 'name', prefix: 'some/dir', magic: 'ustar  \0' });
    expect(readTarBuffer(gnu, 'x')[0]?.path).toBe('name');
  });
});

describe('a hostile or broken tar is refused', () => {
  const broken: readonly (readonly [string, Buffer, RegExp])[] = [
    ['an absolute path', tar({ name: '/etc/passwd' }), /absolute path/],
    ['a path upwards', tar({ name: 'a/../../b' }), /leaves the archive/],
    ['a path upwards in a PAX header', tar(pax({ path: '../b' }), { name: 'b' }), /leaves the archive/],
    ['a NUL in a PAX path', tar(pax({ path: 'a\0b' }), { name: 'b' }), /NUL/],
    ['a hard link upwards', tar({ name: 'a', type: '1', linkname: '../x' }), /leaves the archive/],
    ['a hard link to nothing', tar({ name: 'a', type: '1', linkname: 'x' }), /no earlier file/],
    [
      'a hard link to a symlink',
      tar({ name: 'x', type: '2', linkname: '/etc' }, { name: 'a', type: '1', linkname: 'x' }),
      /no earlier/,
    ],
    [
      'a member below a symlink',
      tar({ name: 'a', type: '2', linkname: '/etc' }, { name: 'a/b' }),
      /symlink with members below/,
    ],
    ['a member below a file', tar({ name: 'a' }, { name: 'a/b/c' }), /file with members below/],
    ['a symlink in place of a parent', tar({ name: 'a/b' }, { name: 'a', type: '2', linkname: '/' }), /given twice/],
    ['a path given twice', tar({ name: 'a' }, { name: './a' }), /given twice/],
    ['a character device', tar({ name: 'a', type: '3' }), /device/],
    ['a block device', tar({ name: 'a', type: '4' }), /device/],
    ['a fifo', tar({ name: 'a', type: '6' }), /fifo/],
    ['a GNU sparse file', tar({ name: 'a', type: 'S' }), /unknown type/],
    ['a PAX sparse file', tar(pax({ 'GNU.sparse.major': '1' }), { name: 'a' }), /sparse/],
    ['a size beyond the file', tar({ name: 'a', size: '77777777777\0' }), /cut off/],
    ['a negative size', tar({ name: 'a', size: '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff' }), /out of range/],
    ['a symlink with content', tar({ name: 'a', type: '2', linkname: 'b', content: 'x' }), /with content/],
    ['a PAX header of nonsense', tar({ name: 'p', type: 'x', content: '99 path=x\n' }, { name: 'a' }), /broken PAX/],
    ['a global PAX path', tar(pax({ path: 'x' }, 'g'), { name: 'a' }), /global PAX/],
    ['a PAX header without a member', tar(pax({ path: 'x' })), /without a member/],
    ['a name that is no UTF-8', tar(...[{ name: 'a' }]).fill(0xff, 0, 1), /checksum/],
    [
      'a name that is no UTF-8',
      tar({ name: 'p', type: 'x', content: Buffer.from('10 path=\xff\n', 'latin1') }, { name: 'a' }),
      /not UTF-8/,
    ],
    ['no end marker', header({ name: 'a' }), /cut off/],
    ['data after the end', Buffer.concat([tar({ name: 'a' }), Buffer.from('more')]), /after the end/],
    ['text', Buffer.from('hello '.repeat(200)), /octal|checksum/],
    ['a member without a name', tar({ name: '' }), /without a name/],
  ];
  test.each(broken)('%s', (_, data, problem) => {
    expect(() => readTarBuffer(data, 'bad.tar')).toThrow(expect.objectContaining({ code: 'COGPLAN_ARCHIVE_INVALID' }));
    expect(() => readTarBuffer(data, 'bad.tar')).toThrow(problem);
  });
});
