import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { publicUrl } from './http-errors.ts';
import { hubMirror } from './hub-token.ts';
import { fromMirror, parseMirrors, toMirror } from './mirrors.ts';

export interface PassedRequest {
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  /** As the program sent them; what concerns one connection only is left out. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Readable | undefined;
  readonly signal: AbortSignal;
}

export interface PassedAnswer {
  readonly status: number;
  /** Lower-cased names; fit to be handed on. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Readable;
}

/** Hands requests of another program on as they are: no redirects followed, nothing tried again, no credentials added. */
export interface PassThrough {
  send(request: PassedRequest): Promise<PassedAnswer>;
  close(): Promise<void>;
}

/** RFC 9110, section 7.6.1; and what the next connection says for itself. */
const OF_ONE_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Proxies, certificate authorities and mirrors are those of the environment. Bodies are asked for as they are stored, without a content coding. */
export function createPassThrough(env: Readonly<Record<string, string | undefined>>): PassThrough {
  let dispatcher: Dispatcher | undefined;
  const mirrors = [...parseMirrors(env.COGPLAN_MIRRORS), ...hubMirror(env)];
  return {
    send: async ({ method, url, headers, body, signal }) => {
      const [{ request }, { createDispatcher }] = await Promise.all([import('undici'), import('./dispatcher.ts')]);
      dispatcher ??= createDispatcher(env);
      const given = Object.entries(headers).filter(([name]) => !OF_ONE_CONNECTION.has(name));
      const answer = await request(toMirror(mirrors, publicUrl(url)).url, {
        dispatcher,
        method: method as Dispatcher.HttpMethod,
        headers: { ...(Object.fromEntries(given) as Record<string, string | string[]>), 'accept-encoding': 'identity' },
        body: body ?? null,
        signal,
      });
      const kept = Object.entries(answer.headers).flatMap(([name, value]) =>
        value === undefined || OF_ONE_CONNECTION.has(name.toLowerCase()) ? [] : [[name.toLowerCase(), value] as const],
      );
      const passed = Object.fromEntries(kept);
      const { location } = passed;
      if (typeof location === 'string' && URL.canParse(location)) passed.location = fromMirror(mirrors, location);
      return { status: answer.statusCode, headers: passed, body: answer.body };
    },
    close: async () => dispatcher?.destroy(),
  };
}
