import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../digest.ts';
import { isCogplanError } from '../../errors.ts';
import { openStore } from '../../store/open-store.ts';
import type { Store } from '../../store/store.ts';
import type { Content, FileEntry, LayerEntry } from './entry.ts';
import { writeLayer } from './write-layer.ts';

const base = { mode: 0o644, uid: 0, gid: 0, origin: 'test' };
let directory: string;
let store: Store;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-layer-'));
  store = await openStore(join(directory, 'store'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function file(path: string, content: Content): FileEntry {
  const size = content.kind === 'bytes' ? content.data.length : content.length;
  return { ...base, type: 'file', path, size, content };
}

/** A deflated or stored member in a file with something before it. */
function zipMember(name: string, data: Buffer, method: 0 | 8, change: Partial<Content> = {}): Content {
  const raw = method === 8 ? deflateRawSync(data) : data;
  const path = join(directory, name);
  writeFileSync(path, Buffer.concat([Buffer.from('PK-'), raw]));
  const zip = {
    kind: 'zip',
    file: path,
    offset: 3,
    compressedSize: raw.length,
    method,
    length: data.length,
    crc32: crc32(data),
  };
  return { ...zip, ...change } as Content;
}

/** Compresses to about half, without repeating at zlib's distance. */
function sampleBytes(length: number): Buffer {
  const data = Buffer.allocUnsafe(length);
  let state = 1;
  for (let index = 0; index < length; index++) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    data[index] = (state >> 16) & 0x0f;
  }
  return data;
}

describe('writeLayer', () => {
  it('writes every kind of entry so that tar gives back what went in', async () => {
    const plain = join(directory, 'plain');
    const large = sampleBytes(3 * 1024 * 1024 + 17);
    writeFileSync(plain, large);
    const entries: LayerEntry[] = [
      { ...base, type: 'directory', path: 'a', mode: 0o755 },
      file('a-b', { kind: 'bytes', data: Buffer.from('between') }),
      file('a/bytes', { kind: 'bytes', data: Buffer.from('hello') }),
      file('a/deflated', zipMember('deflated.zip', large.subarray(0, 100_000), 8)),
      file('a/deflated-large', zipMember('deflated-large.zip', large, 8)),
      file('a/empty', zipMember('empty.zip', Buffer.alloc(0), 8)),
      { ...base, type: 'hardlink', path: 'a/link', target: 'a/bytes' },
      file('a/slice', { kind: 'slice', file: plain, offset: 5, length: large.length - 5 }),
      file('a/stored', zipMember('stored.zip', large.subarray(0, 70_000), 0)),
      { ...base, type: 'symlink', path: 'a/symlink', mode: 0o777, target: 'bytes' },
      file('zeros', { kind: 'slice', file: plain, offset: 0, length: 0 }),
    ];
    const layer = await writeLayer(entries, store);
    const tar = store.blobPath(layer.diffId);
    expect(statSync(tar).size).toBe(layer.size);
    expect(sha256(readFileSync(tar))).toBe(layer.diffId);
    const read = (path: string) => execFileSync('tar', ['-xOf', tar, path], { maxBuffer: 1 << 26 });
    expect(read('a/bytes').toString()).toBe('hello');
    expect(read('a-b').toString()).toBe('between');
    expect(sha256(read('a/deflated'))).toBe(sha256(large.subarray(0, 100_000)));
    expect(sha256(read('a/deflated-large'))).toBe(sha256(large));
    expect(sha256(read('a/slice'))).toBe(sha256(large.subarray(5)));
    expect(sha256(read('a/stored'))).toBe(sha256(large.subarray(0, 70_000)));
    expect(read('a/empty')).toHaveLength(0);
    const again = await writeLayer(entries, store);
    expect(again).toEqual(layer);
  });

  it('holds the bytes of a small layer still', async () => {
    const layer = await writeLayer(
      [
        { ...base, type: 'directory', path: 'src', mode: 0o755 },
        file('src/predict.py', { kind: 'bytes', data: Buffer.from('print(1)\n') }),
      ],
      store,
    );
    expect(layer).toEqual({ diffId: 'af0b3c9378351f3b88d48d78b17c587174eb5be6fddadea1ba43a2a4fef2ff5f', size: 2560 });
  });

  it('writes an empty layer as two zero blocks', async () => {
    expect(await writeLayer([], store)).toEqual({ diffId: sha256(Buffer.alloc(1024)), size: 1024 });
  });

  const small = sampleBytes(10_000);
  const large = sampleBytes(3_000_000);
  it.each([
    ['a wrong CRC-32', () => zipMember('crc.zip', small, 8, { crc32: 1 }), 'COGPLAN_CONTENT_CORRUPT'],
    [
      'a wrong CRC-32 of a large member',
      () => zipMember('crcl.zip', large, 8, { crc32: 1 }),
      'COGPLAN_CONTENT_CORRUPT',
    ],
    [
      'a wrong CRC-32 of a stored member',
      () => zipMember('crcs.zip', small, 0, { crc32: 1 }),
      'COGPLAN_CONTENT_CORRUPT',
    ],
    ['more bytes than announced', () => zipMember('more.zip', small, 8, { length: 9_000 }), 'COGPLAN_CONTENT_CORRUPT'],
    ['fewer bytes than announced', () => zipMember('few.zip', small, 8, { length: 11_000 }), 'COGPLAN_CONTENT_CORRUPT'],
    ['a bomb', () => zipMember('bomb.zip', Buffer.alloc(50_000_000), 8, { length: 10 }), 'COGPLAN_CONTENT_CORRUPT'],
    [
      'a large bomb',
      () => zipMember('bombl.zip', Buffer.alloc(50_000_000), 8, { length: 2_500_000 }),
      'COGPLAN_CONTENT_CORRUPT',
    ],
    [
      'a truncated large member',
      () => zipMember('cut.zip', large, 8, { compressedSize: 4_000 }),
      'COGPLAN_CONTENT_CORRUPT',
    ],
    ['a truncated member', () => zipMember('cuts.zip', small, 8, { compressedSize: 1_000 }), 'COGPLAN_CONTENT_CORRUPT'],
    [
      'a stored member of two sizes',
      () => zipMember('two.zip', small, 0, { length: 9_999 }),
      'COGPLAN_CONTENT_CORRUPT',
    ],
  ])('refuses %s and leaves no blob behind', async (_name, content, code) => {
    const before = await blobs();
    const failure = await writeLayer([file('f', content())], store).catch((error: unknown) => error);
    expect(isCogplanError(failure, code as 'COGPLAN_CONTENT_CORRUPT'), String(failure)).toBe(true);
    expect(await blobs()).toEqual(before);
  });

  it('names a file that became shorter', async () => {
    const path = join(directory, 'short');
    writeFileSync(path, 'abc');
    const entry = file('f', { kind: 'slice', file: path, offset: 0, length: 4 });
    await expect(writeLayer([entry], store)).rejects.toMatchObject({ code: 'COGPLAN_CONTENT_CHANGED', subject: 'f' });
  });

  const d = (path: string): LayerEntry => ({ ...base, type: 'directory', path, mode: 0o755 });
  const f = (path: string): LayerEntry => file(path, { kind: 'bytes', data: Buffer.alloc(0) });
  const h = (path: string, target: string, mode = 0o644): LayerEntry => ({
    ...base,
    type: 'hardlink',
    path,
    target,
    mode,
  });
  const s = (path: string, target: string): LayerEntry => ({ ...base, type: 'symlink', path, target });
  it.each<[string, readonly LayerEntry[], string]>([
    ['an absolute path', [f('/etc')], 'COGPLAN_BUG'],
    ['a path with ..', [d('a'), f('a/..')], 'COGPLAN_BUG'],
    ['a path with .', [f('.')], 'COGPLAN_BUG'],
    ['an empty path', [f('')], 'COGPLAN_BUG'],
    ['a trailing slash', [d('a/')], 'COGPLAN_BUG'],
    ['a NUL', [f('a\0b')], 'COGPLAN_BUG'],
    ['a path given twice', [f('a'), f('a')], 'COGPLAN_BUG'],
    ['another order', [f('b'), f('a')], 'COGPLAN_BUG'],
    ['UTF-16 order', [f('\u{1f600}'), f('\ufffd')], 'COGPLAN_BUG'],
    ['a missing parent', [f('a/b')], 'COGPLAN_BUG'],
    ['a file as parent', [f('a'), f('a/b')], 'COGPLAN_BUG'],
    ['a symlink as parent', [s('a', '/etc'), f('a/b')], 'COGPLAN_BUG'],
    ['an empty symlink target', [s('a', '')], 'COGPLAN_BUG'],
    ['a hardlink to a later file', [h('a', 'b'), f('b')], 'COGPLAN_BUG'],
    ['a hardlink to a directory', [d('a'), h('b', 'a', 0o755)], 'COGPLAN_BUG'],
    ['a hardlink with another mode', [f('a'), h('b', 'a', 0o755)], 'COGPLAN_BUG'],
    ['a whiteout', [d('a'), f('a/.wh.b')], 'COGPLAN_LAYER_NAME'],
    ['an opaque marker above a file', [d('.wh..wh..opq'), f('.wh..wh..opq/x')], 'COGPLAN_LAYER_NAME'],
  ])('refuses %s', async (_name, entries, code) => {
    await expect(writeLayer(entries, store)).rejects.toMatchObject({ code });
  });

  it('stops when it is told to', async () => {
    const before = await blobs();
    await expect(writeLayer([f('a')], store, AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
    expect(await blobs()).toEqual(before);
  });

  async function blobs(): Promise<string[]> {
    const names: string[] = [];
    for await (const blob of store.list()) names.push(blob.sha256);
    return names;
  }
});
