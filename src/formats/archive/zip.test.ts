import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { aZip, type ZipMember } from '../../../test/builders/zip.ts';
import { type RangeReader, readZipDirectory, readZipMember } from './zip.ts';
import { withZipFile } from './zip-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'cogplan-zip-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const LONG = 'a text that is long enough to be deflated, '.repeat(40);

function reader(archive: Buffer): { read: RangeReader; reads: [number, number][] } {
  const reads: [number, number][] = [];
  return {
    reads,
    read: async (start, length) => {
      reads.push([start, length]);
      if (start < 0 || start + length > archive.length) throw new RangeError(`${start}+${length} of ${archive.length}`);
      return Buffer.from(archive.subarray(start, start + length));
    },
  };
}

/** Contents of every file, by both ways of reading. */
async function readAll(archive: Buffer): Promise<Record<string, string>> {
  const { read } = reader(archive);
  const remote: Record<string, string> = {};
  for (const entry of await readZipDirectory(read, archive.length)) {
    if (entry.type === 'file') remote[entry.name] = (await readZipMember(read, entry, 1e6)).toString();
  }
  const path = join(directory, 'archive.zip');
  writeFileSync(path, archive);
  const local = withZipFile(path, (zip) =>
    Object.fromEntries(
      zip.entries
        .filter((entry) => entry.type === 'file')
        .map((entry) => [entry.name, zip.readMember(entry, 1e6).toString()]),
    ),
  );
  expect(local).toEqual(remote);
  return remote;
}

describe('a sound archive', () => {
  const members: ZipMember[] = [
    { name: 'a/', mode: 0o40755 },
    { name: 'a/stored', content: 'x' },
    { name: 'a/empty' },
    { name: 'a/empty-deflated', method: 8 },
    { name: 'é', content: LONG, mode: 0o100755 },
  ];
  const contents = { 'a/stored': 'x', 'a/empty': '', 'a/empty-deflated': '', é: LONG };

  test.each<[string, Buffer]>([
    ['plain', aZip(members)],
    ['with a comment of the greatest length', aZip(members, { comment: Buffer.alloc(65_535, 'c') })],
    ['with a zip64 end record', aZip(members, { zip64: true })],
    [
      'with zip64 sizes',
      aZip(
        members.map((member) => ({ ...member, zip64: true })),
        { zip64: true },
      ),
    ],
    [
      'with long extra fields in local headers',
      aZip(members.map((member) => ({ ...member, localExtra: Buffer.alloc(500) }))),
    ],
  ])('%s', async (_, archive) => {
    expect(await readAll(archive)).toEqual(contents);
  });

  test('gives permission bits of Unix archives only', async () => {
    const archive = aZip([
      { name: 'a', mode: 0o100755 },
      { name: 'b', mode: 0o100755, madeBy: 0 },
      { name: 'c', mode: 0o640 },
    ]);
    const entries = await readZipDirectory(reader(archive).read, archive.length);
    expect(entries.map((entry) => entry.mode)).toEqual([0o755, undefined, 0o640]);
  });

  test('costs two range reads for the directory and one for a member', async () => {
    const archive = aZip([...Array(500).keys()].map((index) => ({ name: `f${index}`, content: LONG + index })));
    const { read, reads } = reader(archive);
    const entries = await readZipDirectory(read, archive.length);
    await readZipMember(read, entries.at(-1)!, 1e6);
    expect(reads.length).toBe(3);
  });
});

describe('a hostile or broken archive is refused', () => {
  const honest = aZip([{ name: 'a', content: LONG }]);
  const member = (change: Partial<ZipMember>): Buffer => aZip([{ name: 'a', content: LONG, ...change }]);
  test.each<[string, Buffer, RegExp]>([
    ['not a zip', Buffer.from('hello'), /no end record/],
    ['empty file', Buffer.alloc(0), /no end record/],
    ['cut off', honest.subarray(0, honest.length - 5), /no end record/],
    ['data before it', Buffer.concat([Buffer.from('#!/bin/sh\n'), honest]), /not where/],
    ['data behind it', Buffer.concat([honest, Buffer.from('x')]), /no end record/],
    ['a comment that is an end record too', aZip([], { comment: aZip([]) }), /not where/],
    ['wrong count', aZip([{ name: 'a' }], { count: 2 }), /another number/],
    ['absolute name', member({ name: '/etc/passwd' }), /not safe/],
    ['parent', member({ name: 'a/../../b' }), /not safe/],
    ['dot', member({ name: './a' }), /not safe/],
    ['empty segment', member({ name: 'a//b' }), /not safe/],
    ['backslash', member({ name: 'a\\b' }), /not safe/],
    ['NUL', member({ name: 'a\0b' }), /not safe/],
    ['empty name', member({ name: '' }), /not safe/],
    ['name that is not UTF-8', member({ name: Buffer.from([0xff]) }), /UTF-8/],
    ['same name twice', aZip([{ name: 'a' }, { name: 'a' }]), /comes twice/],
    ['same name as file and directory', aZip([{ name: 'a/', mode: 0o40755 }, { name: 'a' }]), /comes twice/],
    ['symbolic link', member({ mode: 0o120777 }), /symbolic link/],
    ['device', member({ mode: 0o020666 }), /no plain file/],
    ['encrypted', member({ flags: 0x801 }), /encrypted/],
    ['unknown method', member({ method: 12 }), /unknown method/],
    [
      'overlapping members',
      aZip([
        { name: 'a', content: LONG },
        { name: 'b', content: LONG, headerOffset: 10 },
      ]),
      /overlaps/,
    ],
    ['reaching into the directory', member({ compressedSize: 1e6 }), /overlaps/],
    ['impossible ratio', member({ size: 1e9 }), /contradict/],
    ['stored with two sizes', member({ method: 0, size: 5 }), /contradict/],
    ['immense', aZip([{ name: 'a', zip64: true, size: 2 ** 45, compressedSize: 2 ** 44 }]), /too much/],
    ['other name in the local header', member({ localName: 'b' }), /contradict/],
    ['wrong CRC', member({ crc: 1 }), /CRC/],
    ['more bytes than stated', member({ size: LONG.length - 1 }), /stated?s?|size/],
    ['fewer bytes than stated', member({ size: LONG.length + 1 }), /stated/],
  ])('%s', async (_, archive, reason) => {
    await expect(readAll(archive)).rejects.toThrowError(
      expect.objectContaining({ code: 'COGPLAN_ZIP_INVALID', message: expect.stringMatching(reason) }),
    );
  });

  test('a member beyond the limit given', async () => {
    const { read } = reader(honest);
    const [entry] = await readZipDirectory(read, honest.length);
    await expect(readZipMember(read, entry!, 10)).rejects.toMatchObject({ code: 'COGPLAN_ZIP_INVALID' });
  });

  test('any byte changed gives the same contents or a refusal, never a crash', async () => {
    const archive = aZip([
      { name: 'a/b', content: LONG },
      { name: 'c', content: 'x' },
    ]);
    for (let position = 0; position < archive.length; position++) {
      const broken = Buffer.from(archive);
      broken[position] = (broken[position] ?? 0) ^ 0xff;
      const error = await readZipDirectory(reader(broken).read, broken.length)
        .then(
          async (entries) => {
            for (const entry of entries) await readZipMember(reader(broken).read, entry, 1e6);
          },
          (thrown: unknown) => thrown,
        )
        .catch((thrown: unknown) => thrown);
      if (error !== undefined) expect(error).toMatchObject({ code: 'COGPLAN_ZIP_INVALID' });
    }
  });
});
