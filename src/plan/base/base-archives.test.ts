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

test('Ubuntu’s own archives have the keys that cogplan brings, and newer ones of the base where it has some', async () => {
  const lists = [
    'deb http://archive.ubuntu.com/ubuntu noble main restricted',
    'deb http://de.archive.ubuntu.com/ubuntu/ noble-updates main',
    'deb http://ports.ubuntu.com/ubuntu-ports/ noble-security main',
    'deb http://archive.ubuntu.com.evil.example/ubuntu noble main',
    'deb https://ppa.example/x noble main',
  ].join('\n');
  const ppa = await makeKey();
  const members = [
    file('etc/apt/sources.list', lists),
    file('etc/apt/trusted.gpg.d/ppa.asc', ppa.armored),
    file('etc/apt/trusted.gpg', ''),
  ];
  const signers = ['790BC7277767219C42C86F933B4FE6ACC0B21F32', 'F6ECB3762474EDA9D21B7022871920D1991BC93C'];
  const ofPpa = { signers: [ppa.fingerprint], key: 'base:/etc/apt/trusted.gpg.d/ppa.asc' };
  const others = [
    { source: 'http://archive.ubuntu.com.evil.example/ubuntu noble main', ...ofPpa },
    { source: 'https://ppa.example/x noble main', ...ofPpa },
  ];
  const sources = [
    'http://archive.ubuntu.com/ubuntu noble main',
    'http://archive.ubuntu.com/ubuntu noble restricted',
    'http://de.archive.ubuntu.com/ubuntu noble-updates main',
    'http://ports.ubuntu.com/ubuntu-ports noble-security main',
  ];
  expect(await archivesOf(members)).toEqual([
    ...sources.map((source) => ({ source, signers, key: undefined })),
    ...others,
  ]);
  // Without any key of its own.
  expect(await archivesOf([file('etc/apt/sources.list', lists)])).toEqual(
    sources.map((source) => ({ source, signers, key: undefined })),
  );
  const renewed = await makeKey(undefined, undefined, 'Ubuntu Archive Automatic Signing Key (2030)');
  const found = await archivesOf([...members.slice(0, 1), file('etc/apt/trusted.gpg.d/new.asc', renewed.armored)]);
  expect(found[0]).toEqual({
    source: sources[0],
    signers: [renewed.fingerprint],
    key: 'base:/etc/apt/trusted.gpg.d/new.asc',
  });
});

test('a key may stand in the list itself, and be one of several by its fingerprint', async () => {
  const [inside, one, two] = [await makeKey(), await makeKey(), await makeKey()];
  const indented = inside.armored
    .trim()
    .split(/\r?\n/)
    .map((line) => ` ${line === '' ? '.' : line}`)
    .join('\n');
  const found = await archivesOf([
    file(
      'etc/apt/sources.list.d/inline.sources',
      `Types: deb\nURIs: https://inline.example/x\nSuites: jammy\nComponents: main\nSigned-By:\n${indented}\n`,
    ),
    file(
      'etc/apt/sources.list.d/named.sources',
      `Types: deb\nURIs: https://named.example/x\nSuites: jammy\nComponents: main\nSigned-By: ${two.fingerprint}\n`,
    ),
    file(
      'etc/apt/sources.list.d/both.list',
      'deb [signed-by=/etc/apt/trusted.gpg.d/one.asc,/usr/share/keyrings/two.asc] https://both.example/x jammy main',
    ),
    file('etc/apt/trusted.gpg.d/one.asc', `${one.armored}\n${two.armored}`),
    file('usr/share/keyrings/two.asc', two.armored),
    // apt passes over such a file too.
    file('etc/apt/trusted.gpg.d/broken.gpg', 'no key'),
  ]);
  expect(found.map(({ source, signers }) => [source, signers])).toEqual([
    ['https://both.example/x jammy main', [one.fingerprint, two.fingerprint, two.fingerprint]],
    ['https://inline.example/x jammy main', [inside.fingerprint]],
    ['https://named.example/x jammy main', [two.fingerprint]],
  ]);
});

test('a base of Debian has its other archives and components too', async () => {
  const own = await makeKey();
  const found = await archivesOf(
    [
      file(
        'etc/apt/sources.list.d/debian.sources',
        'Types: deb\nURIs: http://deb.debian.org/debian http://ftp.de.debian.org/debian/\nSuites: bookworm bookworm-backports\nComponents: main contrib\n\nTypes: deb\nURIs: http://deb.debian.org/debian-security\nSuites: bookworm-security\nComponents: main\n',
      ),
      file(
        'etc/apt/sources.list.d/pgdg.list',
        'deb [ signed-by=/usr/share/keyrings/pgdg.asc ] https://apt.example/pub bookworm-pgdg main',
      ),
      file('usr/share/keyrings/pgdg.asc', own.armored),
    ],
    { distribution: 'debian', suite: 'bookworm' },
  );
  expect(found.map(({ source, key }) => [source, key])).toEqual([
    ['https://deb.debian.org/debian bookworm main', undefined],
    ['https://deb.debian.org/debian bookworm-updates main', undefined],
    ['https://deb.debian.org/debian-security bookworm-security main', undefined],
    ['https://apt.example/pub bookworm-pgdg main', 'base:/usr/share/keyrings/pgdg.asc'],
    ['https://deb.debian.org/debian bookworm contrib', undefined],
    ['https://deb.debian.org/debian bookworm-backports main', undefined],
    ['https://deb.debian.org/debian bookworm-backports contrib', undefined],
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
