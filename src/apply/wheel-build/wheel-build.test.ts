import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { aWheelFile } from '../../../test/builders/wheel.ts';
import { aZip } from '../../../test/builders/zip.ts';
import { withZipFile } from '../../formats/archive/zip-file.ts';
import { normalizeWheel } from './normalize-wheel.ts';
import { packTree } from './pack-tree.ts';
import { readBuildSystem } from './read-build-system.ts';
import { unpackSource } from './unpack-source.ts';

let context: TestContext;
let count = 0;
beforeAll(async () => {
  context = await aContext();
});
afterAll(() => context.dispose());

function aDirectory(): string {
  const path = join(context.store.root, `work-${count++}`);
  mkdirSync(path);
  return path;
}

describe('normalizeWheel', () => {
  const files = { 'demo/__init__.py': 'x = 1\n'.repeat(50), 'demo/tool': { content: '#!/bin/sh\n', mode: 0o100755 } };
  const normalized = async (bytes: Buffer) => {
    const path = join(aDirectory(), 'demo-1.0-py3-none-any.whl');
    writeFileSync(path, bytes);
    const blob = await normalizeWheel(path, context.store);
    return { ...blob, path: context.store.blobPath(blob.sha256) };
  };

  it('gives the same bytes whatever tool packed the same files', async () => {
    const { bytes } = aWheelFile({ files });
    const plain = await normalized(bytes);
    const directory = aDirectory();
    const before = join(directory, 'demo.whl');
    writeFileSync(before, bytes);
    // Python's zipfile: another order, other times, other modes, another compression, another RECORD.
    const repack = `
import sys, zipfile
old = zipfile.ZipFile(sys.argv[1])
with zipfile.ZipFile(sys.argv[2], "w", zipfile.ZIP_STORED) as new:
    for item in reversed(old.infolist()):
        data = old.read(item)
        if item.filename.endswith("RECORD"): data = b"\\n".join(sorted(data.split(b"\\n")))
        info = zipfile.ZipInfo(item.filename, (2020, 2, 3, 4, 5, 6))
        info.external_attr = (0o100777 if item.filename.endswith("tool") else 0o100600) << 16
        new.writestr(info, data)
`;
    execFileSync('python3', ['-c', repack, before, join(directory, 'other.whl')]);
    const other = await normalized(readFileSync(join(directory, 'other.whl')));
    expect(other.sha256).toBe(plain.sha256);
  });

  it('is a wheel that Python reads, with a RECORD that holds', async () => {
    const { path } = await normalized(aWheelFile({ files }).bytes);
    const check = `
import base64, csv, hashlib, io, sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
assert wheel.testzip() is None
rows = {row[0]: row[1] for row in csv.reader(io.StringIO(wheel.read("demo-1.0.dist-info/RECORD").decode()))}
assert sorted(rows) == sorted(wheel.namelist()), rows
for name, value in rows.items():
    if value: assert value == "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(wheel.read(name)).digest()).rstrip(b"=").decode()
print([oct(item.external_attr >> 16) for item in wheel.infolist() if item.filename.startswith("demo/")])
`;
    expect(execFileSync('python3', ['-c', check, path], { encoding: 'utf8' })).toBe("['0o100644', '0o100755']\n");
  });

  it('refuses what is no wheel', async () => {
    await expect(normalized(aZip([{ name: 'a', content: 'b' }]))).rejects.toMatchObject({
      code: 'COGPLAN_WHEEL_INVALID',
    });
  });
});

