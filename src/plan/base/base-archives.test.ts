import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { file, type LayerMember, layerTar } from '../../../test/builders/registry-image.ts';
import { makeKey } from '../../../test/servers/debian-archive.ts';
import type { BaseFacts } from '../../lock/schema.generated.ts';
import { baseArchives } from './base-archives.ts';
import { openBaseTree } from './base-tree.ts';

let scratch: string;
let context: TestContext;
beforeEach(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'base-archives-'));
  context = await aContext();
});
afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
  context.dispose();
});

const facts: BaseFacts = { distribution: 'ubuntu', release: '22.04', suite: 'jammy', glibc: '2.35', mergedUsr: true };

async function archivesOf(members: readonly LayerMember[], change: Partial<BaseFacts> = {}) {
  const path = join(scratch, 'base.tar');
  writeFileSync(path, layerTar(members));
  const tree = openBaseTree([{ file: path, what: 'the base' }]);
  const found = await baseArchives(context, tree, { facts: { ...facts, ...change }, architecture: 'amd64' });
  return found.map(({ url, suite, component, keys, key }) => ({
    source: [url, suite, component].join(' '),
    signers: keys.map(({ fingerprint }) => fingerprint),
    key: key?.url,
  }));
}

test('lines and stanzas, each with the keys that the base trusts for it', async () => {
  const [common, own] = [await makeKey(), await makeKey()];
  const found = await archivesOf([
    file(
      'etc/apt/sources.list',
      [
        '# deb http://no.example/x y z',
        'deb http://archive.example/ubuntu/ jammy main universe # why',
        'deb-src http://archive.example/ubuntu/ jammy main',
        'deb [arch=arm64] http://ports.example/ubuntu jammy main',
        'deb [signed-by=/usr/share/keyrings/cuda.gpg arch=amd64] https://cuda.example/repos/ubuntu2204/x86_64 /',
        'deb [signed-by=/nowhere.gpg] https://unknown.example/x jammy main',
        'deb cdrom:[Ubuntu]/ jammy main',
      ].join('\n'),
    ),
    file(
      'etc/apt/sources.list.d/security.sources',
      'Types: deb deb-src\nURIs: http://security.example/ubuntu\nSuites: jammy-security\nComponents: main\n',
    ),
    file('etc/apt/sources.list.d/off.sources', 'Types: deb\nEnabled: no\nURIs: http://off.example\nSuites: x\n'),
    file('etc/apt/trusted.gpg.d/ubuntu.asc', common.armored),
    file('usr/share/keyrings/cuda.gpg', own.armored),
  ]);
  const ofCommon = { signers: [common.fingerprint], key: 'base:/etc/apt/trusted.gpg.d/ubuntu.asc' };
  expect(found).toEqual([
    { source: 'http://archive.example/ubuntu jammy main', ...ofCommon },
    { source: 'http://archive.example/ubuntu jammy universe', ...ofCommon },
    {
      source: 'https://cuda.example/repos/ubuntu2204/x86_64 / ',
      signers: [own.fingerprint],
      key: 'base:/usr/share/keyrings/cuda.gpg',
    },
    { source: 'http://security.example/ubuntu jammy-security main', ...ofCommon },
  ]);
});

test("a base of Debian has Debian's archives, whatever it says", async () => {
  const found = await archivesOf([file('x', 'y')], { distribution: 'debian', suite: 'bookworm' });
  expect(found.map(({ source }) => source)).toEqual([
    'https://deb.debian.org/debian bookworm main',
    'https://deb.debian.org/debian bookworm-updates main',
    'https://deb.debian.org/debian-security bookworm-security main',
  ]);
});

test('a key that is none stops', async () => {
  const members = [
    file('etc/apt/sources.list', 'deb http://a.example x main'),
    file('etc/apt/trusted.gpg.d/a.gpg', 'no'),
  ];
  await expect(archivesOf(members)).rejects.toMatchObject({ code: 'COGPLAN_ARCHIVE_KEY' });
});
