import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { aZip } from '../../../test/builders/zip.ts';
import { readTarBuffer } from '../../formats/archive/tar-reader.ts';
import type { FileInput, UnpackFormat } from '../recipe.ts';
import { buildFilesLayer } from './files.ts';
import { writeLayer } from './write-layer.ts';

let context: TestContext;
const place = mkdtempSync(join(tmpdir(), 'files-'));

beforeAll(async () => {
  context = await aContext();
});
afterAll(() => {
  context.dispose();
  rmSync(place, { recursive: true });
});

const store = async (data: Uint8Array) => (await context.store.put(data)).sha256;

async function layerOf(files: readonly FileInput[]) {
  const entries = await buildFilesLayer(
    { kind: 'files', assembler: 1, files, cacheTag: 'cpython-311' },
    { blob: async (sha256) => context.store.blobPath(sha256), debData: async () => '', scratch: place, warn: () => {} },
  );
  const built = await writeLayer(entries, context.store);
  const tar = readFileSync(context.store.blobPath(built.diffId));
  return readTarBuffer(tar, 'layer').map((member) => ({
    ...member,
    text: tar.subarray(member.offset, member.offset + member.size).toString(),
  }));
}

const paths = (members: readonly { readonly path: string; readonly mode: number }[]) =>
  members.map(({ path, mode }) => `${path} ${mode.toString(8)}`);

/** A small tree with an executable and a link, packed by the system's own programs. */
function archive(format: string): Buffer {
  const tree = join(place, 'tree');
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(join(tree, 'top/bin'), { recursive: true });
  writeFileSync(join(tree, 'top/bin/tool'), 'tool', { mode: 0o755 });
  symlinkSync('bin/tool', join(tree, 'top/link'));
  const filter = { 'tar.gz': '-z', 'tar.xz': '-J', 'tar.bz2': '-j', 'tar.zst': '--zstd', tar: '-h' }[format] ?? '';
  return execFileSync('tar', ['-c', filter === '-h' ? '--format=gnu' : filter, '-C', tree, 'top'], { maxBuffer: 1e8 });
}

describe('buildFilesLayer', () => {
  it('puts files, directories and links at their places, with the modes of the directories above them', async () => {
    const members = await layerOf([
      { path: 'root/.cache/x', kind: 'file', mode: 0o600, sha256: await store(Buffer.from('bytes')) },
      { path: 'usr/local/bin/y', kind: 'file', mode: 0o755, text: 'written' },
      { path: 'opt/empty', kind: 'directory', mode: 0o750 },
      { path: 'opt/link', kind: 'symlink', mode: 0, target: '/usr/local/bin/y' },
    ]);
    expect(paths(members)).toEqual([
      'opt 755',
      'opt/empty 750',
      'opt/link 777',
      'root 700',
      'root/.cache 755',
      'root/.cache/x 600',
      'usr 755',
      'usr/local 755',
      'usr/local/bin 755',
      'usr/local/bin/y 755',
    ]);
    expect(members.find(({ path }) => path.endsWith('/x'))?.text).toBe('bytes');
    expect(members.find(({ path }) => path.endsWith('/y'))?.text).toBe('written');
  });

  it('lets a later one replace an earlier one, a whole directory too', async () => {
    const members = await layerOf([
      { path: 'a/b', kind: 'file', mode: 0o644, text: 'old' },
      { path: 'a/b', kind: 'file', mode: 0o600, text: 'new' },
      { path: 'd/e', kind: 'file', mode: 0o644, text: 'gone' },
      { path: 'd', kind: 'file', mode: 0o644, text: 'file' },
    ]);
    expect(paths(members)).toEqual(['a 755', 'a/b 600', 'd 644']);
  });

  it('takes the bytecode of a replaced module away, which would be taken for it', async () => {
    const members = await layerOf([
      { path: 'usr/local/lib/python3.11/dist-packages/torch/x.py', kind: 'file', mode: 0o644, text: 'patched' },
      { path: 'src/x.py', kind: 'file', mode: 0o644, text: 'no module of the interpreter' },
    ]);
    expect(members.filter(({ path }) => path.includes('.wh.')).map(({ path }) => path)).toEqual([
      'usr/local/lib/python3.11/dist-packages/torch/__pycache__/.wh.x.cpython-311.pyc',
    ]);
  });

  it('refuses what lies below a file', async () => {
    const files: FileInput[] = [
      { path: 'a', kind: 'file', mode: 0o644, text: '' },
      { path: 'a/b', kind: 'file', mode: 0o644, text: '' },
    ];
    await expect(layerOf(files)).rejects.toMatchObject({ code: 'COGPLAN_FILES_CONFLICT', subject: '/a/b' });
  });
});

