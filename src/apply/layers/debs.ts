import type { DebsRecipe } from '../recipe.ts';
import type { LayerBuilder } from './builder.ts';
import { composeTree } from './debian/compose.ts';
import { openDebPackage } from './debian/deb-package.ts';
import { toEntries } from './debian/to-entries.ts';

/**
 * The files of a group of .debs as dpkg would unpack them on a system with a merged /usr. What packages of lower layers
 * replace is left out, and directories that they share have one mode and owner in every layer.
 */
export const buildDebsLayer: LayerBuilder<DebsRecipe> = async (recipe, environment) => {
  const group = await Promise.all(recipe.debs.map((deb) => openDebPackage(environment, deb)));
  const below = await Promise.all(recipe.below.map((deb) => openDebPackage(environment, deb)));
  const { nodes } = await composeTree({ architecture: recipe.architecture, packages: [...below, ...group] });
  const own = new Set(group);
  const kept = [...nodes.values()].filter(({ owner }) => (owner === undefined ? recipe.root : own.has(owner)));
  return toEntries(nodes, kept);
};
