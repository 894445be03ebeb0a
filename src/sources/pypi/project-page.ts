import type { Context } from '../../context.ts';
import { CogplanError, withoutUserInfo } from '../../errors.ts';
import type { IndexFile } from './index-file.ts';
import { projectUrl, SIMPLE_ACCEPT } from './simple-api.ts';

/** Hosts that answer 403 where others answer 404: their pages are objects of a bucket that may not be listed. */
const FORBIDDEN_MEANS_ABSENT = /(?:^|\.)pytorch\.org$/;

/**
 * The files of a project on an index; undefined when the index does not know it. Throws COGPLAN_INDEX_AUTH when the index
 * wants credentials: to go on without it would take a private package's name from a public index.
 */
export async function readProject(
  context: Context,
  index: string,
  name: string,
): Promise<readonly IndexFile[] | undefined> {
  return readLinks(context, projectUrl(index, name), index);
}

/** The files that a page lists; undefined when it is not there. */
export async function readLinks(
  context: Context,
  page: string,
  index = page,
): Promise<readonly IndexFile[] | undefined> {
  const response = await context.http.get(page, {
    accept: SIMPLE_ACCEPT,
    allowStatus: [401, 403, 404],
    signal: context.signal,
  });
  const { status } = response;
  const isAbsent = status === 404 || (status === 403 && FORBIDDEN_MEANS_ABSENT.test(new URL(response.url).hostname));
  if (isAbsent) return undefined;
  if (status !== 200) throw denied(withoutUserInfo(index), status);
  // Most locks read no page: of wheels that were looked up before, everything is known.
  const { parseIndexPage } = await import('./simple-index.ts');
  return parseIndexPage({
    url: response.url,
    contentType: response.headers['content-type'] ?? '',
    body: response.body,
  });
}

function denied(index: string, status: number): CogplanError {
  return new CogplanError('COGPLAN_INDEX_AUTH', `the package index ${index} refused access: it answers ${status}`, {
    subject: index,
    hint: 'Put the credentials into ~/.netrc (machine, login, password), where apply finds them too.',
    data: { status },
  });
}
