import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/**
 * COGPLAN_STORE, else `cogplan` in XDG_CACHE_HOME (which must be absolute to count, as the XDG base directory
 * specification says), else `~/.cache/cogplan`.
 */
export function defaultStoreRoot(env: Readonly<Record<string, string | undefined>>): string {
  if (env.COGPLAN_STORE) return resolve(env.COGPLAN_STORE);
  const cache = env.XDG_CACHE_HOME;
  if (cache && isAbsolute(cache)) return join(cache, 'cogplan');
  return join(env.HOME || homedir(), '.cache', 'cogplan');
}
