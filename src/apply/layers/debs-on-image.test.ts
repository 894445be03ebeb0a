import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { file, type LayerMember, layerTar, symlink } from '../../../test/builders/registry-image.ts';
import { makeDeb, type TestDebInput } from '../../../test/servers/debian-archive.ts';
import { type Digest, type Sha256, sha256, toDigest } from '../../digest.ts';
import { inflateDebData } from '../../formats/debian/deb-archive.ts';
import type { DebInput } from '../recipe.ts';
import { checkEntries } from './check-entries.ts';
import { buildDebsOnImageLayer } from './debs-on-image.ts';
import type { LayerEntry } from './entry.ts';

let scratch: string;
const blobs = new Map<string, string>();
const data = new Map<string, string>();

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'on-image-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

function layer(members: readonly LayerMember[]): Digest {
  const tar = layerTar(members);
  const path = join(scratch, `${blobs.size}.tar`);
  writeFileSync(path, tar);
  blobs.set(sha256(tar), path);
  return toDigest(sha256(tar));
}

async function deb(input: TestDebInput): Promise<DebInput> {
  const { bytes } = await makeDeb(input);
  const path = join(scratch, `${blobs.size}.deb`);
  writeFileSync(path, bytes);
  blobs.set(sha256(bytes), path);
  data.set(sha256(bytes), `${path}.tar`);
  await inflateDebData(path, `${path}.tar`);
  return { name: input.name, version: input.version ?? '1', architecture: 'amd64', sha256: sha256(bytes) };
}

async function install(
  base: readonly (readonly LayerMember[])[],
  debs: readonly TestDebInput[],
): Promise<ReadonlyMap<string, LayerEntry>> {
  const entries = await buildDebsOnImageLayer(
    {
      kind: 'debs-on-image',
      assembler: 1,
      architecture: 'amd64',
      suite: 'jammy',
      base: base.map(layer),
      debs: await Promise.all(debs.map(deb)),
    },
    {
      blob: async (hash: Sha256) => blobs.get(hash) ?? '',
      debData: async (hash: Sha256) => data.get(hash) ?? '',
      scratch,
      warn: () => {},
    },
  );
  checkEntries(entries);
  return new Map(entries.map((entry) => [entry.path, entry]));
}

function text(entry: LayerEntry | undefined): string | undefined {
  return entry?.type === 'file' && entry.content.kind === 'bytes'
    ? Buffer.from(entry.content.data).toString()
    : undefined;
}

const merged = ['bin', 'lib', 'lib64', 'sbin'].map((name) => symlink(name, `usr/${name}`));
const paragraph = (name: string, version: string) =>
  `Package: ${name}\nStatus: install ok installed\nVersion: ${version}\nArchitecture: amd64\n`;
const base: readonly LayerMember[] = [
  ...merged,
  file('etc/group', 'root:x:0:\nstaff:x:50:\n'),
  file('etc/passwd', 'root:x:0:0:root:/root:/bin/bash\n'),
  file('etc/shadow', 'root:*:1::::::\n', 0o640),
  file('etc/foo.conf', 'changed by hand\n'),
  file('usr/lib/foo-old', 'old'),
  file('usr/lib/foo-common', 'old'),
  file('usr/bin/other', 'other', 0o755),
  symlink('etc/alternatives/editor', '/usr/bin/nano'),
  symlink('usr/bin/editor', '/etc/alternatives/editor'),
  file('usr/bin/nano', 'nano', 0o755),
  file('var/lib/dpkg/alternatives/editor', 'auto\n/usr/bin/editor\n\n/usr/bin/nano\n40\n\n'),
  file('var/lib/dpkg/status', [paragraph('foo', '1'), paragraph('other', '7')].join('\n')),
  file('var/lib/dpkg/info/foo.list', '/.\n/etc\n/etc/foo.conf\n/usr\n/usr/lib\n/usr/lib/foo-old\n/lib/foo-common\n'),
  file('var/lib/dpkg/info/foo.prerm', '#!/bin/sh\n', 0o755),
  file('var/lib/dpkg/info/other.list', '/.\n/usr\n/usr/bin\n/usr/bin/other\n'),
  file('var/lib/dpkg/triggers/File', '/usr/share/old foo\n/usr/share/other other\n'),
];

