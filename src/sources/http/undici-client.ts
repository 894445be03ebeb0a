import { Readable } from 'node:stream';
import { createNetrc } from './credentials.ts';
import { cacheKey, createHttpCache, validatorsOf } from './http-cache.ts';
import type { GetOptions, HttpClient, HttpResponse } from './http-client.ts';
import { networkError, offlineError, publicUrl } from './http-errors.ts';
import { createHubToken, hubMirror } from './hub-token.ts';
import { parseMirrors } from './mirrors.ts';
import { readBody } from './read-body.ts';
import { createRequester, type RawResponse } from './requester.ts';
import { defaultBackoff } from './retry.ts';

export interface HttpClientInput {
  /** Cached responses go to `http/` below it; need not exist. */
  readonly cacheDirectory: string;
  /** Proxies, certificate authorities, netrc and COGPLAN_MIRRORS are taken from here. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly offline: boolean;
  readonly userAgent: string;
  readonly now: () => Date;
  /** Further tries after the first; default 4. */
  readonly retries?: number;
  /** Milliseconds before try number `attempt`, from 1. */
  readonly backoff?: (attempt: number) => number;
}

const DEFAULT_LIMIT = 64 * 1024 * 1024;
const SEND_LIMIT = 4 * 1024 * 1024;

/** Throws COGPLAN_MIRRORS_INVALID; everything else is found out by the first request. */
export function createHttpClient(input: HttpClientInput): HttpClient {
  const cache = createHttpCache(input.cacheDirectory, input.now);
  const [netrc, hubToken] = [createNetrc(input.env), createHubToken(input.env)];
  const requester = createRequester({
    env: input.env,
    mirrors: [...parseMirrors(input.env.COGPLAN_MIRRORS), ...hubMirror(input.env)],
    authorization: (url) => hubToken(url) ?? netrc(url),
    now: input.now,
    retries: input.retries ?? 4,
    backoff: input.backoff ?? defaultBackoff,
  });

  async function get(url: string, options: GetOptions = {}): Promise<HttpResponse> {
    const mode = options.cache ?? 'revalidate';
    const key = cacheKey(publicUrl(url), options.accept);
    const known = mode === 'none' ? undefined : await cache.read(key);
    if (known !== undefined && (mode === 'immutable' || input.offline)) return known;
    if (input.offline) throw offlineError(publicUrl(url));
    const acceptsGzip = /json|html/.test(options.accept ?? '');
    const fresh = await requester.send(
      {
        url,
        headers: {
          ...baseHeaders(acceptsGzip ? 'gzip' : 'identity'),
          ...(options.accept === undefined ? {} : { accept: options.accept }),
          ...(known === undefined ? {} : validatorsOf(known)),
          ...lowerCased(options.headers),
        },
        signal: options.signal,
        allowStatus: [...(options.allowStatus ?? []), ...(known === undefined ? [] : [304])],
      },
      async (response): Promise<HttpResponse> => ({
        status: response.status,
        url: response.url,
        headers: response.headers,
        body: await readBody(response, options.maxBytes ?? DEFAULT_LIMIT, acceptsGzip),
      }),
    );
    if (fresh.status === 304 && known !== undefined) return known;
    const isKept =
      mode !== 'none' && fresh.status === 200 && !/\bno-store\b/.test(fresh.headers['cache-control'] ?? '');
    if (isKept) await cache.write(key, fresh);
    return fresh;
  }

  async function range(
    url: string,
    start: number,
    end?: number,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<{ readonly body: Buffer; readonly totalSize: number } | undefined> {
    if (input.offline) throw offlineError(publicUrl(url));
    const asked = start < 0 ? `${start}` : `${start}-${end ?? ''}`;
    return requester.send(
      {
        url,
        headers: { ...baseHeaders('identity'), range: `bytes=${asked}` },
        signal: options.signal,
        allowStatus: [416, 501],
      },
      async (response) => {
        const part = parseContentRange(response);
        const isAsked =
          part !== undefined &&
          (start < 0 ? part.last === part.total - 1 : part.first === start && part.last <= (end ?? part.last));
        if (!isAsked) {
          drop(response);
          return undefined;
        }
        const length = part.last - part.first + 1;
        const body = await readBody(response, Math.min(length, DEFAULT_LIMIT), false);
        return body.length === length ? { body, totalSize: part.total } : undefined;
      },
    );
  }

  const stream: HttpClient['stream'] = async (url, options = {}) => {
    if (input.offline) throw offlineError(publicUrl(url));
    const asked = options.offset ?? 0;
    return requester.send(
      {
        url,
        headers: {
          ...baseHeaders('identity'),
          ...(asked > 0 ? { range: `bytes=${asked}-` } : {}),
          ...lowerCased(options.headers),
        },
        signal: options.signal,
        allowStatus: [],
        ...(options.direct === undefined ? {} : { direct: options.direct }),
      },
      async (response) => {
        const part = parseContentRange(response);
        const length = response.headers['content-length'];
        const body = Readable.from(readChunks(response, publicUrl(url), options.signal), { objectMode: false });
        body.once('close', () => drop(response));
        return {
          status: response.status,
          size: part?.total ?? (length === undefined ? undefined : Number(length)),
          offset: part?.first ?? 0,
          urls: response.urls,
          body,
          headers: response.headers,
        };
      },
    );
  };

  const send: HttpClient['send'] = async (url, options) => {
    if (input.offline) throw offlineError(publicUrl(url));
    const { method, body, retries, direct } = options;
    return requester.send(
      {
        url,
        method,
        headers: { ...baseHeaders('identity'), ...lowerCased(options.headers) },
        signal: options.signal,
        allowStatus: options.allowStatus ?? [],
        ...(body === undefined ? {} : { body }),
        ...(retries === undefined ? {} : { retries }),
        ...(direct === undefined ? {} : { direct }),
      },
      async (response): Promise<HttpResponse> => ({
        status: response.status,
        url: response.url,
        headers: response.headers,
        body:
          method === 'HEAD' ? await drained(response) : await readBody(response, options.maxBytes ?? SEND_LIMIT, false),
      }),
    );
  };

  function baseHeaders(encoding: string): Readonly<Record<string, string>> {
    return { 'user-agent': input.userAgent, 'accept-encoding': encoding };
  }

  return { offline: input.offline, get, range, send, stream, close: () => requester.close() };
}

/** Errors on the way become cogplan's; leaving early closes the connection. */
async function* readChunks(
  response: RawResponse,
  url: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* response.body;
  } catch (error) {
    throw networkError(url, error, signal);
  }
}

/** `bytes first-last/total` of a 206 (RFC 9110, section 14.4). */
function parseContentRange(
  response: RawResponse,
): { readonly first: number; readonly last: number; readonly total: number } | undefined {
  if (response.status !== 206) return undefined;
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(response.headers['content-range'] ?? '');
  if (match === null) return undefined;
  const [first, last, total] = [Number(match[1]), Number(match[2]), Number(match[3])];
  return first <= last && last < total ? { first, last, total } : undefined;
}

/** An answer to HEAD has a length and no bytes. */
async function drained(response: RawResponse): Promise<Buffer> {
  await response.body.dump();
  return Buffer.alloc(0);
}

function drop(response: RawResponse): void {
  response.body.on('error', () => {}).destroy();
}

function lowerCased(headers: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
