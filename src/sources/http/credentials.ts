import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Gives the value of the Authorization header for a URL without user info, if there is one. */
export type FindAuthorization = (url: URL) => string | undefined;

/** Takes the user info off a URL and turns it into an Authorization value. */
export function splitUserInfo(url: URL): { readonly url: URL; readonly authorization: string | undefined } {
  if (url.username === '' && url.password === '') return { url, authorization: undefined };
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  return { url: bare, authorization: basic(decode(url.username), decode(url.password)) };
}

/**
 * Credentials of the netrc file that NETRC names, or `~/.netrc`. Its `default` entry is not used: it would hand the
 * same password to every host. A file that cannot be read has no entries.
 */
export function createNetrc(env: Readonly<Record<string, string | undefined>>): FindAuthorization {
  let entries: ReadonlyMap<string, string> | undefined;
  return (url) => {
    entries ??= readNetrc(env.NETRC || join(env.HOME || homedir(), '.netrc'));
    return entries.get(url.hostname);
  };
}

function readNetrc(path: string): ReadonlyMap<string, string> {
  try {
    return parseNetrc(readFileSync(path, 'utf8'));
  } catch {
    return new Map();
  }
}

/** Authorization values by host name; the first entry of a host counts. */
export function parseNetrc(text: string): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  const withoutMacros = text.replace(/^[ \t]*macdef\b.*\n(?:.*\S.*(?:\n|$))*/gm, '').replace(/(^|\s)#.*/g, '$1');
  const tokens = [...withoutMacros.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(
    ([, quoted, plain]) => quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '',
  );
  let entry: { readonly machine: string | undefined; login: string; password: string } | undefined;
  const finish = (): void => {
    if (entry?.machine !== undefined && !entries.has(entry.machine))
      entries.set(entry.machine, basic(entry.login, entry.password));
  };
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    if (token === 'default' || token === 'machine') {
      finish();
      entry = { machine: token === 'machine' ? tokens[++at]?.toLowerCase() : undefined, login: '', password: '' };
    } else if (token === 'login' && entry !== undefined) entry.login = tokens[++at] ?? '';
    else if (token === 'password' && entry !== undefined) entry.password = tokens[++at] ?? '';
    else if (token === 'account') at++;
  }
  finish();
  return entries;
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
