import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { FindAuthorization } from './credentials.ts';
import type { Mirrors } from './mirrors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const HUB = 'https://huggingface.co';

/** HF_ENDPOINT, as users of the hub's own tools have it: another address for the hub. */
export function hubMirror(env: Environment): Mirrors {
  const endpoint = env.HF_ENDPOINT?.trim().replace(/\/+$/, '');
  return endpoint === undefined || !/^https?:\/\/[^/]/.test(endpoint) || endpoint === HUB
    ? []
    : [{ from: HUB, to: endpoint }];
}

/**
 * HF_TOKEN (or HUGGING_FACE_HUB_TOKEN), or else the token that `hf auth login` has left, for the hub's own origin; where the hub sends a client to fetch
 * bytes is another. https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
 */
export function createHubToken(env: Environment): FindAuthorization {
  const origins = new Set([HUB, ...hubMirror(env).map(({ to }) => to)].map((url) => new URL(url).origin));
  let token: string | undefined;
  return (url) => {
    if (!origins.has(url.origin)) return undefined;
    token ??= env.HF_TOKEN?.trim() || env.HUGGING_FACE_HUB_TOKEN?.trim() || readToken(env);
    return token === '' ? undefined : `Bearer ${token}`;
  };
}

/** Empty where nobody has logged in. */
function readToken(env: Environment): string {
  if (/^(?:1|true|yes|on)$/i.test(env.HF_HUB_DISABLE_IMPLICIT_TOKEN ?? '')) return '';
  const cache = env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache');
  const path = env.HF_TOKEN_PATH || join(env.HF_HOME || join(cache, 'huggingface'), 'token');
  try {
    const token = readFileSync(path, 'utf8').trim();
    return /^[\x21-\x7e]{1,1000}$/.test(token) ? token : '';
  } catch {
    return '';
  }
}

/** What to do when the hub refuses an address of its own; undefined for other addresses. */
export function hubRefusalHint(url: string, status: number): string | undefined {
  return (status === 401 || status === 403) && url.startsWith(`${HUB}/`) ? HUB_REFUSAL_HINT : undefined;
}

export const HUB_REFUSAL_HINT =
  'Accept its terms on the hub if it is gated, and give a token that may read it in HF_TOKEN, or by `hf auth login`.';
