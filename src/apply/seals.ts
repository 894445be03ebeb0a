import { type Digest, fromDigest, type Sha256 } from '../digest.ts';
import { CogplanError, isCogplanError } from '../errors.ts';
import type { Platform } from '../lock/platform.ts';
import type { Lock, Seal, Target } from '../lock/schema.generated.ts';
import type { Store } from '../store/store.ts';
import { compareLayers, type LayerDifference } from './compare-layers.ts';
import type { BuiltLayer } from './layers/entry.ts';
import { planLayers } from './plan-layers.ts';
import { recipeKey } from './recipe.ts';

/** The lock with only those seals whose recipes its targets still ask for, in the order of the layers. */
export function keepCurrentSeals(lock: Lock): Lock {
  const targets = Object.entries(lock.targets).map(([platform, target]) => [
    platform,
    { ...target, seals: mergeSeals(target, platform as Platform, []) },
  ]);
  return { ...lock, targets: Object.fromEntries(targets) };
}

/**
 * The target's seals after `made` came into being: a layer's standing seal holds as long as its recipe is asked for. Layers of
 * bytecode keep theirs when an image is made without it.
 */
export function mergeSeals(target: Target, platform: Platform, made: readonly Seal[]): Seal[] {
  if (target.seals.length + made.length === 0) return [];
  const standing = sealsByRecipe(target.seals);
  const fresh = sealsByRecipe(made);
  return planLayers(target, platform, { bytecode: true }).flatMap(({ layer, family, recipe }) => {
    const key = recipeKey(recipe);
    const seal = standing.get(key) ?? fresh.get(key);
    return seal === undefined ? [] : [{ ...seal, layer, family }];
  });
}

export function sealsByRecipe(seals: readonly Seal[]): ReadonlyMap<Sha256, Seal> {
  return new Map(seals.map((seal) => [seal.recipe, seal]));
}

/**
 * The first difference between the sealed layer and the one that its recipe gave now; undefined when the sealed one is not in the store, or
 * damaged there.
 */
export async function compareWithSeal(
  store: Store,
  seal: Seal,
  built: BuiltLayer,
): Promise<LayerDifference | undefined> {
  try {
    const sealed = await store.verified(fromDigest(seal.diffId), seal.size, `sealed layer ${seal.layer}`);
    return compareLayers(sealed, store.blobPath(built.diffId));
  } catch (error) {
    if (isCogplanError(error)) return undefined;
    throw error;
  }
}

export function sealMismatch(seal: Seal, rebuilt: Digest, difference: LayerDifference | undefined): CogplanError {
  const found =
    difference === undefined
      ? 'the sealed layer is not in the store, so the first difference cannot be named'
      : `first difference: ${difference.path}: ${difference.field}, ${difference.sealed} sealed, ${difference.rebuilt} now`;
  return new CogplanError(
    'COGPLAN_SEAL_MISMATCH',
    `layer ${seal.layer} is sealed as ${seal.diffId}, but its recipe gave ${rebuilt}; ${found}`,
    {
      subject: seal.layer,
      hint: 'The lock and its seals do not belong together, or this machine builds other bytes. `cogplan audit` compares all layers.',
      data: { layer: seal.layer, recipe: seal.recipe, sealed: seal.diffId, rebuilt, ...(difference && { difference }) },
    },
  );
}
