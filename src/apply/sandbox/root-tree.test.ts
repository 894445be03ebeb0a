import { mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mergeTars, type RootNode, type TarInput } from './root-tree.ts';
import { writeTree } from './write-tree.ts';

let place: string;
let count = 0;

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'cogplan-root-'));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

interface Member {
  readonly name: string;
  readonly type?: 'file' | 'directory' | 'symlink' | 'link';
  readonly mode?: number;
  readonly linkname?: string;
  readonly body?: string;
}

async function tar(...members: readonly Member[]): Promise<TarInput> {
  const packer = pack();
  for (const { body, ...header } of members) packer.entry({ mode: 0o644, ...header }, body ?? '');
  packer.finalize();
  const file = join(place, `${count++}.tar`);
  writeFileSync(file, await buffer(packer));
  return { file, what: `layer ${count}` };
}

async function unpack(tars: readonly TarInput[], usrMerge = false): Promise<string> {
  const directory = mkdtempSync(join(place, 'out-'));
  await writeTree(mergeTars(tars, { usrMerge }), directory);
  return directory;
}

function at(tree: RootNode, path: string): RootNode | undefined {
  return path
    .split('/')
    .reduce<RootNode | undefined>(
      (node, name) => (node?.type === 'directory' ? node.children.get(name) : undefined),
      tree,
    );
}

describe('layers on top of each other', () => {
  test('a later entry replaces an earlier one of any type', async () => {
    const below = await tar(
      { name: 'link', type: 'symlink', linkname: '/outside' },
      { name: 'plain', body: 'old' },
      { name: 'tree/', type: 'directory', mode: 0o755 },
      { name: 'tree/deep', body: 'gone' },
      { name: 'other', type: 'symlink', linkname: 'plain' },
    );
    const above = await tar(
      { name: 'link', body: 'file over link' },
      { name: 'other/', type: 'directory', mode: 0o750 },
      { name: 'other/x', body: 'x' },
      { name: 'plain', body: 'new' },
      { name: 'tree', body: 'file over tree' },
    );
    const out = await unpack([below, above]);
    expect(readFileSync(join(out, 'link'), 'utf8')).toBe('file over link');
    expect(readFileSync(join(out, 'plain'), 'utf8')).toBe('new');
    expect(readFileSync(join(out, 'tree'), 'utf8')).toBe('file over tree');
    expect(readFileSync(join(out, 'other/x'), 'utf8')).toBe('x');
    expect(statSync(join(out, 'other')).mode & 0o777).toBe(0o750);
  });

  test('directories of two layers are joined', async () => {
    const out = await unpack([await tar({ name: 'd/a', body: 'a' }), await tar({ name: 'd/b', body: 'b' })]);
    expect([readFileSync(join(out, 'd/a'), 'utf8'), readFileSync(join(out, 'd/b'), 'utf8')]).toEqual(['a', 'b']);
  });

  test('hard links are one file, and a replaced name leaves the other alone', async () => {
    const below = await tar({ name: 'a', body: 'one' }, { name: 'b', type: 'link', linkname: 'a' });
    const linked = await unpack([below]);
    expect(statSync(join(linked, 'a')).ino).toBe(statSync(join(linked, 'b')).ino);
    const replaced = await unpack([below, await tar({ name: 'a', body: 'two' })]);
    expect(readFileSync(join(replaced, 'a'), 'utf8')).toBe('two');
    expect(readFileSync(join(replaced, 'b'), 'utf8')).toBe('one');
  });

  test('links are written as they are and never followed', async () => {
    const out = await unpack([await tar({ name: 'etc', type: 'symlink', linkname: '/etc' })]);
    expect(readlinkSync(join(out, 'etc'))).toBe('/etc');
  });
});

describe('modes', () => {
  test.each([
    [0o4755, 0o755],
    [0o2755, 0o755],
    [0o640, 0o640],
    [0o020, 0o420],
    [0o666, 0o666],
  ])('a file of mode %o is written with %o, whatever the umask', async (mode, written) => {
    const before = process.umask(0o077);
    try {
      const out = await unpack([await tar({ name: 'f', mode, body: 'x' })]);
      expect(statSync(join(out, 'f')).mode & 0o7777).toBe(written);
    } finally {
      process.umask(before);
    }
  });

  test('a directory stays accessible to its owner and keeps the sticky bit', async () => {
    const out = await unpack([
      await tar({ name: 'd/', type: 'directory', mode: 0o555 }, { name: 'd/f', body: 'x' }),
      await tar({ name: 't/', type: 'directory', mode: 0o1777 }),
    ]);
    expect(statSync(join(out, 'd')).mode & 0o7777).toBe(0o755);
    expect(statSync(join(out, 't')).mode & 0o7777).toBe(0o1777);
  });
});

