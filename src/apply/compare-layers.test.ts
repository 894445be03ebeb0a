import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import { compareLayers, type LayerDifference } from './compare-layers.ts';
import { END_OF_ARCHIVE, encodeHeader, paddingAfter } from './image/tar.ts';
import type { FileEntry, LayerEntry } from './layers/entry.ts';
import { writeLayer } from './layers/write-layer.ts';

let directory: string;
let store: Store;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-compare-'));
  store = await openStore(join(directory, 'store'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const base = { mode: 0o644, uid: 0, gid: 0, origin: 'test' };
const file = (path: string, text: string, change: Partial<FileEntry> = {}): FileEntry => ({
  ...base,
  type: 'file',
  path,
  size: Buffer.byteLength(text),
  content: { kind: 'bytes', data: Buffer.from(text) },
  ...change,
});
const link = (path: string, target: string): LayerEntry => ({ ...base, type: 'symlink', path, target });

async function compare(
  sealed: readonly LayerEntry[],
  rebuilt: readonly LayerEntry[],
): Promise<LayerDifference | undefined> {
  const [one, other] = [await writeLayer(sealed, store), await writeLayer(rebuilt, store)];
  return compareLayers(store.blobPath(one.diffId), store.blobPath(other.diffId));
}

describe('compareLayers', () => {
  const same = [file('a', 'same'), file('b', 'text'), link('l', 'a')];
  it.each<[string, readonly LayerEntry[], LayerDifference]>([
    [
      'a file that went',
      [file('a', 'same'), link('l', 'a')],
      { path: 'b', field: 'presence', sealed: 'file', rebuilt: 'absent' },
    ],
    ['a file that came', [...same, file('z', '')], { path: 'z', field: 'presence', sealed: 'absent', rebuilt: 'file' }],
    [
      'another type',
      [file('a', 'same'), link('b', 'a'), link('l', 'a')],
      { path: 'b', field: 'type', sealed: 'file', rebuilt: 'symlink' },
    ],
    [
      'another mode',
      [file('a', 'same'), file('b', 'text', { mode: 0o4755 }), link('l', 'a')],
      { path: 'b', field: 'mode', sealed: '0644', rebuilt: '4755' },
    ],
    [
      'another owner',
      [file('a', 'same'), file('b', 'text', { gid: 42 }), link('l', 'a')],
      { path: 'b', field: 'owner', sealed: '0:0', rebuilt: '0:42' },
    ],
    [
      'another size',
      [file('a', 'same'), file('b', 'texts'), link('l', 'a')],
      { path: 'b', field: 'size', sealed: '4', rebuilt: '5' },
    ],
    [
      'another target',
      [file('a', 'same'), file('b', 'text'), link('l', 'b')],
      { path: 'l', field: 'target', sealed: 'a', rebuilt: 'b' },
    ],
    [
      'other content',
      [file('a', 'same'), file('b', 'teXt'), link('l', 'a')],
      { path: 'b', field: 'content', sealed: '0x78 at byte 2', rebuilt: '0x58 at byte 2' },
    ],
    [
      'a capability',
      [file('a', 'same'), file('b', 'text', { capability: Buffer.from([1, 2]) }), link('l', 'a')],
      { path: 'b', field: 'capability', sealed: 'none', rebuilt: '0102' },
    ],
    [
      'the first of several',
      [file('a', 'sane'), file('b', 'x')],
      { path: 'a', field: 'content', sealed: '0x6d at byte 2', rebuilt: '0x6e at byte 2' },
    ],
  ])('names %s', async (_name, rebuilt, difference) => {
    expect(await compare(same, rebuilt)).toEqual(difference);
  });

  it('finds nothing between equal layers', async () => {
    expect(await compare(same, same)).toBeUndefined();
  });

  it('finds one byte of a large file', async () => {
    const text = 'x'.repeat(3_000_000);
    expect(await compare([file('a', text)], [file('a', `${text.slice(0, -1)}y`)])).toEqual({
      path: 'a',
      field: 'content',
      sealed: '0x78 at byte 2999999',
      rebuilt: '0x79 at byte 2999999',
    });
  });

  it('names another order', () => {
    const write = (name: string, entries: readonly FileEntry[]) => {
      const parts = entries.flatMap((entry) => [
        encodeHeader(entry),
        entry.content.kind === 'bytes' ? entry.content.data : Buffer.alloc(0),
        Buffer.alloc(paddingAfter(entry.size)),
      ]);
      writeFileSync(join(directory, name), Buffer.concat([...parts, END_OF_ARCHIVE]));
      return join(directory, name);
    };
    const [one, other] = [file('a', '1'), file('b', '2')];
    expect(compareLayers(write('ab.tar', [one, other]), write('ba.tar', [other, one]))).toEqual({
      path: 'a',
      field: 'order',
      sealed: 'entry 0',
      rebuilt: 'after b',
    });
  });

  it('names another encoding of the same entries', async () => {
    const { diffId } = await writeLayer(same, store);
    const longer = join(directory, 'longer.tar');
    copyFileSync(store.blobPath(diffId), longer);
    writeFileSync(longer, Buffer.concat([readFileSync(store.blobPath(diffId)), Buffer.alloc(512)]), {
      mode: 0o644,
      flag: 'r+',
    });
    expect(compareLayers(store.blobPath(diffId), longer)).toMatchObject({ path: '', field: 'encoding' });
  });
});
