import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isChosenBy } from './chosen.ts';
import { largeFileNotices } from './large-files.ts';
import { separateWeights } from './separate-weights.ts';
import type { WeightSet } from './spec.ts';

const WHERE = { file: 'cogplan.yaml' };
const LARGE = 10 * 1024 * 1024;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'separate-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(files: Readonly<Record<string, number>>): void {
  for (const [path, size] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), '');
    truncateSync(join(directory, path), size);
  }
}

async function taken(weights: readonly WeightSet[] = []): Promise<readonly string[]> {
  const set = await separateWeights(directory, weights, WHERE);
  return set?.sources[0]?.include ?? [];
}

it('large files that are neither code nor media are weights, with what lies beside them where no code does', async () => {
  write({
    'predict.py': 10,
    'model.bin': LARGE,
    'small.bin': LARGE - 1,
    'video.mp4': LARGE,
    'wheels/torch.whl': LARGE,
    'weights/big.pt': LARGE,
    'weights/config.json': 2,
    'weights/vocab/words.txt': 3,
    'code/module.py': 1,
    'code/inside.pt': LARGE,
    'code/note.txt': 1,
    'code/deep/big.pt': LARGE,
    'code/deep/config.json': 1,
    'data/table.csv': 5,
  });
  expect(await taken()).toEqual([
    '/code/deep/big.pt',
    '/code/deep/config.json',
    '/code/inside.pt',
    '/model.bin',
    '/weights/big.pt',
    '/weights/config.json',
    '/weights/vocab/words.txt',
  ]);
});

it('what .dockerignore leaves out and what is declared already is not taken', async () => {
  write({ 'a.bin': LARGE, 'b.bin': LARGE, 'own/c.bin': LARGE, 'own/d.txt': 1 });
  writeFileSync(join(directory, '.dockerignore'), 'a.bin\n');
  const sources = [{ uri: 'own/', include: ['*.bin'], exclude: [], where: WHERE }];
  const own: WeightSet = { name: 'source', target: '/src/own', place: 'image', sources, where: WHERE };
  const set = await separateWeights(directory, [own], WHERE);
  expect([set?.name, set?.target, set?.sources[0]?.include]).toEqual(['source-weights', '/src', ['/b.bin']]);
  rmSync(join(directory, 'b.bin'));
  expect(await separateWeights(directory, [own], WHERE)).toBeUndefined();
});

it('names with wildcards name themselves only', async () => {
  write({ 'a[1]*.bin': LARGE, 'a1x.bin': 1, 'end ': LARGE, '#c.bin': LARGE, '!d.bin': LARGE, 'x\\y.bin': LARGE });
  const include = await taken();
  const isChosen = isChosenBy({ include, exclude: [] });
  const paths = ['a[1]*.bin', 'a1x.bin', 'end ', 'end', '#c.bin', '!d.bin', 'x\\y.bin', 'xy.bin'];
  expect(paths.filter(isChosen)).toEqual(['a[1]*.bin', 'end ', '#c.bin', '!d.bin', 'x\\y.bin']);
});

it('ten thousand names are looked up, not tried one by one', () => {
  const include = Array.from({ length: 10_000 }, (_, index) => `/weights/part-${index}.bin`);
  const isChosen = isChosenBy({ include, exclude: ['/weights/part-7.bin'] });
  expect(include.filter((path) => isChosen(path.slice(1))).length).toBe(9_999);
  expect(isChosen('weights/part-10000.bin')).toBe(false);
  expect(isChosenBy({ include: ['/weights'], exclude: [] })('weights/sub/a')).toBe(true);
});

it('patterns tell upper and lower case apart, as Git does', () => {
  expect(isChosenBy({ include: ['*.bin'], exclude: [] })('A.BIN')).toBe(false);
});

it('a large file that has a layer of its own is worth no warning', async () => {
  write({ 'model.bin': 100_000_000, 'code/a.py': 1, 'code/other.mp4': 100_000_000 });
  const set = await separateWeights(directory, [], WHERE);
  const notices = await largeFileNotices({ directory, weights: set === undefined ? [] : [set] });
  expect(notices.map(({ where }) => where.file)).toEqual(['code/other.mp4']);
});
