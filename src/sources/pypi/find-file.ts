import type { Context } from '../../context.ts';
import { isCogplanError } from '../../errors.ts';
import type { IndexFile } from './index-file.ts';
import { readLinks, readProject } from './project-page.ts';

/** Where packages come from, in order of preference. URLs may hold credentials. */
export interface PackageSources {
  readonly indexes: readonly string[];
  /** Pages that list files of many projects. */
  readonly findLinks: readonly string[];
}

export interface FoundFile {
  readonly file: IndexFile;
  /** The index or page that lists it, as in `PackageSources`. */
  readonly source: string;
  /** Every index that knows the project. */
  readonly indexes: readonly string[];
  /** Sources that list a file of the same name with other bytes. */
  readonly others: readonly { readonly source: string; readonly sha256: IndexFile['sha256'] }[];
}

/**
 * The entry of a file that a resolver chose, from the index that lists its URL; undefined when none does. A missing project
 * page is no page; one that is refused is COGPLAN_INDEX_AUTH, and an answer that is no index page COGPLAN_INDEX_INVALID.
 */
export async function findFile(
  context: Context,
  sources: PackageSources,
  { name, url }: { readonly name: string; readonly url: string },
): Promise<FoundFile | undefined> {
  const pages = await Promise.all([
    ...sources.indexes.map(async (index) => ({
      source: index,
      files: await readProject(context, index, name),
    })),
    ...sources.findLinks.map(async (page) => ({ source: page, files: await readLinks(context, page) })),
  ]);
  const indexes = pages
    .filter((page) => sources.indexes.includes(page.source) && page.files !== undefined && page.files.length > 0)
    .map((page) => page.source);
  for (const { source, files } of pages) {
    const file = files?.find((item) => item.url === url);
    if (file === undefined) continue;
    const others = pages.flatMap((page) =>
      (page.files ?? [])
        .filter(({ filename, sha256 }) => filename === file.filename && sha256 !== undefined && sha256 !== file.sha256)
        .map(({ sha256 }) => ({ source: page.source, sha256 })),
    );
    return { file, source, indexes, others: file.sha256 === undefined ? [] : others };
  }
  return undefined;
}

/**
 * Why no index seems to know a project: throws COGPLAN_INDEX_INVALID when one of them answers with something that is no
 * index page, such as a login page, which a resolver takes for an empty one.
 */
export async function checkIndexPages(context: Context, indexes: readonly string[], name: string): Promise<void> {
  for (const index of indexes) {
    await readProject(context, index, name).catch((error: unknown) => {
      if (isCogplanError(error, 'COGPLAN_INDEX_INVALID')) throw error;
    });
  }
}
