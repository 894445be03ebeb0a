import { planLayers } from '../apply/plan-layers.ts';
import { type Recipe, recipeKey } from '../apply/recipe.ts';
import { sealsByRecipe } from '../apply/seals.ts';
import { isSha256, type Sha256 } from '../digest.ts';
import type { Platform } from '../lock/platform.ts';
import type { Target } from '../lock/schema.generated.ts';
import type { LayerFact } from '../plan/diff/facts.ts';

/** The layers of a target's image, bytecode included, with sizes where they are sealed. */
export function layerFacts(target: Target | undefined, platform: Platform): readonly LayerFact[] {
  if (target === undefined) return [];
  const seals = sealsByRecipe(target.seals);
  return planLayers(target, platform, { bytecode: true }).map(({ layer, family, recipe }) => {
    const key = recipeKey(recipe);
    const size = seals.get(key)?.size;
    return { layer, family, recipe: key, inputs: filesOf(recipe), ...(size === undefined ? {} : { size }) };
  });
}

/** Files whose change makes another layer: what lies below only for reference counts too. */
function filesOf(recipe: Recipe): readonly Sha256[] {
  const files = new Set<Sha256>();
  JSON.stringify(recipe, (key, value: unknown) => {
    if (key === 'sha256' && typeof value === 'string' && isSha256(value)) files.add(value);
    return value;
  });
  return [...files];
}
