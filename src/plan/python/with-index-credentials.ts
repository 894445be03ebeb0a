import type { Context } from '../../context.ts';
import { isCogplanError } from '../../errors.ts';
import type { Spec } from '../../spec/spec.ts';
import { projectSources } from './sources.ts';

/**
 * A context in which files that lie where one of the project's indexes does are asked for with the credentials that the surroundings have for that
 * index, as they were when the lock was made. Nothing is looked up before such a file is asked for.
 */
export function withIndexCredentials(context: Context, spec: Spec): Context {
  let origins: Promise<ReadonlyMap<string, URL>> | undefined;
  const stream: Context['http']['stream'] = async (url, options) => {
    // A variable that is not set says nothing of files that need no credentials, or have them in ~/.netrc.
    origins ??= originsOf(context, spec).catch((error: unknown) => {
      if (isCogplanError(error, 'COGPLAN_REQUIREMENT_VARIABLE')) return new Map();
      throw error;
    });
    return context.http.stream(withUserInfo(url, await origins), options);
  };
  return { ...context, http: { ...context.http, stream } };
}

async function originsOf(context: Context, spec: Spec): Promise<ReadonlyMap<string, URL>> {
  const { primary, extra, findLinks, rules } = await projectSources(context, spec);
  const origins = new Map<string, URL>();
  for (const place of [primary, ...extra, ...findLinks, ...(rules ?? []).map(({ url }) => url)]) {
    if (!URL.canParse(place)) continue;
    const url = new URL(place);
    if (url.password !== '' && !origins.has(url.origin)) origins.set(url.origin, url);
  }
  return origins;
}

function withUserInfo(text: string, origins: ReadonlyMap<string, URL>): string {
  if (origins.size === 0 || !/^https?:/i.test(text) || !URL.canParse(text)) return text;
  const url = new URL(text);
  const known = url.username === '' && url.password === '' ? origins.get(url.origin) : undefined;
  if (known === undefined) return text;
  url.username = known.username;
  url.password = known.password;
  return url.href;
}
