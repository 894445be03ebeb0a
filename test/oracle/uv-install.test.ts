import { execFileSync } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildWheelsLayer } from '../../src/apply/layers/wheels.ts';
import { readWheelFile } from '../../src/apply/layers/wheels-unpack.ts';
import { sha256 } from '../../src/digest.ts';
import { thePinnedUv } from '../builders/uv.ts';
import { aWheelFile, type WheelParts } from '../builders/wheel.ts';

/*
 * What cogplan lays down of a wheel is what `uv pip install --no-deps --no-compile` does: the same paths, bytes and modes. Aside are the files that
 * every installer writes of its own: INSTALLER, RECORD, what uv notes of where a wheel came from, and the launchers of entry points, which are run instead.
 */

/** uv spells the folder of a wheel's headers in normal form; pip as the requirement does; here it is spelled as the wheel is. */
const HEADERS = ['include/site/python3.11/all-schemes/', 'include/site/python3.11/all_schemes/'] as const;

const OF_THE_INSTALLER = /\.dist-info\/(?:INSTALLER|RECORD|REQUESTED|direct_url\.json|uv_cache\.json)$/;

const printing = (text: string) =>
  `def main():\n    import sys\n    print(${JSON.stringify(text)}, *sys.argv[1:])\n    return 0\n`;
/** Bytes that do not compress, the same every time. */
const noise = (length: number) =>
  createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16)).update(Buffer.alloc(length));

const WHEELS: Readonly<Record<string, WheelParts>> = {
  pure: { name: 'pure', tags: 'py2.py3-none-any', files: { 'pure/__init__.py': 'x = 1\n', 'pure/py.typed': '' } },
  abi3: {
    name: 'abi3_lib',
    tags: 'cp37-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64',
    isPurelib: false,
    files: { 'abi3_lib/__init__.py': '', 'abi3_lib/_core.abi3.so': { content: noise(5000), mode: 0o100755 } },
  },
  manylinux: {
    name: 'many_linux',
    tags: 'cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64',
    isPurelib: false,
    files: {
      'many_linux/__init__.py': '',
      'many_linux/a.cpython-311-x86_64-linux-gnu.so': { content: noise(3000), mode: 0o100755 },
      'many_linux.libs/libz-1234abcd.so.1': { content: noise(2000), mode: 0o100555 },
    },
  },
  'data schemes': {
    name: 'all_schemes',
    files: {
      'all_schemes/__init__.py': '',
      'all_schemes-1.0.data/purelib/from_pure.py': 'a = 1\n',
      'all_schemes-1.0.data/platlib/from_plat.py': 'b = 1\n',
      'all_schemes-1.0.data/headers/nested/all.h': '#define X\n',
      'all_schemes-1.0.data/data/share/all_schemes/doc.txt': 'doc\n',
      'all_schemes-1.0.data/data/etc/all.conf': { content: 'x=1\n', mode: 0o100600 },
    },
  },
  'scripts that name python': {
    name: 'named_python',
    files: {
      'named_python/__init__.py': '',
      'named_python-1.0.data/scripts/np-plain': { content: '#!python\nprint("np-plain")\n', mode: 0o100644 },
      'named_python-1.0.data/scripts/np-options': { content: '#!python -E\nprint("np-options")\n', mode: 0o100755 },
      'named_python-1.0.data/scripts/np-windowed': { content: '#!pythonw\nprint("np-windowed")\n', mode: 0o100755 },
    },
  },
  'scripts of other kinds': {
    name: 'other_scripts',
    files: {
      'other_scripts-1.0.data/scripts/os-shell': { content: '#!/bin/sh\necho os-shell\n', mode: 0o100755 },
      'other_scripts-1.0.data/scripts/os-binary': {
        content: Buffer.concat([Buffer.from('\x7fELF'), noise(400)]),
        mode: 0o100755,
      },
      'other_scripts-1.0.data/scripts/os-empty': '',
    },
  },
  'console scripts': {
    name: 'console_lib',
    files: {
      'console_lib/__init__.py': printing('console'),
      'console_lib/deep/__init__.py': '',
      'console_lib/deep/cli.py': `class App:\n    @staticmethod\n    def start():\n        print("deep")\n`,
    },
    entryPoints: '[console_scripts]\nconsole-lib = console_lib:main\nconsole.deep = console_lib.deep.cli:App.start\n',
  },
  'gui scripts and other entry points': {
    name: 'gui_lib',
    files: { 'gui_lib.py': printing('gui') },
    entryPoints: '[other.group]\nx = gui_lib\n\n[gui_scripts]\ngui-lib = gui_lib:main [extra]\n',
  },
  'a namespace package, first part': {
    name: 'ns_first',
    files: { 'space/first.py': 'first = 1\n', 'space/sub/one.py': '' },
  },
  'a namespace package, second part': {
    name: 'ns_second',
    files: { 'space/second.py': 'second = 1\n', 'space/sub/two.py': '' },
  },
  'executable bits': {
    name: 'modes_lib',
    files: {
      'modes_lib/run.sh': { content: '#!/bin/sh\n', mode: 0o100755 },
      'modes_lib/group.sh': { content: '#!/bin/sh\n', mode: 0o100654 },
      'modes_lib/private.py': { content: '', mode: 0o100600 },
      'modes_lib/readonly.py': { content: 'x = 2\n', mode: 0o100444 },
      'modes_lib/open.py': { content: 'x = 3\n', mode: 0o100666 },
      'modes_lib/none.py': { content: 'x = 4\n', mode: 0 },
    },
  },
  'stored and deflated members': {
    name: 'packed_ways',
    files: {
      'packed_ways/stored.txt': { content: 'a'.repeat(5000), method: 0 },
      'packed_ways/deflated.txt': { content: 'b'.repeat(50_000), method: 8 },
      'packed_ways/deflated-nothing.txt': { content: '', method: 8 },
      'packed_ways/stored-noise.bin': { content: noise(70_000), method: 0 },
    },
  },
  'RECORD with sha512': { name: 'record_wide', recordHash: 'sha512', files: { 'record_wide/__init__.py': 'y = 1\n' } },
  zip64: {
    name: 'zip_wide',
    zip64: true,
    files: { 'zip_wide/__init__.py': { content: 'z = 1\n'.repeat(100), zip64: true } },
  },
  'names beyond ASCII': {
    name: 'other_names',
    files: {
      'other_names/größe.py': 'g = 1\n',
      'other_names/a b,c.txt': 'odd\n',
      'other_names/__pycache__/x.txt': 'kept\n',
    },
  },
  'more than 100 MB': {
    name: 'large_lib',
    tags: 'py3-none-manylinux_2_17_x86_64',
    isPurelib: false,
    files: { 'large_lib/__init__.py': '', 'large_lib/weights.bin': { content: noise(105_000_000), method: 0 } },
  },
};

