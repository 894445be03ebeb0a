import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sha256 } from '../digest.ts';
import { unreachable } from '../errors.ts';
import { inflateDebData } from '../formats/debian/deb-archive.ts';
import type { Store } from '../store/store.ts';
import type { BuildEnvironment } from './layers/builder.ts';
import type { BuiltLayer, LayerEntry } from './layers/entry.ts';
import { writeLayer } from './layers/write-layer.ts';
import type { CompressedLayer } from './outputs/compress-layer.ts';
import type { PureRecipe } from './recipe.ts';

/** Work for one core, as plain data. */
export type Job =
  | { readonly kind: 'inflate'; readonly deb: Sha256; readonly what: string }
  | { readonly kind: 'compress'; readonly diffId: Sha256 }
  | { readonly kind: 'layer'; readonly recipe: PureRecipe };

export interface JobResults {
  /** Path of the uncompressed `data.tar`. */
  readonly inflate: string;
  readonly compress: CompressedLayer;
  readonly layer: BuiltLayer;
}

export interface JobEnvironment {
  readonly store: Store;
  /** Where inflated .debs go in place of the store's derived results, for a build that trusts none of them. */
  readonly inflatedDirectory: string | undefined;
  warn(code: string, text: string): void;
}

const INFLATED = 'data.tar';

/** Does one job. All blobs that it names are in the store, and verified. */
export async function runJob<K extends Job['kind']>(
  job: Job & { readonly kind: K },
  environment: JobEnvironment,
): Promise<JobResults[K]> {
  return (await dispatch(job, environment)) as JobResults[K];
}

async function dispatch(job: Job, environment: JobEnvironment): Promise<JobResults[Job['kind']]> {
  switch (job.kind) {
    case 'inflate':
      return inflated(job.deb, job.what, environment);
    case 'compress':
      return (await import('./outputs/compress-layer.ts')).compressLayer(environment.store, job.diffId);
    case 'layer':
      return buildLayer(job.recipe, environment);
    default:
      return unreachable(job);
  }
}

async function buildLayer(recipe: PureRecipe, environment: JobEnvironment): Promise<BuiltLayer> {
  const { store, warn } = environment;
  const scratch = await store.scratch('layer');
  try {
    const entries = await buildEntries(recipe, {
      blob: async (sha256) => store.blobPath(sha256),
      debData: (sha256) => inflated(sha256, sha256, environment),
      scratch: scratch.path,
      warn,
    });
    return await writeLayer(entries, store);
  } finally {
    await scratch.dispose();
  }
}

/** Builders are loaded when used: a worker needs one or two of them. */
async function buildEntries(recipe: PureRecipe, environment: BuildEnvironment): Promise<readonly LayerEntry[]> {
  switch (recipe.kind) {
    case 'debs':
      return (await import('./layers/debs.ts')).buildDebsLayer(recipe, environment);
    case 'debs-on-image':
      return (await import('./layers/debs-on-image.ts')).buildDebsOnImageLayer(recipe, environment);
    case 'debian-configuration':
      return (await import('./layers/debian-configuration.ts')).buildDebianConfigurationLayer(recipe, environment);
    case 'wheels':
      return (await import('./layers/wheels.ts')).buildWheelsLayer(recipe, environment);
    case 'standalone-python':
      return (await import('./layers/python/standalone.ts')).buildStandaloneLayer(recipe, environment);
    case 'files':
      return (await import('./layers/files.ts')).buildFilesLayer(recipe, environment);
    default:
      return unreachable(recipe);
  }
}

async function inflated(deb: Sha256, what: string, environment: JobEnvironment): Promise<string> {
  const { store, inflatedDirectory } = environment;
  const inflate = (target: string): Promise<unknown> => inflateDebData(store.blobPath(deb), target, { what });
  if (inflatedDirectory === undefined) {
    const directory = await store.derivedDirectory('deb-data', deb, async (place) => {
      await inflate(join(place, INFLATED));
    });
    return join(directory, INFLATED);
  }
  const path = join(inflatedDirectory, `${deb}.tar`);
  if (!existsSync(path)) {
    await inflate(`${path}.part`);
    await rename(`${path}.part`, path);
  }
  return path;
}