describe('hostile layers', () => {
  const unsafe = expect.objectContaining({ code: 'COGPLAN_ROOT_UNSAFE' });
  const invalid = expect.objectContaining({ code: 'COGPLAN_ARCHIVE_INVALID' });

  test('a link of one layer does not redirect what the next one writes', async () => {
    const tars = [
      await tar({ name: 'd', type: 'symlink', linkname: place }),
      await tar({ name: 'd/planted', body: 'x' }),
    ];
    expect(() => mergeTars(tars, { usrMerge: false })).toThrow(unsafe);
  });

  test('a link and an entry through it in one layer', async () => {
    const tars = [await tar({ name: 'd', type: 'symlink', linkname: '..' }, { name: 'd/planted', body: 'x' })];
    expect(() => mergeTars(tars, { usrMerge: false })).toThrow(invalid);
  });

  test.each(['../up', 'a/../../up', '/etc/passwd'])('the path %s', async (name) => {
    const tars = [await tar({ name, body: 'x' })];
    expect(() => mergeTars(tars, { usrMerge: false })).toThrow(invalid);
  });

  test('a hard link to a file of the host', async () => {
    const tars = [await tar({ name: 'p', type: 'link', linkname: '../../etc/passwd' })];
    expect(() => mergeTars(tars, { usrMerge: false })).toThrow(invalid);
  });

  test('a deletion mark in a Debian package', async () => {
    const tars = [await tar({ name: 'd/.wh.f', body: '' })];
    expect(() => mergeTars(tars, { usrMerge: true })).toThrow(unsafe);
  });
});

test('whiteouts take away what lower layers gave, and nothing of their own layer', async () => {
  const tree = mergeTars(
    [
      await tar({ name: 'd/f', body: 'x' }, { name: 'd/kept', body: 'x' }, { name: 'o/old', body: 'x' }),
      await tar(
        { name: 'd/.wh.f', body: '' },
        { name: 'o/new', body: 'y' },
        { name: 'o/.wh..wh..opq', body: '' },
        { name: 'nothing/.wh.here', body: '' },
      ),
    ],
    { usrMerge: false },
  );
  expect(at(tree, 'd/f')).toBeUndefined();
  expect(at(tree, 'd/kept')).toMatchObject({ type: 'file' });
  expect(at(tree, 'o/old')).toBeUndefined();
  expect(at(tree, 'o/new')).toMatchObject({ type: 'file' });
  expect(at(tree, 'nothing')).toBeUndefined();
});

test('Debian packages are put below usr, with links where they were', async () => {
  const tree = mergeTars(
    [
      await tar({ name: './lib/', type: 'directory', mode: 0o755 }, { name: './lib/libc.so', body: 'c' }),
      await tar({ name: './usr/lib/libz.so', body: 'z' }, { name: './bin/sh', body: 's' }),
      await tar({ name: './bin', type: 'symlink', linkname: 'usr/bin' }),
      await tar({ name: './lib/a', body: 'a' }, { name: './lib/b', type: 'link', linkname: './lib/a' }),
      await tar({ name: './library', body: 'no part of lib' }),
    ],
    { usrMerge: true },
  );
  expect(at(tree, 'lib')).toEqual({ type: 'symlink', target: 'usr/lib' });
  expect(at(tree, 'bin')).toEqual({ type: 'symlink', target: 'usr/bin' });
  expect(at(tree, 'usr/lib/libc.so')).toMatchObject({ type: 'file', size: 1 });
  expect(at(tree, 'usr/lib/libz.so')).toMatchObject({ type: 'file' });
  expect(at(tree, 'usr/lib/b')).toBe(at(tree, 'usr/lib/a'));
  expect(at(tree, 'usr/bin/sh')).toMatchObject({ type: 'file' });
  expect(at(tree, 'library')).toMatchObject({ type: 'file' });
});

test('an aborted write stops', async () => {
  const members = Array.from({ length: 600 }, (_, index) => ({ name: `f${index}`, body: '' }));
  const tree = mergeTars([await tar(...members)], { usrMerge: false });
  await expect(writeTree(tree, mkdtempSync(join(place, 'out-')), AbortSignal.abort())).rejects.toThrow();
});
