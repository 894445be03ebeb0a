import { join } from 'node:path';
import type { StandaloneRecipe } from '../../recipe.ts';
import type { LayerBuilder } from '../builder.ts';
import { inflateArchive } from './inflate-archive.ts';
import { standaloneEntries } from './standalone-entries.ts';

/** A standalone interpreter, below /usr/local. */
export const buildStandaloneLayer: LayerBuilder<StandaloneRecipe> = async (recipe, environment) => {
  const tar = join(environment.scratch, 'python.tar');
  const what = `Python ${recipe.version}`;
  await inflateArchive(await environment.blob(recipe.sha256), tar, what);
  return standaloneEntries(tar, what);
};
