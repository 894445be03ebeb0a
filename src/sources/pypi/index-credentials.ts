import { execFile } from 'node:child_process';
import type { Context } from '../../context.ts';

export interface IndexPlace {
  /** May hold a user name, with or without a password. */
  readonly url: string;
  /** Name of the index in the settings, by which the environment knows it. */
  readonly name?: string | undefined;
}

/**
 * The URL of an index with the credentials that the surroundings have for it, in this order: a password in the URL itself;
 * `COGPLAN_INDEX_<NAME>_USERNAME` and `_PASSWORD` (or `UV_INDEX_…`) for an index with a name; and, for a user name without a password, what
 * the command `keyring get` prints. netrc is looked up by the HTTP client. The result is for requests, never for a lock.
 */
export async function indexCredentials(context: Pick<Context, 'env' | 'signal'>, place: IndexPlace): Promise<string> {
  if (!URL.canParse(place.url)) return place.url;
  const url = new URL(place.url);
  if (url.password !== '') return place.url;
  const fromEnvironment = environmentOf(context.env, place.name);
  if (fromEnvironment.username !== undefined) url.username = encodeURIComponent(fromEnvironment.username);
  if (fromEnvironment.password !== undefined) url.password = encodeURIComponent(fromEnvironment.password);
  else if (url.username !== '') {
    const user = decodeURIComponent(url.username);
    const bare = place.url.replace(/^([a-z]+:\/\/)[^/@]*@/i, '$1');
    const password = (await askKeyring(context, bare, user)) ?? (await askKeyring(context, url.host, user));
    if (password !== undefined) url.password = encodeURIComponent(password);
  }
  return url.username === '' && url.password === '' ? place.url : url.href;
}

function environmentOf(
  env: Context['env'],
  name: string | undefined,
): { readonly username: string | undefined; readonly password: string | undefined } {
  if (name === undefined) return { username: undefined, password: undefined };
  const spelled = name.toUpperCase().replace(/[^A-Z0-9]+/g, '_');
  const read = (what: string): string | undefined =>
    env[`COGPLAN_INDEX_${spelled}_${what}`] || env[`UV_INDEX_${spelled}_${what}`] || undefined;
  return { username: read('USERNAME'), password: read('PASSWORD') };
}

/** What `keyring get SERVICE USER` prints; undefined where there is no such command or entry. https://pypi.org/project/keyring/ */
function askKeyring(
  { env, signal }: Pick<Context, 'env' | 'signal'>,
  service: string,
  user: string,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { env: { ...env }, signal, timeout: 30_000, maxBuffer: 64 * 1024 };
    execFile('keyring', ['get', service, user], options, (error, stdout) => {
      const password = stdout.replace(/\r?\n$/, '');
      resolve(error !== null || password === '' ? undefined : password);
    });
  });
}
