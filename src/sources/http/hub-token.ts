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

/** HF_TOKEN (or HUGGING_FACE_HUB_TOKEN) for the hub's own origin; where the hub sends a client to fetch bytes is another. */
export function createHubToken(env: Environment): FindAuthorization {
  const token = env.HF_TOKEN?.trim() || env.HUGGING_FACE_HUB_TOKEN?.trim();
  if (token === undefined || token === '') return () => undefined;
  const origins = new Set([HUB, ...hubMirror(env).map(({ to }) => to)].map((url) => new URL(url).origin));
  return (url) => (origins.has(url.origin) ? `Bearer ${token}` : undefined);
}
