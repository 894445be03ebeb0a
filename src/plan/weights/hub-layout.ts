import { sha256 } from '../../digest.ts';
import type { WeightFile, WeightSet } from '../../lock/schema.generated.ts';

/**
 * The files of a repository where the cache of the Hugging Face libraries has them: `snapshots/<commit>/…`, and `refs/<revision>`, which names the commit.
 * Links to `blobs/` are not needed to read. https://huggingface.co/docs/huggingface_hub/guides/manage-cache
 */
export function inHubLayout(
  files: readonly WeightFile[],
  { commit, revision }: { readonly commit: string; readonly revision: string },
): readonly WeightFile[] {
  if (files.length === 0) return [];
  const reference = { url: `data:,${commit}`, sha256: sha256(commit), size: commit.length };
  return [
    { path: `refs/${revision}`, file: reference },
    ...files.map(({ path, file }) => ({ path: `snapshots/${commit}/${path}`, file })),
  ];
}

/** Whether a locked set is laid out so. */
export function hasHubLayout({ files }: WeightSet): boolean {
  return files.some(({ file }) => file.url.startsWith('data:'));
}
