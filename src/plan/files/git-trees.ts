import { fetchGitTree } from '../../apply/git-tree/git-tree.ts';
import type { Context } from '../../context.ts';
import type { GitTree, PlacedFile } from '../../lock/schema.generated.ts';
import type { GitSource, Placement } from '../../spec/run/run-reading.ts';

/** What was asked of a tree: the address of a clone, whatever it led to. */
export function gitSourceOf({ url, ref, submodules, lfs }: GitSource | GitTree): GitSource {
  return {
    url,
    ...(ref === undefined ? {} : { ref }),
    ...(submodules === true ? { submodules } : {}),
    ...(lfs === false ? { lfs } : {}),
  };
}

/** The tree of a clone, kept when the lock before has it. */
export async function resolveTree(
  context: Context,
  { git, where }: Placement,
  kept: PlacedFile | undefined,
): Promise<Pick<PlacedFile, 'file' | 'unpack' | 'git'>> {
  if (git === undefined) return {};
  const known = kept?.git !== undefined && kept.file !== undefined ? { git: kept.git, file: kept.file } : undefined;
  const { file, git: tree } = known ?? (await fetchGitTree(context, { ...gitSourceOf(git), where }));
  return { file, unpack: { format: 'tar' }, git: tree };
}
