import { expect, it } from 'vitest';
import { sha256 } from '../digest.ts';
import type { PlacedFile } from '../lock/schema.generated.ts';
import { groupPlaced } from './plan-placed.ts';

const MIB = 1024 * 1024;

function aFile(order: number, path: string, size: number): PlacedFile {
  const file = { url: `https://h.test${path}`, sha256: sha256(path), size };
  return { path, kind: 'file', mode: '0644', file, from: `build.run[${order}]`, order };
}

const shown = (files: readonly PlacedFile[]) =>
  groupPlaced({ files: [...files], steps: [] }).map((group) =>
    group.kind === 'files' ? group.files.map(({ path }) => path).join(' ') : 'step',
  );

it('small files share a layer, large ones have their own, in order, with the folders that they lie in', () => {
  const folder: PlacedFile = { path: '/w', kind: 'directory', mode: '0700', from: 'build.run[0]', order: 0 };
  const files = [
    folder,
    aFile(1, '/w/a', 5),
    aFile(2, '/w/large', 64 * MIB),
    aFile(3, '/b', 5),
    aFile(4, '/w/c', 5),
    aFile(5, '/other', 99 * MIB),
  ];
  expect(shown(files)).toEqual(['/w /w/a', '/w /w/large', '/w /b /w/c', '/other']);
});

it('a file added before does not move the layers of large ones', () => {
  const large = [aFile(1, '/x', 70 * MIB), aFile(2, '/y', 70 * MIB)];
  expect(shown([aFile(0, '/small', 1), ...large])).toEqual(['/small', '/x', '/y']);
  expect(shown(large)).toEqual(['/x', '/y']);
});

it('there are not more layers than images can have', () => {
  const files = Array.from({ length: 40 }, (_, index) => aFile(index, `/f${index}`, (index < 10 ? 200 : 70) * MIB));
  expect(shown(files)).toHaveLength(11);
});
