import type { Context } from '../../context.ts';
import type { PackageRecord } from '../../formats/debian/package-record.ts';
import type { Archive } from '../../lock/schema.generated.ts';
import { openIndex } from '../../sources/apt/find-archive.ts';
import type { IndexReader } from './universe.ts';

export interface OlderEvidenceInput {
  /** Packages that were kept from the lock. */
  readonly packages: readonly PackageRecord[];
  /** Of the archives as they are now. */
  readonly indexes: readonly IndexReader[];
  /** Of the lock. */
  readonly archives: readonly Archive[];
  readonly architecture: string;
}

/**
 * The archive entries of the lock that still vouch for a package which the archives no longer list, so that every package
 * has a signed index that names it. Entries whose index is not in the store are left out.
 */
export async function findOlderEvidence(
  context: Context,
  { packages, indexes, archives, architecture }: OlderEvidenceInput,
): Promise<readonly Archive[]> {
  let gone = packages.filter((record) => !indexes.some((index) => lists(index, record)));
  const evidence: Archive[] = [];
  for (const archive of archives) {
    if (gone.length === 0) break;
    if ((await context.store.stat(archive.packages.sha256)) === undefined) continue;
    const index = await openIndex(context, archive, architecture);
    try {
      const left = gone.filter((record) => !lists(index, record));
      if (left.length < gone.length) evidence.push(archive);
      gone = left;
    } finally {
      index.close();
    }
  }
  return evidence;
}

function lists(index: IndexReader, record: PackageRecord): boolean {
  return index.named(record.name).some(({ file }) => file.sha256 === record.file.sha256);
}