test('a new package, and another version of one that is there', async () => {
  const entries = await install(
    [base],
    [
      {
        name: 'foo',
        version: '2',
        files: { 'usr/lib/foo-new': 'new', 'lib/foo-common': 'new', 'etc/foo.conf': 'shipped\n' },
        scripts: { conffiles: '/etc/foo.conf\n' },
      },
      { name: 'tool', files: { 'bin/tool': 'tool' }, fields: { Description: 'a tool' } },
    ],
  );
  const paths = [...entries.keys()];
  expect(paths).toEqual(expect.arrayContaining(['usr/bin/tool', 'usr/lib/foo-new', 'usr/lib/foo-common']));
  expect(paths).toEqual(
    expect.arrayContaining(['usr/lib/.wh.foo-old', 'var/lib/dpkg/info/.wh.foo.prerm', 'var/lib/dpkg/info/tool.list']),
  );
  // What was there as configuration stays; links of the merged /usr are the base's.
  expect(paths).not.toContain('etc/foo.conf');
  expect(paths.filter((path) => ['bin', 'lib', 'sbin'].includes(path))).toEqual([]);
  const status = text(entries.get('var/lib/dpkg/status'))?.match(/^(?:Package|Version): .*$/gm);
  expect(status).toEqual(['Package: other', 'Version: 7', 'Package: foo', 'Version: 2', 'Package: tool', 'Version: 1']);
  expect(text(entries.get('var/lib/dpkg/triggers/File'))).toBe('/usr/share/other other\n');
});

test('alternatives join the groups of the base, accounts its files', async () => {
  const postinst = [
    '#!/bin/sh',
    'set -e',
    'update-alternatives --install /usr/bin/editor editor /usr/bin/vim 50',
    'if ! getent group vimmers >/dev/null; then addgroup --system vimmers; fi',
    '',
  ].join('\n');
  const entries = await install([base], [{ name: 'vim', files: { 'usr/bin/vim': 'vim' }, scripts: { postinst } }]);
  expect(entries.get('etc/alternatives/editor')).toMatchObject({ type: 'symlink', target: '/usr/bin/vim' });
  expect(text(entries.get('var/lib/dpkg/alternatives/editor'))).toBe(
    'auto\n/usr/bin/editor\n\n/usr/bin/nano\n40\n/usr/bin/vim\n50\n\n',
  );
  expect(text(entries.get('etc/group'))).toMatch(/^root:x:0:\nstaff:x:50:\nvimmers:x:\d+:\n$/);
});

test('what a whiteout of the base took away is not there', async () => {
  const gone: readonly LayerMember[] = [file('usr/bin/.wh.other', ''), file('var/lib/dpkg/info/.wh.other.list', '')];
  const entries = await install([base, gone], [{ name: 'mine', files: { 'usr/bin/other': 'mine' } }]);
  expect(entries.get('usr/bin/other')).toMatchObject({ type: 'file', origin: 'mine 1' });
});

test.each([
  ['a file of another package', { 'usr/bin/other': 'mine' }],
  ['a directory of the base', { 'usr/bin': 'a file' }],
])('%s is not overwritten', async (_, files) => {
  await expect(install([base], [{ name: 'mine', files }])).rejects.toMatchObject({ code: 'COGPLAN_DEB_CONFLICT' });
});

test('Replaces allows it', async () => {
  const entries = await install(
    [base],
    [{ name: 'mine', files: { 'usr/bin/other': 'mine' }, fields: { Replaces: 'x, other (<< 9)' } }],
  );
  expect(entries.has('usr/bin/other')).toBe(true);
});

test('a script that is not understood stops', async () => {
  const scripts = { postinst: '#!/bin/sh\nfrobnicate --all\n' };
  await expect(install([base], [{ name: 'odd', scripts }])).rejects.toMatchObject({ code: 'COGPLAN_SCRIPT_UNKNOWN' });
});
