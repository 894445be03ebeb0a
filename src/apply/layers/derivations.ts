import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Store } from '../../store/store.ts';

/** Gives a directory that is computed once for a kind and key. */
export type Derive = Store['derivedDirectory'];

/** Derivations that the store keeps and every project shares. */
export function storeDerivations(store: Store): Derive {
  return (kind, key, build) => store.derivedDirectory(kind, key, build);
}

/**
 * Derivations that trust nothing derived before: they lie in `directory`, and last as long as it does. For builds that prove that results can be
 * made again.
 */
export function freshDerivations(directory: string): Derive {
  const known = new Map<string, Promise<string>>();
  return (kind, key, build) => {
    const name = `${kind}-${key}`;
    const started = known.get(name) ?? derive(join(directory, name), build);
    known.set(name, started);
    return started;
  };
}

async function derive(path: string, build: (directory: string) => Promise<void>): Promise<string> {
  const building = `${path}.part`;
  await mkdir(building, { recursive: true });
  await build(building);
  await rename(building, path);
  return path;
}
