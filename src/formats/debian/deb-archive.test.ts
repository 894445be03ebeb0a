import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readTarIndex } from '../archive/tar-reader.ts';
import { inflateDebData, openDeb, readDebControl } from './deb-archive.ts';

const scratch = mkdtempSync(join(tmpdir(), 'deb-archive-'));
afterAll(() => rmSync(scratch, { recursive: true }));

function ar(...members: readonly (readonly [string, Buffer | string])[]): Buffer {
  const parts = members.flatMap(([name, content]) => {
    const body = Buffer.from(content);
    const header = `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(body.length).padEnd(10)}\`\n`;
    return [Buffer.from(header), body, Buffer.alloc(body.length % 2, '\n')];
  });
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}

function write(name: string, data: Buffer): string {
  const file = join(scratch, name);
  writeFileSync(file, data);
  return file;
}

const tree = join(scratch, 'tree');

beforeAll(() => {
  mkdirSync(join(tree, 'DEBIAN'), { recursive: true });
  mkdirSync(join(tree, 'usr/share/small'), { recursive: true });
  writeFileSync(join(tree, 'usr/share/small/text'), 'content\n'.repeat(1000));
  writeFileSync(
    join(tree, 'DEBIAN/control'),
    'Package: small\nVersion: 1:2-3\nArchitecture: all\nMaintainer: N <n@e>\nDescription: x\n y\n',
  );
  writeFileSync(join(tree, 'DEBIAN/postinst'), '#!/bin/sh\n:\n');
  chmodSync(join(tree, 'DEBIAN/postinst'), 0o755);
});

describe('a .deb made by dpkg-deb', () => {
  test.each(['none', 'gzip', 'xz'])('gives control, scripts and data with -Z%s', async (compression) => {
    const file = join(scratch, `small-${compression}.deb`);
    execFileSync('dpkg-deb', ['--root-owner-group', `-Z${compression}`, '-b', tree, file]);
    const { paragraph, scripts, modes } = await readDebControl(file, 'small');
    expect(paragraph.get('version')).toBe('1:2-3');
    expect(paragraph.get('description')).toBe('x\ny');
    expect([...scripts.keys()]).toEqual(['postinst']);
    expect(modes.get('postinst')).toBe(0o755);
    const data = join(scratch, `data-${compression}.tar`);
    const size = await inflateDebData(file, data);
    expect(readFileSync(data)).toEqual(execFileSync('dpkg-deb', ['--fsys-tarfile', file]));
    expect(size).toBe(readFileSync(data).length);
    expect(readTarIndex(data, 'data').map(({ path }) => path)).toContain('usr/share/small/text');
  });

  test('is refused when its data is larger than allowed', async () => {
    const file = join(scratch, 'small-xz.deb');
    await expect(inflateDebData(file, join(scratch, 'bounded.tar'), { maxBytes: 4096 })).rejects.toMatchObject({
      code: 'COGPLAN_ARCHIVE_TOO_LARGE',
    });
  });

  test('is refused when its data is damaged', async () => {
    const bytes = readFileSync(join(scratch, 'small-xz.deb'));
    const { data } = openDeb(join(scratch, 'small-xz.deb'), 'small');
    bytes[data.offset + Math.floor(data.size / 2)]! ^= 1;
    const file = write('damaged.deb', bytes);
    await expect(inflateDebData(file, join(scratch, 'damaged.tar'))).rejects.toMatchObject({
      code: 'COGPLAN_ARCHIVE_INVALID',
    });
  });
});

describe('a .deb with members that deb(5) does not allow is refused', () => {
  const gz = gzipSync(Buffer.alloc(1024));
  const rows: readonly (readonly [string, Buffer, RegExp])[] = [
    ['not ar', Buffer.from('PK\x03\x04 and more'), /not an ar/],
    ['wrong version', ar(['debian-binary', '3.0\n!'], ['control.tar.gz', gz], ['data.tar.gz', gz]), /format 2.0/],
    [
      'data first',
      ar(['debian-binary', '2.0\n'], ['data.tar.gz', gz], ['control.tar.gz', gz]),
      /where control.tar must be/,
    ],
    ['no data', ar(['debian-binary', '2.0\n'], ['control.tar.gz', gz]), /without control or data/],
    [
      'unknown compression',
      ar(['debian-binary', '2.0\n'], ['control.tar.gz', gz], ['data.tar.rar', gz]),
      /data.tar.rar/,
    ],
    [
      'a trailing member',
      ar(['debian-binary', '2.0\n'], ['control.tar.gz', gz], ['data.tar.gz', gz], ['x', 'y']),
      /further member x/,
    ],
    [
      'a trailing hidden member',
      ar(['debian-binary', '2.0\n'], ['control.tar.gz', gz], ['data.tar.gz', gz], ['_x', 'y']),
      /_x/,
    ],
    ['cut off', ar(['debian-binary', '2.0\n'], ['control.tar.gz', gz], ['data.tar.gz', gz]).subarray(0, -3), /cut off/],
  ];
  test.each(rows)('%s', (name, data, problem) => {
    expect(() => openDeb(write(`${name}.deb`, data), name)).toThrow(problem);
  });
});
