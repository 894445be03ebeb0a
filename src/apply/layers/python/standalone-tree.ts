import { join } from 'node:path';
import { canonicalJson } from '../../../canonical.ts';
import type { Context } from '../../../context.ts';
import { type Sha256, sha256 } from '../../../digest.ts';
import type { Derive } from '../derivations.ts';
import type { LayerEntry } from '../entry.ts';
import { inflateArchive } from './inflate-archive.ts';
import { standaloneEntries } from './standalone-entries.ts';

/** The files of a standalone interpreter, which is in the store, as slices of its inflated archive, which is kept. */
export async function standaloneTree(
  context: Context,
  archive: { readonly version: string; readonly sha256: Sha256 },
  derive: Derive,
): Promise<readonly LayerEntry[]> {
  const what = `Python ${archive.version}`;
  const key = sha256(canonicalJson({ archive: archive.sha256 }));
  const directory = await derive('python-archive', key, async (building) => {
    const file = await context.store.verified(archive.sha256, undefined, what);
    await inflateArchive(file, join(building, 'python.tar'), what);
  });
  return standaloneEntries(join(directory, 'python.tar'), what);
}