let directory: string;
let python: string;
/** By path below the environment: mode and hash. */
let ours: ReadonlyMap<string, Installed>;
let theirs: ReadonlyMap<string, Installed>;

interface Installed {
  readonly mode: string;
  readonly sha256: string;
  readonly text: string;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-uv-install-'));
  const uv = await thePinnedUv();
  const files = [...Object.values(WHEELS).map((parts) => aWheelFile(parts)), streamedWheel()];
  const paths = files.map(({ filename, bytes }) => {
    const path = join(directory, filename);
    writeFileSync(path, bytes);
    return path;
  });
  const env = { PATH: process.env.PATH, HOME: directory, UV_CACHE_DIR: join(directory, 'cache'), UV_NO_CONFIG: '1' };
  const venv = join(directory, 'uv');
  execFileSync(uv, ['venv', '--quiet', '--no-python-downloads', '--python', '3.11', venv], { env });
  const before = new Set(listFiles(venv));
  python = join(venv, 'bin/python');
  const options = ['--no-deps', '--no-index', '--no-compile', '--offline', '--quiet', '--link-mode', 'copy'];
  execFileSync(uv, ['pip', 'install', '--python', python, ...options, ...paths], { env });
  theirs = new Map(
    listFiles(venv)
      .filter((path) => !before.has(path) && path !== '.lock')
      .map((path) => [path.replace(...HEADERS), installed(join(venv, path))]),
  );