describe('unpacking', () => {
  it.each(['tar', 'tar.gz', 'tar.xz', 'tar.bz2', 'tar.zst'] as const)(
    '%s, with and without leading segments',
    async (format) => {
      const sha256 = await store(archive(format));
      const input = { path: 'opt/t', kind: 'directory', mode: 0o755, sha256 } as const;
      const whole = await layerOf([{ ...input, unpack: { format, strip: 0 } }]);
      expect(whole.map(({ path }) => path)).toEqual([
        'opt',
        'opt/t',
        'opt/t/top',
        'opt/t/top/bin',
        'opt/t/top/bin/tool',
        'opt/t/top/link',
      ]);
      const stripped = await layerOf([{ ...input, unpack: { format, strip: 1 } }]);
      expect(stripped.map(({ path, linkname, text }) => [path, linkname || text])).toEqual([
        ['opt', ''],
        ['opt/t', ''],
        ['opt/t/bin', ''],
        ['opt/t/bin/tool', 'tool'],
        ['opt/t/link', 'bin/tool'],
      ]);
      expect(stripped.find(({ path }) => path.endsWith('tool'))?.mode).toBe(0o755);
    },
  );

  it('a zip at the root of a merged /usr', async () => {
    const sha256 = await store(aZip([{ name: 'bin/ninja', content: 'n', mode: 0o100755, madeBy: 3 }]));
    const members = await layerOf([
      { path: '', kind: 'directory', mode: 0o755, sha256, unpack: { format: 'zip', strip: 0 } },
    ]);
    expect(paths(members)).toEqual(['usr 755', 'usr/bin 755', 'usr/bin/ninja 755']);
  });

  it.each(['gz', 'bz2', 'xz'] as const)('a single file by %s', async (format) => {
    const program = { gz: 'gzip', bz2: 'bzip2', xz: 'xz' }[format];
    const sha256 = await store(
      execFileSync(program, ['-zc'].slice(format === 'gz' ? 1 : 0).concat('-c'), { input: 'content' }),
    );
    const members = await layerOf([{ path: 'f', kind: 'file', mode: 0o644, sha256, unpack: { format, strip: 0 } }]);
    expect(members.map(({ path, text }) => [path, text])).toEqual([['f', 'content']]);
  });

  it.each([
    ['../escape', {}],
    ['/etc/passwd', {}],
    ['device', { type: 'character-device' as const }],
  ])('refuses an archive with %s', async (name, header) => {
    const tar = pack();
    if ('type' in header) tar.entry({ name, ...header });
    else tar.entry({ name }, 'x');
    tar.finalize();
    const parts: Buffer[] = [];
    for await (const part of tar) parts.push(part as Buffer);
    const sha256 = await store(Buffer.concat(parts));
    const files: FileInput[] = [
      { path: 'opt', kind: 'directory', mode: 0o755, sha256, unpack: { format: 'tar' as UnpackFormat, strip: 0 } },
    ];
    await expect(layerOf(files)).rejects.toMatchObject({ code: 'COGPLAN_ARCHIVE_INVALID' });
  });

  it.each([
    ['a zip that leaves its folder', [{ name: '../escape', content: 'x' }]],
    ['a zip with an absolute name', [{ name: '/etc/passwd', content: 'x' }]],
    [
      'a zip that writes through a link',
      [
        { name: 'l', content: '/etc', mode: 0o120777, madeBy: 3 },
        { name: 'l/passwd', content: 'x' },
      ],
    ],
    [
      'a zip with one name twice',
      [
        { name: 'a', content: 'x' },
        { name: 'a', content: 'y' },
      ],
    ],
  ])('refuses %s', async (_, members) => {
    const sha256 = await store(aZip(members));
    const files: FileInput[] = [
      { path: 'opt', kind: 'directory', mode: 0o755, sha256, unpack: { format: 'zip', strip: 0 } },
    ];
    await expect(layerOf(files)).rejects.toMatchObject({
      code: expect.stringMatching(/^COGPLAN_(?:ZIP|ARCHIVE)_INVALID$/),
    });
  });

  it('refuses what lies below a link of a tar, and one that is cut off', async () => {
    const tree = join(place, 'link');
    mkdirSync(join(tree, 'real'), { recursive: true });
    symlinkSync('/etc', join(tree, 'l'));
    writeFileSync(join(tree, 'real/passwd'), 'x');
    const tar = execFileSync('tar', ['-c', '-C', tree, 'l', '--transform', 's,^real,l,', 'real/passwd']);
    const files = async (data: Uint8Array, format: UnpackFormat): Promise<FileInput[]> => [
      { path: 'opt', kind: 'directory', mode: 0o755, sha256: await store(data), unpack: { format, strip: 0 } },
    ];
    await expect(layerOf(await files(tar, 'tar'))).rejects.toMatchObject({ code: 'COGPLAN_ARCHIVE_INVALID' });
    const cut = archive('tar.zst').subarray(0, -20);
    await expect(layerOf(await files(cut, 'tar.zst'))).rejects.toMatchObject({ code: 'COGPLAN_ARCHIVE_INVALID' });
  });

  it('refuses a page that is no archive', async () => {
    const sha256 = await store(Buffer.from('<html>'));
    const files: FileInput[] = [
      { path: 'opt', kind: 'directory', mode: 0o755, sha256, unpack: { format: 'tar.gz', strip: 0 } },
    ];
    await expect(layerOf(files)).rejects.toMatchObject({ code: 'COGPLAN_ARCHIVE_INVALID' });
  });
});
