import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { directory, file, type LayerMember, layerTar, symlink } from '../../../test/builders/registry-image.ts';
import { openBaseTree } from './base-tree.ts';
import { type ProbedBase, probeBase } from './probe-base.ts';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'probe-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

function probe(layers: readonly (readonly LayerMember[])[], env: readonly string[] = [], python = '3.10'): ProbedBase {
  const tars = layers.map((members, index) => {
    const path = join(scratch, `${index}.tar`);
    writeFileSync(path, layerTar(members));
    return { file: path, what: `layer ${index + 1}` };
  });
  return probeBase({ tree: openBaseTree(tars), image: 'the base', env, architecture: 'amd64', python });
}

const glibc = (version: string, place = 'usr/lib/x86_64-linux-gnu') => [
  file(`${place}/libc-${version}.so`, `\0GNU C Library (Some GLIBC) stable release version ${version}.\n\0`),
  symlink(`${place}/libc.so.6`, `libc-${version}.so`),
];
const merged = ['bin', 'lib', 'lib64', 'sbin'].map((name) => symlink(name, `usr/${name}`));
const release = file('usr/lib/os-release', 'ID=ubuntu\nVERSION_ID="22.04"\nVERSION_CODENAME=jammy\nNAME="$(x)"\n');
const status = [
  'Package: libc6\nStatus: install ok installed\nVersion: 2.35-0ubuntu3\nArchitecture: amd64\n',
  'Package: python3.10-minimal\nStatus: install ok installed\nVersion: 3.10.12-1~22.04\nArchitecture: amd64\n',
].join('\n');
const ubuntu = [
  ...merged,
  release,
  symlink('etc/os-release', '../usr/lib/os-release'),
  ...glibc('2.35'),
  file('var/lib/dpkg/status', status),
  file('usr/bin/python3.10', 'ELF', 0o755),
];

describe('what a base has', () => {
  test('Ubuntu with its own Python', () => {
    expect(probe([ubuntu])).toEqual({
      facts: {
        distribution: 'ubuntu',
        release: '22.04',
        suite: 'jammy',
        glibc: '2.35',
        mergedUsr: true,
        packages: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
      installed: [expect.objectContaining({ name: 'libc6' }), expect.objectContaining({ name: 'python3.10-minimal' })],
      interpreter: {
        version: '3.10.12',
        path: '/usr/bin/python3.10',
        modules: 'usr/local/lib/python3.10/dist-packages',
      },
      pythons: ['3.10'],
    });
  });

  test('an interpreter below /usr/local, told by its header', () => {
    const python = [
      file('usr/local/bin/python3.12', 'ELF', 0o755),
      symlink('usr/local/bin/python', 'python3'),
      symlink('usr/local/bin/python3', 'python3.12'),
      file('usr/local/include/python3.12/patchlevel.h', '#define PY_VERSION             "3.12.4"\n'),
    ];
    const { interpreter, facts } = probe([ubuntu, python], [], '3.12');
    expect(interpreter).toEqual({
      version: '3.12.4',
      path: '/usr/local/bin/python3.12',
      modules: 'usr/local/lib/python3.12/site-packages',
    });
    expect(facts.python).toBe(true);
  });

  test('conda on the PATH of the config', () => {
    const conda = [
      file('opt/conda/bin/python3.11', 'ELF', 0o755),
      file('opt/conda/conda-meta/python-3.11.9-h1_0.json', '{}'),
    ];
    expect(probe([ubuntu, conda], ['PATH=/opt/conda/bin:/usr/bin'], '3.11').interpreter).toEqual({
      version: '3.11.9',
      path: '/opt/conda/bin/python3.11',
      modules: 'opt/conda/lib/python3.11/site-packages',
    });
  });

  test('a distribution without dpkg, with an init program', () => {
    const rocky = [
      file('etc/os-release', 'ID="rocky"\nVERSION_ID="9.4"\n'),
      ...glibc('2.34', 'usr/lib64'),
      file('usr/bin/tini', 'ELF', 0o755),
      file('usr/bin/python3.9', 'ELF', 0o755),
      file('usr/include/python3.9/patchlevel.h', '#define PY_VERSION "3.9.18"'),
    ];
    const { facts, interpreter, installed } = probe([rocky], [], '3.9');
    expect(facts).toEqual({
      distribution: 'rocky',
      release: '9.4',
      glibc: '2.34',
      mergedUsr: false,
      init: '/usr/bin/tini',
    });
    expect(interpreter?.modules).toBe('usr/local/lib/python3.9/site-packages');
    expect(installed).toEqual([]);
  });

  test('a distroless package database, and a file that is no program', () => {
    const distroless = [
      file('etc/os-release', 'ID=debian\nVERSION_ID="12"\n'),
      ...glibc('2.36'),
      file('var/lib/dpkg/status.d/libc6', 'Package: libc6\nVersion: 2.36\nArchitecture: amd64\n'),
      file('var/lib/dpkg/status.d/libc6.md5sums', 'x'),
      file('usr/bin/python3.10', 'text', 0o644),
    ];
    expect(probe([distroless])).toMatchObject({ installed: [{ name: 'libc6' }], interpreter: undefined });
  });

  test('whiteouts take away what lower layers have', () => {
    const removal = [directory('usr'), directory('usr/bin'), file('usr/bin/.wh.python3.10', '')];
    expect(probe([ubuntu, removal])).toMatchObject({ interpreter: undefined, pythons: [] });
    const opaque = [
      directory('var'),
      directory('var/lib'),
      directory('var/lib/dpkg'),
      file('var/lib/dpkg/.wh..wh..opq', ''),
    ];
    expect(probe([ubuntu, opaque]).facts.packages).toBeUndefined();
  });

  test('links that lead out, and in circles, lead nowhere', () => {
    const links = [
      symlink('etc/os-release', '../../../../../../etc/passwd'),
      symlink('usr/bin/python3.9', 'python3.9'),
    ];
    expect(probe([[...merged, ...glibc('2.31'), ...links]], [], '3.9')).toMatchObject({
      facts: { distribution: 'unknown' },
      interpreter: undefined,
    });
  });
});

describe('refused', () => {
  test('musl, and no libc at all', () => {
    expect(() => probe([[file('lib/ld-musl-x86_64.so.1', 'ELF')]])).toThrowError(
      expect.objectContaining({ code: 'COGPLAN_BASE_UNUSABLE', message: expect.stringContaining('musl') }),
    );
    expect(() => probe([[file('x', 'y')]])).toThrowError(expect.objectContaining({ code: 'COGPLAN_BASE_UNUSABLE' }));
  });

  test.each([
    ['a path that leaves the tree', [file('../x', 'y')], 'COGPLAN_ARCHIVE_INVALID'],
    ['a whiteout that leaves the tree', [file('../.wh.x', '')], 'COGPLAN_ARCHIVE_INVALID'],
    ['a file below a link', [symlink('opt', '/etc'), file('opt/x', 'y')], 'COGPLAN_ARCHIVE_INVALID'],
  ])('%s', (_, members, code) => {
    expect(() => probe([ubuntu, members])).toThrowError(expect.objectContaining({ code }));
  });

  test('a file below a link of a lower layer', () => {
    expect(() => probe([[...ubuntu, symlink('opt', 'etc')], [file('opt/x', 'y')]])).toThrowError(
      expect.objectContaining({ code: 'COGPLAN_ROOT_UNSAFE' }),
    );
  });
});
