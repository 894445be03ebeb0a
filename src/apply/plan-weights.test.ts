import { describe, expect, test } from 'vitest';
import { sha256 } from '../digest.ts';
import type { WeightSet } from '../lock/schema.generated.ts';
import { planWeights } from './plan-weights.ts';

const MIB = 1024 * 1024;

function aSet(files: readonly (readonly [string, number, string?])[], change: Partial<WeightSet> = {}): WeightSet {
  return {
    name: 'w',
    target: '/src/weights',
    place: 'image',
    sources: [{ uri: 'weights', fingerprint: 'sha256:0' }],
    setDigest: `sha256:${'0'.repeat(64)}`,
    files: files.map(([path, size, content = path]) => ({
      path,
      file: { url: `project:${path}`, sha256: sha256(content), size },
    })),
    ...change,
  };
}

const many = (count: number, size: number, changed?: number): WeightSet =>
  aSet(
    Array.from({ length: count }, (_, index) => {
      const path = `part-${String(index).padStart(5, '0')}`;
      return [path, size, index === changed ? 'another' : path] as const;
    }),
  );

const recipes = (set: WeightSet) => planWeights([set]).map(({ recipe }) => JSON.stringify(recipe));

describe('layers of weights', () => {
  test('large files lie alone, small ones together, below the target', () => {
    const layers = planWeights([
      aSet([
        ['a.bin', 100 * MIB],
        ['b.json', 10],
        ['c/d.json', 10],
      ]),
    ]);
    expect(layers.map(({ layer }) => layer)).toEqual(['weights/w/a.bin', 'weights/w/b.json']);
    expect(layers[1]?.recipe).toMatchObject({
      kind: 'files',
      files: [{ path: 'src/weights/b.json', mode: 0o644 }, { path: 'src/weights/c/d.json' }],
    });
  });

  test('those fetched at start-up are named in one, and have none', () => {
    const [layer, ...others] = planWeights([aSet([['a.bin', 10]], { place: 'startup' })]);
    expect(others).toEqual([]);
    const file = layer?.recipe.kind === 'files' ? layer.recipe.files[0] : undefined;
    expect(file?.path).toBe('usr/local/share/cogplan/weights.json');
    expect(JSON.parse(file?.text ?? '')).toMatchObject({
      version: 1,
      sets: [{ target: '/src/weights', files: [{ path: 'a.bin', sha256: sha256('a.bin'), urls: ['project:a.bin'] }] }],
    });
  });

  test('one changed file of many moves at most two layers, and the others are shared', () => {
    const before = new Set(recipes(many(600, MIB)));
    expect(before.size).toBeGreaterThan(5);
    for (const changed of [0, 17, 300, 599]) {
      const moved = recipes(many(600, MIB, changed)).filter((recipe) => !before.has(recipe));
      expect(moved.length).toBeLessThanOrEqual(2);
      expect(moved.length).toBeGreaterThan(0);
    }
  });

  test('two models share the layers of what they have in common at one place', () => {
    const shared: [string, number][] = [
      ['base.safetensors', 300 * MIB],
      ['tokenizer.json', 10],
    ];
    const one = recipes(aSet([...shared, ['adapter-one.safetensors', 70 * MIB]], { name: 'one' }));
    const two = recipes(aSet([...shared, ['adapter-two.safetensors', 70 * MIB]], { name: 'two' }));
    expect(one.filter((recipe) => two.includes(recipe)).length).toBe(2);
    expect(one.length).toBe(3);
  });

  test('however many files there are, there is room for other layers', () => {
    expect(planWeights([many(500, 100 * MIB)]).length).toBeLessThanOrEqual(40);
    expect(planWeights([many(20_000, 1000)]).length).toBeLessThanOrEqual(40);
    const sets = Array.from({ length: 60 }, (_, index) =>
      aSet([['a', 10]], { name: `w${index}`, target: `/w${index}` }),
    );
    expect(planWeights(sets).length).toBe(60);
  });
});
