import type { Sha256 } from '../../digest.ts';
import type { DiffFacts, LayerFact } from './facts.ts';
import type { Change, LayerMove } from './schema.generated.ts';

export interface LayerMoves {
  readonly moves: readonly LayerMove[];
  /** How many layers stay as they are. */
  readonly kept: number;
  /** Names of the layers that a change moves. */
  layersOf(change: Pick<Change, 'platform' | 'from' | 'to'>): readonly string[];
}

/** Which layers of an image become other layers, and by which of the changes. */
export function layerMoves(layers: NonNullable<DiffFacts['layers']>): LayerMoves {
  const moves: LayerMove[] = [];
  const byFile = new Map<string, Set<string>>();
  let kept = 0;
  for (const [platform, { before, after }] of Object.entries(layers)) {
    const [old, now] = [recipes(before), recipes(after)];
    const leaving = before.filter(({ recipe }) => !now.has(recipe));
    const coming = after.filter(({ recipe }) => !old.has(recipe));
    kept += after.length - coming.length;
    const note = (layer: LayerFact): void => {
      for (const file of layer.inputs) {
        const key = `${platform}\0${file}`;
        byFile.set(key, (byFile.get(key) ?? new Set()).add(layer.layer));
      }
    };
    leaving.forEach(note);
    coming.forEach(note);
    moves.push(...pair(platform, leaving, coming));
  }
  return {
    moves,
    kept,
    layersOf: ({ platform, from, to }) => {
      // Equal bytes on both sides move nothing.
      if (from?.sha256 === to?.sha256) return [];
      const names = [from?.sha256, to?.sha256].flatMap((file) => [...(byFile.get(`${platform}\0${file}`) ?? [])]);
      return [...new Set(names)];
    },
  };
}

function pair(platform: string, leaving: readonly LayerFact[], coming: readonly LayerFact[]): readonly LayerMove[] {
  const left = new Map(leaving.map((layer) => [layer.layer, layer]));
  const moves = coming.map((layer): LayerMove => {
    const old = left.get(layer.layer);
    left.delete(layer.layer);
    return {
      platform,
      layer: layer.layer,
      family: layer.family,
      kind: old === undefined ? 'added' : 'rebuilt',
      ...(old?.size === undefined ? {} : { before: old.size }),
      ...(layer.size === undefined ? {} : { after: layer.size }),
    };
  });
  const gone = [...left.values()].map(
    (layer): LayerMove => ({
      platform,
      layer: layer.layer,
      family: layer.family,
      kind: 'removed',
      ...(layer.size === undefined ? {} : { before: layer.size }),
    }),
  );
  return [...moves, ...gone];
}

function recipes(layers: readonly LayerFact[]): ReadonlySet<Sha256> {
  return new Set(layers.map(({ recipe }) => recipe));
}
