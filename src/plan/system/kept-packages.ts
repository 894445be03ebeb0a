import type { Context } from '../../context.ts';
import { readDebControl } from '../../formats/debian/deb-archive.ts';
import { type PackageRecord, readPackageRecord } from '../../formats/debian/package-record.ts';
import type { SystemPackage } from '../../lock/schema.generated.ts';
import type { ResolveOptions } from '../families.ts';
import type { IndexReader } from './universe.ts';

/** A locked .deb: a package of the image, or one of the tools. */
export type LockedDeb = Pick<SystemPackage, 'name' | 'version' | 'file'>;

export interface KeptInput {
  readonly packages: readonly LockedDeb[];
  readonly indexes: readonly IndexReader[];
  readonly mode: ResolveOptions['mode'];
  readonly architecture: string;
}

/**
 * The locked packages that a new lock should hold on to, by name. `keep`: those that an index or the store still has;
 * `refresh`: those of an index; `upgrade`: none. A package of the store alone is read from its own .deb.
 */
export async function findKeptPackages(
  context: Context,
  { packages, indexes, mode, architecture }: KeptInput,
): Promise<ReadonlyMap<string, PackageRecord>> {
  const kept = new Map<string, PackageRecord>();
  if (mode === 'upgrade') return kept;
  for (const locked of packages) {
    const { name, file } = locked;
    const listed = indexes.flatMap((index) => index.named(name)).find((item) => item.file.sha256 === file.sha256);
    if (listed !== undefined) {
      kept.set(name, listed);
    } else if (mode === 'keep' && (await context.store.stat(file.sha256)) !== undefined) {
      kept.set(name, await readFromStore(context, locked, architecture));
    }
  }
  return kept;
}

async function readFromStore(context: Context, locked: LockedDeb, architecture: string): Promise<PackageRecord> {
  const what = `${locked.name} ${locked.version}`;
  const path = await context.store.verified(locked.file.sha256, locked.file.size, what);
  const { paragraph } = await readDebControl(path, what);
  const { url, sha256, size } = locked.file;
  return readPackageRecord(paragraph, { url, sha256, size }, architecture);
}
