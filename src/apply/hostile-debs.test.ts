import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { aContext, type TestContext } from '../../test/builders/context.ts';
import { makeAr } from '../../test/servers/debian-archive.ts';
import type { Sha256 } from '../digest.ts';
import { runJob } from './worker-job.ts';

/* .debs that mean harm, put into a layer the way every .deb is: refused by name, with nothing written outside the store and no layer in it. */

let context: TestContext;
beforeEach(async () => {
  context = await aContext();
});
afterEach(() => context.dispose());

type Entry = readonly [header: Parameters<ReturnType<typeof pack>['entry']>[0], content?: string];

async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const stream = pack();
  for (const [header, content] of entries) stream.entry(header, content ?? '');
  stream.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function debOf(data: Buffer, name = 'data.tar.gz'): Promise<Sha256> {
  const control = await tarOf([[{ name: './control' }, 'Package: evil\nVersion: 1\nArchitecture: amd64\n']]);
  const bytes = makeAr([
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar.gz', gzipSync(control)],
    [name, data],
  ]);
  return (await context.store.put(bytes)).sha256;
}

async function build(sha256: Sha256): Promise<unknown> {
  const deb = { name: 'evil', version: '1', architecture: 'amd64', sha256 };
  const recipe = { kind: 'debs', assembler: 1, architecture: 'amd64', root: true, debs: [deb], below: [] } as const;
  const environment = { store: context.store, inflatedDirectory: undefined, warn: () => {} };
  return runJob({ kind: 'layer', recipe }, environment);
}

async function blobs(): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { sha256 } of context.store.list()) names.push(sha256);
  return names;
}

const OUTSIDE = `cogplan-hostile-${process.pid}`;
const absolute = join(tmpdir(), OUTSIDE);
const up = `./${'../'.repeat(24)}${absolute.slice(1)}`;

test.each<[string, readonly Entry[], string]>([
  ['a path upwards', [[{ name: up }, 'x']], 'COGPLAN_ARCHIVE_INVALID'],
  ['an absolute path', [[{ name: absolute }, 'x']], 'COGPLAN_ARCHIVE_INVALID'],
  [
    'a hard link upwards',
    [[{ name: './usr/x', type: 'link', linkname: '../../etc/passwd' }]],
    'COGPLAN_ARCHIVE_INVALID',
  ],
  ['an absolute hard link', [[{ name: './usr/x', type: 'link', linkname: '/etc/passwd' }]], 'COGPLAN_ARCHIVE_INVALID'],
  [
    'a character device',
    [[{ name: './dev/mem', type: 'character-device', devmajor: 1, devminor: 1 }]],
    'COGPLAN_ARCHIVE_INVALID',
  ],
  [
    'a block device',
    [[{ name: './dev/sda', type: 'block-device', devmajor: 8, devminor: 0 }]],
    'COGPLAN_ARCHIVE_INVALID',
  ],
  ['a pipe', [[{ name: './run/pipe', type: 'fifo' }]], 'COGPLAN_ARCHIVE_INVALID'],
  [
    'a file below a link of its own',
    [[{ name: './opt/way', type: 'symlink', linkname: tmpdir() }], [{ name: `./opt/way/${OUTSIDE}` }, 'x']],
    'COGPLAN_ARCHIVE_INVALID',
  ],
])('%s is refused', async (_, entries, code) => {
  const sha256 = await debOf(gzipSync(await tarOf(entries)));
  await expect(build(sha256)).rejects.toMatchObject({ code });
  expect(existsSync(absolute)).toBe(false);
  expect(await blobs()).toEqual([sha256]);
  // Nothing but the places that this process works in.
  const left = readdirSync(join(context.store.root, 'tmp'), { recursive: true, withFileTypes: true });
  expect(left.filter((entry) => entry.isFile())).toEqual([]);
});

test.each([
  ['xz', ['xz', '-0']],
  ['zst', ['zstd', '-1']],
  ['gz', ['gzip', '-9']],
] as const)('a bomb of %s is stopped long before it fills the disk, and leaves nothing', async (suffix, command) => {
  const bomb = execFileSync('sh', ['-c', `head -c 150000000 /dev/zero | ${command.join(' ')} -c`], {
    maxBuffer: 16 * 1024 * 1024,
  });
  const sha256 = await debOf(bomb, `data.tar.${suffix}`);
  await expect(build(sha256)).rejects.toMatchObject({ code: 'COGPLAN_ARCHIVE_TOO_LARGE' });
  expect(await blobs()).toEqual([sha256]);
  const left = execFileSync('du', ['-s', '--block-size=1', context.store.root], { encoding: 'utf8' });
  expect(Number.parseInt(left, 10)).toBeLessThan(5_000_000);
});
