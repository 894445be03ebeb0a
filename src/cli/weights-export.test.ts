import { expect, it } from 'vitest';
import { planWeights } from '../apply/plan-weights.ts';
import { recipeKey } from '../apply/recipe.ts';
import { asSha256, sha256, toDigest } from '../digest.ts';
import { parseCogWeightsLock } from '../formats/weights/cog-weights-lock.ts';
import { weightSetDigest } from '../formats/weights/set-digest.ts';
import type { Lock, Target, WeightSet } from '../lock/schema.generated.ts';
import type { Spec } from '../spec/spec.ts';
import { cogWeightsLock } from './weights-export.ts';

const hash = sha256('bytes');
const SET: WeightSet = {
  name: 'w',
  target: '/src/w',
  place: 'image',
  sources: [{ uri: 'w', fingerprint: toDigest(hash) }],
  setDigest: weightSetDigest([{ path: 'a', sha256: hash }]),
  files: [{ path: 'a', file: { url: 'project:w/a', sha256: hash, size: 5 } }],
};

function exported(set: WeightSet, isSealed: boolean): string {
  const diffId = toDigest(asSha256('d'.repeat(64)));
  const seals = planWeights([set]).map(({ layer, family, recipe }) => ({
    layer,
    family,
    recipe: recipeKey(recipe),
    diffId,
    size: 2048,
  }));
  const spec = { file: 'cog.yaml', weights: [{ ...set, where: { file: 'cog.yaml' } }] } as unknown as Spec;
  const target = { weights: [set], seals: isSealed ? seals : [] } as unknown as Target;
  return cogWeightsLock(spec, { asOf: '2026-01-02T00:00:00Z' } as Lock, target);
}

it("writes what Cog's reader takes, with the sealed layers, and the same bytes each time", () => {
  const text = exported(SET, true);
  expect(parseCogWeightsLock(text)).toMatchObject([{ name: 'w', setDigest: SET.setDigest }]);
  const layer = `sha256:${'d'.repeat(64)}`;
  expect(JSON.parse(text)).toMatchObject({
    version: 1,
    weights: [
      {
        sources: [{ uri: 'file://./w', include: [], exclude: [] }],
        importedAt: '2026-01-02T00:00:00Z',
        size: 5,
        files: [{ path: 'a', size: 5, digest: `sha256:${hash}`, layer }],
        layers: [{ digest: layer, size: 2048, sizeUncompressed: 2048 }],
      },
    ],
  });
  expect(exported(SET, true)).toBe(text);
});

it('refuses what was never built, and what has no layers', () => {
  expect(() => exported(SET, false)).toThrow(expect.objectContaining({ code: 'COGPLAN_WEIGHTS_UNSEALED' }));
  expect(() => exported({ ...SET, place: 'startup' }, true)).toThrow(/fetched at start-up/);
});
