import type { Context } from '../../context.ts';
import { expandUserInfo } from '../../formats/python/user-info-variables.ts';
import { indexCredentials } from '../../sources/pypi/index-credentials.ts';
import type { Spec } from '../../spec/spec.ts';
import type { IndexRule, Sources } from './routes.ts';

export const DEFAULT_INDEX = 'https://pypi.org/simple';

/**
 * Where a project's packages come from: what its requirements name, and `indexes` of its settings, with the credentials that
 * its surroundings have for them.
 */
export async function projectSources(context: Context, { requirements, settings, directory }: Spec): Promise<Sources> {
  const named = settings.values.indexes ?? [];
  const withCredentials = (url: string, name?: string): Promise<string> =>
    indexCredentials(context, { url: expandUserInfo(url, context.env), name });
  const rules = await Promise.all(
    named.flatMap(({ name, url, packages }) =>
      packages === undefined
        ? []
        : [
            withCredentials(url, name).then(
              (place): IndexRule => ({ url: place, packages: packages.map(normalizePattern), only: true }),
            ),
          ],
    ),
  );
  const links = requirements.findLinks.map((item) => item.value);
  const folders = links.filter(isFolder);
  const everything = named.filter(({ packages }) => packages === undefined);
  return {
    primary: await withCredentials(requirements.indexUrl?.value ?? DEFAULT_INDEX),
    extra: await Promise.all([
      ...requirements.extraIndexUrls.map((item) => withCredentials(item.value)),
      ...everything.map(({ name, url }) => withCredentials(url, name)),
    ]),
    findLinks: links.filter((link) => !isFolder(link)).map((link) => expandUserInfo(link, context.env)),
    ...(folders.length === 0 ? {} : { folders: { directory, paths: folders } }),
    ...(requirements.noIndex === undefined ? {} : { noIndex: true }),
    rules,
  };
}

function isFolder(link: string): boolean {
  return link.startsWith('./');
}

function normalizePattern(pattern: string): string {
  return pattern
    .split('*')
    .map((part) => part.toLowerCase().replace(/[-_.]+/g, '-'))
    .join('*');
}