  const own = join(directory, 'own');
  const scheme = {
    purelib: 'own/lib/python3.11/site-packages',
    platlib: 'own/lib/python3.11/site-packages',
    scripts: 'own/bin',
    headers: 'own/include/site/python3.11',
    data: 'own',
    interpreter: python,
  };
  const wheels = files.map(({ filename, bytes }) => ({ filename, sha256: sha256(bytes) }));
  const byHash = new Map(files.map(({ bytes }, at) => [sha256(bytes) as string, paths[at] ?? '']));
  const entries = await buildWheelsLayer(
    { kind: 'wheels', assembler: 1, scheme, wheels },
    {
      blob: async (hash) => byHash.get(hash) ?? '',
      debData: () => Promise.reject(new Error('no .deb')),
      scratch: directory,
      warn: (code) => {
        throw new Error(code);
      },
    },
  );
  for (const entry of entries) {
    if (entry.type !== 'file') continue;
    const path = join(directory, entry.path);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, readWheelFile(entry), { mode: entry.mode });
  }
  ours = new Map(listFiles(own).map((path) => [path, installed(join(own, path))]));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('the same paths', () => {
  const aside = (path: string): boolean => !OF_THE_INSTALLER.test(path);
  expect([...ours.keys()].filter(aside)).toEqual([...theirs.keys()].filter(aside));
  expect(ours.size).toBeGreaterThan(60);
});

test('the same bytes and modes', () => {
  const comparable = (tree: ReadonlyMap<string, Installed>) =>
    [...tree]
      .filter(([path]) => !OF_THE_INSTALLER.test(path))
      .map(
        ([path, { mode, sha256: hash }]) =>
          `${path} ${mode} ${LAUNCHERS.some(([name]) => path === `bin/${name}`) ? 'launcher' : hash}`,
      );
  expect(comparable(ours)).toEqual(comparable(theirs));
});

test('RECORD lists the same files, each with the hash and size that it has', () => {
  for (const [path, { text }] of ours) {
    if (!path.endsWith('.dist-info/RECORD')) continue;
    const rows = (of: string): readonly string[] =>
      of
        .split('\n')
        .filter((row) => row !== '')
        .sort();
    const names = (of: string) =>
      rows(of)
        .map((row) => row.replace(/,[^,]*,\d*$/, ''))
        .filter((row) => !OF_THE_INSTALLER.test(row));
    expect(names(text)).toEqual(names((theirs.get(path)?.text ?? '').replace(...HEADERS)));
    for (const row of rows(text)) {
      const [, name = '', algorithm = '', hash = '', size = ''] =
        /^"?(.*?)"?,(?:(sha\d+)=([^,]*))?,(\d*)$/.exec(row) ?? [];
      if (name.endsWith('/RECORD')) continue;
      const file = readFileSync(join(directory, 'own/lib/python3.11/site-packages', name));
      expect([name, createHash(algorithm).update(file).digest('base64url'), String(file.length)]).toEqual([
        name,
        hash,
        size,
      ]);
    }
  }
});

/** Scripts of entry points, and what they print. */
const LAUNCHERS = [
  ['console-lib', 'console a b'],
  ['console.deep', 'deep'],
  ['gui-lib', 'gui a b'],
] as const;
const SCRIPTS = [
  ...LAUNCHERS,
  ['np-plain', 'np-plain'],
  ['np-options', 'np-options'],
  ['np-windowed', 'np-windowed'],
  ['os-shell', 'os-shell'],
] as const;

describe('scripts run', () => {
  test.each(SCRIPTS)('%s', (name, text) => {
    const env = { PATH: '/usr/bin:/bin', PYTHONPATH: join(directory, 'own/lib/python3.11/site-packages') };
    const run = (tree: string) =>
      execFileSync(join(directory, tree, 'bin', name), ['a', 'b'], { env, encoding: 'utf8' }).trim();
    expect(run('own')).toBe(text);
    expect(run('uv')).toBe(text);
  });
});

/** A wheel as a program writes it to a pipe: sizes and checksums follow each member. */
function streamedWheel(): { readonly filename: string; readonly bytes: Buffer } {
  const program = fileURLToPath(new URL('streamed-wheel.py', import.meta.url));
  return {
    filename: 'streamed_lib-1.0-py3-none-any.whl',
    bytes: execFileSync('python3', [program], { maxBuffer: 1 << 24 }),
  };
}

function listFiles(root: string): readonly string[] {
  const files: string[] = [];
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    if (entry.isFile()) files.push(entry.name);
    // lib64 of an environment is a link to lib.
    if (entry.isDirectory()) files.push(...listFiles(join(root, entry.name)).map((path) => `${entry.name}/${path}`));
  }
  return files.sort();
}

function installed(path: string): Installed {
  const bytes = readFileSync(path);
  return {
    mode: (lstatSync(path).mode & 0o777).toString(8),
    sha256: sha256(bytes),
    text: bytes.length < 100_000 ? bytes.toString() : relative('/', path),
  };
}
