import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Compression, type Decoder, decompress, decompressToBuffer, decompressToFile } from './decompress.ts';

const scratch = mkdtempSync(join(tmpdir(), 'decompress-'));
afterAll(() => rmSync(scratch, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

/** Repetitive and random parts, longer than every internal buffer. */
const content = Buffer.concat([Buffer.alloc(700_000, 'text '), randomBytes(300_000), Buffer.alloc(700_001, 'more ')]);

const compress: Readonly<Record<Compression, (data: Buffer) => Buffer>> = {
  none: (data) => data,
  gz: (data) => gzipSync(data),
  xz: (data) => execFileSync('xz', ['-zc'], { input: data, maxBuffer: 1e9 }),
  bz2: (data) => execFileSync('bzip2', ['-zc'], { input: data, maxBuffer: 1e9 }),
  zst: (data) => execFileSync('zstd', ['-qc'], { input: data, maxBuffer: 1e9 }),
};

const compressed = new Map<Compression, Buffer>();
beforeAll(() => {
  for (const [compression, run] of Object.entries(compress)) compressed.set(compression as Compression, run(content));
});

let files = 0;
function write(data: Buffer): string {
  const file = join(scratch, String(++files));
  writeFileSync(file, data);
  return file;
}

const ways: readonly (readonly [Compression, Decoder])[] = [
  ['none', 'native'],
  ['gz', 'native'],
  ['xz', 'native'],
  ['xz', 'portable'],
  ['bz2', 'native'],
  ['bz2', 'portable'],
  ['zst', 'native'],
  ['zst', 'portable'],
];

describe.each(ways)('%s, %s', (compression, decoder) => {
  const limits = { compression, what: 'the data', maxBytes: content.length };

  test('gives the content to a file, to memory and as a stream, from the middle of a file', async () => {
    const bytes = compressed.get(compression)!;
    const file = write(Buffer.concat([Buffer.alloc(12_345, 'x'), bytes, Buffer.from('\n')]));
    const slice = { ...limits, file, offset: 12_345, length: bytes.length };
    const target = join(scratch, `${files}.out`);
    expect(await decompressToFile(slice, target, decoder)).toBe(content.length);
    expect(readFileSync(target).equals(content)).toBe(true);
    expect((await decompressToBuffer(slice, decoder)).equals(content)).toBe(true);
    const chunks: Uint8Array[] = [];
    for await (const chunk of decompress(slice, decoder)) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(content)).toBe(true);
  });

  test('does not overwrite a file', async () => {
    const target = write(Buffer.from('mine'));
    const slice = { ...limits, file: write(compressed.get(compression)!) };
    await expect(decompressToFile(slice, target, decoder)).rejects.toMatchObject({ code: 'EEXIST' });
    expect(readFileSync(target, 'utf8')).toBe('mine');
  });

  test('stops at the limit', async () => {
    const slice = { ...limits, maxBytes: content.length - 1, file: write(compressed.get(compression)!) };
    const error = { code: 'COGPLAN_ARCHIVE_TOO_LARGE', subject: 'the data' };
    await expect(decompressToBuffer(slice, decoder)).rejects.toMatchObject(error);
    await expect(decompressToFile(slice, join(scratch, `${files}.out`), decoder)).rejects.toMatchObject(error);
  });

  // The decoder in JavaScript does not verify the checksum of a zstd frame.
  if (compression === 'none' || (compression === 'zst' && decoder !== 'native')) return;
  test('refuses what is damaged, cut off or something else', async () => {
    const bytes = compressed.get(compression)!;
    const damaged = Buffer.from(bytes);
    const middle = Math.floor(bytes.length / 2);
    damaged.fill(0x55, middle, middle + 64);
    for (const data of [damaged, bytes.subarray(0, -9), bytes.subarray(0, 100), Buffer.from('<html>'.repeat(99))]) {
      const slice = { ...limits, file: write(data) };
      const error = { code: 'COGPLAN_ARCHIVE_INVALID', subject: 'the data' };
      await expect(decompressToBuffer(slice, decoder)).rejects.toMatchObject(error);
      await expect(decompressToFile(slice, join(scratch, `${files}.out`), decoder)).rejects.toMatchObject(error);
    }
  });
});

test('a bomb is held back before it fills the disk', async () => {
  const file = join(scratch, 'bomb.xz');
  execFileSync('sh', ['-c', 'head -c 300000000 /dev/zero | xz -0 > "$1"', 'sh', file]);
  const target = join(scratch, 'bomb');
  const slice = { file, compression: 'xz', maxBytes: 1_000_000, what: 'bomb' } as const;
  await expect(decompressToFile(slice, target)).rejects.toMatchObject({ code: 'COGPLAN_ARCHIVE_TOO_LARGE' });
  expect(readFileSync(target).length).toBeLessThan(3_000_000);
});

describe.each([
  ['is missing', undefined],
  ['is another one that knows fewer options', '#!/bin/sh\necho usage >&2\nexit 1\n'],
])('where the program %s', (_, script) => {
  test.each(['xz', 'zst'] as const)('the portable decoder is used for %s', async (compression) => {
    const path = mkdtempSync(join(scratch, 'path-'));
    for (const program of script === undefined ? [] : ['xz', 'zstd']) {
      writeFileSync(join(path, program), script ?? '', { mode: 0o755 });
    }
    vi.stubEnv('PATH', path);
    const file = write(compressed.get(compression)!);
    const slice = { file, compression, maxBytes: content.length, what: 'x' };
    const target = join(path, 'out');
    expect(await decompressToFile(slice, target)).toBe(content.length);
    expect(readFileSync(target).equals(content)).toBe(true);
    expect((await decompressToBuffer(slice, 'native')).equals(content)).toBe(true);
  });
});

test('an xz program that is told to do otherwise by the environment does not listen', async () => {
  vi.stubEnv('XZ_OPT', '--memlimit=1');
  const file = write(compressed.get('xz')!);
  const target = join(scratch, 'opt.out');
  await decompressToFile({ file, compression: 'xz', maxBytes: content.length, what: 'x' }, target);
  expect(existsSync(target)).toBe(true);
});

test.each(['gz', 'xz', 'zst'] as const)('nothing is no %s data', async (compression) => {
  const whole = { file: write(Buffer.alloc(0)), compression, maxBytes: 9, what: 'x' };
  const slice = { ...whole, file: write(Buffer.alloc(3)), offset: 3, length: 0 };
  await expect(decompressToBuffer(whole)).rejects.toMatchObject({ code: 'COGPLAN_ARCHIVE_INVALID' });
  await expect(decompressToBuffer(slice)).rejects.toMatchObject({ code: 'COGPLAN_ARCHIVE_INVALID' });
});
