import type { Target } from '../../lock/schema.generated.ts';
import type { FetchOptions } from '../../sources/fetch-artifacts.ts';

/** How the trees of a target are fetched: the address in the lock names commit and repository, but not what of the repository was taken. */
export function treeFetcher({ files }: Pick<Target, 'files'>): NonNullable<FetchOptions['fetchers']>[string] {
  return async (context, artifact) => {
    const locked = files.find(({ file, git }) => git !== undefined && file?.sha256 === artifact.file.sha256)?.git;
    if (locked === undefined) return false;
    const { refetchGitTree } = await import('./git-tree.ts');
    await refetchGitTree(context, locked, artifact);
    return true;
  };
}
