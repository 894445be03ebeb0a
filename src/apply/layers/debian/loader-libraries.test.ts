import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ConfiguredTree } from './configured-tree.ts';
import { readSharedObject } from './elf.ts';
import { compareLibraries } from './loader-cache.ts';
import { writeLoaderCache } from './loader-libraries.ts';

const scratch = mkdtempSync(join(tmpdir(), 'loader-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** The smallest x86-64 shared object that ldconfig reads: one segment with everything, a dynamic section, its strings. */
function sharedObject(soname: string | undefined, needed: readonly string[] = ['libc.so.6']): Buffer {
  const strings = Buffer.from(`\0${[...needed, soname ?? ''].join('\0')}\0`);
  const at = (text: string) => BigInt(strings.indexOf(`\0${text}\0`) + 1);
  const dynamic: (readonly [bigint, bigint])[] = needed.map((name) => [1n, at(name)]);
  if (soname !== undefined) dynamic.push([14n, at(soname)]);
  const dynamicOffset = 64 + 2 * 56;
  const dynamicSize = 16 * (dynamic.length + 3);
  const stringsOffset = dynamicOffset + dynamicSize;
  dynamic.push([5n, BigInt(stringsOffset)], [10n, BigInt(strings.length)], [0n, 0n]);
  const file = Buffer.alloc(stringsOffset + strings.length);
  file.write('\x7fELF\x02\x01\x01', 'latin1');
  file.writeUInt16LE(3, 16);
  file.writeUInt16LE(62, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(2, 56);
  const segment = (index: number, type: number, offset: number, size: number) => {
    const start = 64 + 56 * index;
    file.writeUInt32LE(type, start);
    file.writeUInt32LE(5, start + 4);
    for (const field of [8, 16, 24]) file.writeBigUInt64LE(BigInt(offset), start + field);
    file.writeBigUInt64LE(BigInt(size), start + 32);
    file.writeBigUInt64LE(BigInt(size), start + 40);
    file.writeBigUInt64LE(8n, start + 48);
  };
  segment(0, 1, 0, file.length);
  segment(1, 2, dynamicOffset, dynamicSize);
  for (const [index, [tag, value]] of dynamic.entries()) {
    file.writeBigUInt64LE(tag, dynamicOffset + 16 * index);
    file.writeBigUInt64LE(value, dynamicOffset + 16 * index + 8);
  }
  strings.copy(file, stringsOffset);
  return file;
}

type Content = Buffer | string | { readonly link: string };

const LIBRARIES: Readonly<Record<string, Content>> = {
  'etc/ld.so.conf': 'include /etc/ld.so.conf.d/*.conf\n',
  'etc/ld.so.conf.d/libc.conf': '# libc default configuration\n/usr/local/lib\n',
  'etc/ld.so.conf.d/x86_64-linux-gnu.conf': '/usr/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu\n',
  'etc/ld.so.conf.d/README': '/not/read\n',
  lib: { link: 'usr/lib' },
  'usr/local/lib/liblocal.so.1': sharedObject('liblocal.so.1'),
  'usr/local/lib/libz.so.1': sharedObject('libz.so.1'),
  'usr/lib/x86_64-linux-gnu/libz.so.1.2.13': sharedObject('libz.so.1'),
  'usr/lib/x86_64-linux-gnu/libz.so.1': { link: 'libz.so.1.2.13' },
  'usr/lib/x86_64-linux-gnu/libz.so': { link: 'libz.so.1.2.13' },
  'usr/lib/x86_64-linux-gnu/libfoo.so.10.2': sharedObject('libfoo.so.10'),
  'usr/lib/x86_64-linux-gnu/libfoo.so.9.1': sharedObject('libfoo.so.9'),
  'usr/lib/x86_64-linux-gnu/libmiss.so.3.0.0': sharedObject('libmiss.so.3'),
  'usr/lib/x86_64-linux-gnu/libnoname.so': sharedObject(undefined),
  'usr/lib/x86_64-linux-gnu/libother.so': { link: 'libimpl-2.so' },
  'usr/lib/x86_64-linux-gnu/libimpl-2.so': sharedObject('libimpl-2.so'),
  'usr/lib/x86_64-linux-gnu/libbar.so.1': sharedObject('libbar.so.1', []),
  'usr/lib/x86_64-linux-gnu/libc.so': '/* GNU ld script */\n',
  'usr/lib/x86_64-linux-gnu/libdead.so.1': { link: 'gone' },
  'usr/lib/x86_64-linux-gnu/plugins/libplugin.so': sharedObject('libplugin.so'),
  'usr/lib/libplain.so.2': sharedObject('libplain.so.2'),
  'usr/lib/ld-linux-x86-64.so.2': sharedObject('ld-linux-x86-64.so.2', []),
  'usr/lib/notalib.txt': 'x',
};

function treeOf(files: Readonly<Record<string, Content>>): ConfiguredTree {
  const tree = new ConfiguredTree(new Map());
  for (const [path, content] of Object.entries(files)) {
    if (path.includes('/')) tree.makeDirectory(dirname(path), { parents: true });
    if (typeof content === 'string' || Buffer.isBuffer(content)) tree.write(path, content);
    else tree.link(path, content.link, true);
  }
  return tree;
}

function writeTo(root: string, files: Readonly<Record<string, Content>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    if (typeof content === 'string' || Buffer.isBuffer(content)) writeFileSync(join(root, path), content);
    else symlinkSync(content.link, join(root, path));
  }
}

/** The package version of the host's glibc where its ldconfig writes what the tests compare with. */
function hostGlibc(): string | undefined {
  try {
    const line = execFileSync('/sbin/ldconfig', ['--version']).toString().split('\n')[0] ?? '';
    const version = /^ldconfig \(Debian GLIBC (\S+)\) \d/.exec(line)?.[1];
    return process.arch === 'x64' && Number(version?.split(/[.-]/)[1]) >= 33 ? version : undefined;
  } catch {
    return undefined;
  }
}

const glibc = hostGlibc();

describe('the ldconfig of this Debian machine', () => {
  test('is one whose version is known', () => {
    expect(glibc).toMatch(/^2\./);
  });

  test('writes the same cache and the same links', () => {
    const root = join(scratch, 'root');
    writeTo(root, { ...LIBRARIES, 'var/cache/ldconfig/.keep': '' });
    // ldconfig unlinks nothing, but prints what it cannot read.
    execFileSync('/sbin/ldconfig', ['-r', root], { stdio: 'ignore' });
    const tree = treeOf(LIBRARIES);
    writeLoaderCache(tree, 'amd64', glibc ?? '');
    for (const link of ['libmiss.so.3', 'libfoo.so.10', 'libfoo.so.9']) {
      const path = `usr/lib/x86_64-linux-gnu/${link}`;
      expect(tree.get(path)?.target).toBe(readlinkSync(join(root, path)));
    }
    const ours = tree.read('/etc/ld.so.cache') ?? Buffer.alloc(0);
    expect(ours.toString('latin1')).toBe(readFileSync(join(root, 'etc/ld.so.cache')).toString('latin1'));
  });
});

describe('the loader cache', () => {
  test('does not depend on the order of files', () => {
    const caches = [Object.entries(LIBRARIES), Object.entries(LIBRARIES).reverse()].map((entries) => {
      const links = entries.filter(([path]) => path === 'lib');
      const tree = treeOf(Object.fromEntries([...links, ...entries]));
      writeLoaderCache(tree, 'amd64', '2.36-9');
      return tree.read('/etc/ld.so.cache')?.toString('hex');
    });
    expect(caches[0]).toBe(caches[1]);
  });

  test('of an older glibc has no extension', () => {
    const tree = treeOf(LIBRARIES);
    writeLoaderCache(tree, 'amd64', '2.31-13+deb11u11');
    const cache = tree.read('/etc/ld.so.cache') ?? Buffer.alloc(0);
    expect(cache.readUInt32LE(32)).toBe(0);
    expect(cache.includes('ldconfig (Debian')).toBe(false);
  });

  test('leaves out libraries of other machines', () => {
    const tree = treeOf(LIBRARIES);
    writeLoaderCache(tree, 'arm64', '2.36-9');
    expect(tree.read('/etc/ld.so.cache')?.readUInt32LE(20)).toBe(0);
  });
});

test.each([
  ['libfoo.so.10', 'libfoo.so.9', 1],
  ['libfoo.so.1', 'libfoo.so.1.0', -1],
  ['liba.so', 'libb.so', -1],
  ['lib1.so', 'liba.so', 1],
  ['x', 'x', 0],
])('%s against %s', (a, b, sign) => {
  expect(Math.sign(compareLibraries(a, b))).toBe(sign);
  expect(Math.sign(compareLibraries(b, a))).toBe(sign === 0 ? 0 : -sign);
});

test('broken objects are no libraries, and do not fail', () => {
  const whole = sharedObject('libz.so.1');
  const read = (file: Buffer) => readSharedObject((offset, length) => file.subarray(offset, offset + length));
  expect(read(whole)).toMatchObject({ soname: 'libz.so.1', needed: ['libc.so.6'], machine: 62, is64: true });
  for (let length = 0; length < whole.length; length += 7) read(whole.subarray(0, length));
  for (const position of [32, 54, 56, 64 + 8, 64 + 56 + 8, 64 + 56 + 32]) {
    const broken = Buffer.from(whole);
    broken.fill(0xff, position, position + 2);
    expect(read(broken)?.soname ?? '').not.toContain('\0');
  }
});