describe('unpackSource', () => {
  async function aTar(entries: Readonly<Record<string, string>>, links: Readonly<Record<string, string>> = {}) {
    const packer = pack();
    for (const [name, linkname] of Object.entries(links)) packer.entry({ name, type: 'symlink', linkname });
    for (const [name, text] of Object.entries(entries)) packer.entry({ name, mtime: new Date() }, text);
    packer.finalize();
    return gzipSync(await buffer(packer));
  }
  const unpack = async (bytes: Buffer, subdirectory?: string) => {
    const { sha256, size } = await context.store.put(bytes);
    const file = { url: 'https://a.test/demo-1.0.tar.gz', sha256, size };
    const source = { kind: 'archive', file, ...(subdirectory === undefined ? {} : { subdirectory }) } as const;
    return unpackSource(context, { source, what: 'demo 1.0' }, aDirectory());
  };

  it('gives the one directory of an archive, with one time for all of it', async () => {
    const project = await unpack(await aTar({ 'demo-1.0/setup.py': 'a', 'demo-1.0/x/y.c': 'b' }));
    expect(readFileSync(join(project, 'setup.py'), 'utf8')).toBe('a');
    expect(statSync(join(project, 'x/y.c')).mtimeMs).toBe(315_532_801_000);
    expect(statSync(project).mtimeMs).toBe(315_532_801_000);
  });

  it('takes zips, and a subdirectory', async () => {
    const zip = aZip([
      { name: 'demo-main/python/setup.py', content: 'a' },
      { name: 'demo-main/README', content: 'b' },
    ]);
    const project = await unpack(zip, 'python');
    expect(readFileSync(join(project, 'setup.py'), 'utf8')).toBe('a');
  });

  it.each<[string, () => Promise<Buffer>, string, string?]>([
    ['what is no archive', async () => Buffer.from('<html>'), 'COGPLAN_BUILD_SOURCE'],
    ['a missing subdirectory', () => aTar({ 'd/setup.py': '' }), 'COGPLAN_BUILD_SOURCE', 'python'],
    ['a subdirectory above', () => aTar({ 'd/setup.py': '' }), 'COGPLAN_BUILD_SOURCE', '../..'],
    [
      'a subdirectory that is a link',
      () => aTar({ 'd/setup.py': '' }, { 'd/python': '/etc' }),
      'COGPLAN_BUILD_SOURCE',
      'python',
    ],
    ['a path that leads out', () => aTar({ '../setup.py': '' }), 'COGPLAN_ARCHIVE_INVALID'],
    ['a way through a link', () => aTar({ 'd/etc/x': '' }, { 'd/etc': '/etc' }), 'COGPLAN_ARCHIVE_INVALID'],
    ['a zip that leads out', async () => aZip([{ name: '../x', content: '' }]), 'COGPLAN_ZIP_INVALID'],
  ])('refuses %s', async (_name, bytes, code, subdirectory) => {
    await expect(unpack(await bytes(), subdirectory)).rejects.toMatchObject({ code });
  });
});

describe('packTree', () => {
  it('refuses a link that leads out of the tree', async () => {
    const directory = aDirectory();
    symlinkSync('../secret', join(directory, 'link'));
    await expect(packTree(context, { directory, what: 'demo' })).rejects.toMatchObject({
      code: 'COGPLAN_BUILD_SOURCE',
    });
  });
});

describe('readBuildSystem', () => {
  const read = (files: Readonly<Record<string, string>>) => {
    const directory = aDirectory();
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    return readBuildSystem(directory, 'demo');
  };

  it('takes setuptools where nothing is said', () => {
    expect(read({ 'setup.py': '' })).toEqual({
      requires: ['setuptools', 'wheel'],
      backend: 'setuptools.build_meta:__legacy__',
      backendPath: [],
      legacy: true,
    });
    expect(read({ 'pyproject.toml': '[tool.black]\n' })).toMatchObject({ legacy: true });
  });

  it('takes what pyproject.toml says', () => {
    const text =
      '[build-system]\nrequires = ["flit_core<4"]\nbuild-backend = "flit_core.buildapi"\nbackend-path = ["."]\n';
    expect(read({ 'pyproject.toml': text })).toEqual({
      requires: ['flit_core<4'],
      backend: 'flit_core.buildapi',
      backendPath: ['.'],
      legacy: false,
    });
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    ['nothing', {}],
    ['broken TOML', { 'pyproject.toml': '[build-system' }],
    ['a table of another shape', { 'pyproject.toml': '[build-system]\nrequires = 3\n' }],
    ['a backend outside', { 'pyproject.toml': '[build-system]\nrequires = []\nbackend-path = ["../x"]\n' }],
  ])('refuses %s', (_name, files) => {
    expect(() => read(files)).toThrowError(expect.objectContaining({ code: 'COGPLAN_BUILD_SOURCE' }));
  });
});

it('the reader of zips reads what was packed', async () => {
  const path = join(aDirectory(), 'demo-1.0-py3-none-any.whl');
  writeFileSync(path, aWheelFile().bytes);
  const { sha256 } = await normalizeWheel(path, context.store);
  const names = withZipFile(context.store.blobPath(sha256), (zip) => zip.entries.map(({ name }) => name));
  expect(names).toEqual(['demo-1.0.dist-info/METADATA', 'demo-1.0.dist-info/WHEEL', 'demo-1.0.dist-info/RECORD']);
});
