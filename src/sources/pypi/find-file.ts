import type { Context } from '../../context.ts';
import { isCogplanError } from '../../errors.ts';
import type { IndexFile } from './index-file.ts';
import { parseIndexPage, projectUrl, SIMPLE_ACCEPT } from './simple-index.ts';

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
}

/**
 * The entry of a file that a resolver chose, from the index that lists its URL; undefined when none does. A project page
 * that is missing (404) or refused (401, 403) is no page; an answer that is no index page is COGPLAN_INDEX_INVALID.
 */
export async function findFile(
  context: Context,
  sources: PackageSources,
  { name, url }: { readonly name: string; readonly url: string },
): Promise<FoundFile | undefined> {
  const pages = await Promise.all([
    ...sources.indexes.map(async (index) => ({
      source: index,
      files: await readPage(context, projectUrl(index, name)),
    })),
    ...sources.findLinks.map(async (page) => ({ source: page, files: await readPage(context, page) })),
  ]);
  const indexes = pages
    .filter((page) => sources.indexes.includes(page.source) && page.files !== undefined && page.files.length > 0)
    .map((page) => page.source);
  for (const { source, files } of pages) {
    const file = files?.find((item) => item.url === url);
    if (file !== undefined) return { file, source, indexes };
  }
  return undefined;
}

/**
 * Why no index seems to know a project: throws COGPLAN_INDEX_INVALID when one of them answers with something that is no
 * index page, such as a login page, which a resolver takes for an empty one.
 */
export async function checkIndexPages(context: Context, indexes: readonly string[], name: string): Promise<void> {
  for (const index of indexes) {
    await readPage(context, projectUrl(index, name)).catch((error: unknown) => {
      if (isCogplanError(error, 'COGPLAN_INDEX_INVALID')) throw error;
    });
  }
}

async function readPage(context: Context, url: string): Promise<readonly IndexFile[] | undefined> {
  const response = await context.http.get(url, {
    accept: SIMPLE_ACCEPT,
    allowStatus: [401, 403, 404],
    signal: context.signal,
  });
  if (response.status !== 200) return undefined;
  return parseIndexPage({
    url: response.url,
    contentType: response.headers['content-type'] ?? '',
    body: response.body,
  });
}
