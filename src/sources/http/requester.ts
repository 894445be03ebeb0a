import { setMaxListeners } from 'node:events';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { CogplanError } from '../../errors.ts';
import { type FindAuthorization, splitUserInfo } from './credentials.ts';
import { networkError, publicUrl, statusError } from './http-errors.ts';
import { fromMirror, type Mirrors, toMirror } from './mirrors.ts';
import { isRetriedStatus, isTransient, LONGEST_RETRY_AFTER, parseRetryAfter, pause } from './retry.ts';

export interface RawResponse {
  readonly status: number;
  /** Final URL, as if there were no mirrors. */
  readonly url: string;
  /** Every URL that was asked on the way, the first and the final one included, as if there were no mirrors. */
  readonly urls: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Dispatcher.ResponseData['body'];
}

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Request {
  /** Default: GET. */
  readonly method?: Method;
  readonly url: string;
  /** Makes the body anew for each try and each redirect that asks for it again. */
  readonly body?: () => Uint8Array | Readable;
  /** Further tries after the first, where it is not to be the requester's number. */
  readonly retries?: number;
  /** True: mirrors are left aside. */
  readonly direct?: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
  /** Statuses besides 2xx that are answers, not errors. */
  readonly allowStatus: readonly number[];
}

export interface Requester {
  /** Sends a request and reads its answer by `consume`, which is tried again together with the request. */
  send<T>(request: Request, consume: (response: RawResponse) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface RequesterInput {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly mirrors: Mirrors;
  readonly authorization: FindAuthorization;
  readonly now: () => Date;
  readonly retries: number;
  readonly backoff: (attempt: number) => number;
}

const MOST_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Headers that belong to the origin they were meant for. */
const PRIVATE_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'x-amz-security-token',
  'x-amz-sso_bearer_token',
  'x-aws-ec2-metadata-token',
]);

export function createRequester(input: RequesterInput): Requester {
  let dispatcher: Dispatcher | undefined;
  /** By origin: an index whose URL has user info names files on its own host without it. */
  const known = new Map<string, string>();

  async function send<T>(request: Request, consume: (response: RawResponse) => Promise<T>): Promise<T> {
    const shown = publicUrl(request.url);
    // Every request under way listens to it, and there may be many.
    if (request.signal !== undefined) setMaxListeners(0, request.signal);
    for (let attempt = 1; ; attempt++) {
      const isLast = attempt > (request.retries ?? input.retries);
      let wait = input.backoff(attempt);
      try {
        const response = await follow(request);
        if (isSuccess(response.status) || request.allowStatus.includes(response.status)) return await consume(response);
        await discard(response);
        const asked = parseRetryAfter(response.headers['retry-after'], input.now()) ?? 0;
        if (isLast || !isRetriedStatus(response.status) || asked > LONGEST_RETRY_AFTER)
          throw statusError(shown, response.status, response.headers);
        wait = Math.max(wait, asked);
      } catch (error) {
        if (isLast || request.signal?.aborted || !isTransient(error)) throw networkError(shown, error, request.signal);
      }
      await pause(wait, request.signal).catch((error: unknown) => {
        throw networkError(shown, error, request.signal);
      });
    }
  }

  async function follow(request: Request): Promise<RawResponse> {
    const [{ request: ask }, { createDispatcher }] = await Promise.all([import('undici'), import('./dispatcher.ts')]);
    dispatcher ??= createDispatcher(input.env);
    const { method = 'GET' } = request;
    const direct = request.direct === true;
    let hop = prepare(request.url, undefined, direct);
    let { authorization } = hop;
    let { headers } = request;
    const urls: string[] = [];
    for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      if (authorization !== undefined) known.set(hop.url.origin, authorization);
      const credentials = authorization ?? known.get(hop.url.origin) ?? input.authorization(hop.url);
      const answer = await ask(hop.url, {
        dispatcher,
        method,
        ...(request.body === undefined ? {} : { body: request.body() }),
        headers: credentials === undefined ? headers : { authorization: credentials, ...headers },
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
      urls.push(direct ? hop.url.href : fromMirror(input.mirrors, hop.url.href));
      const response: RawResponse = {
        status: answer.statusCode,
        url: urls.at(-1) ?? hop.url.href,
        urls: [...urls],
        headers: flatten(answer.headers),
        body: answer.body,
      };
      const { location } = response.headers;
      if (!REDIRECTS.has(response.status) || location === undefined) return response;
      await discard(response);
      if (method !== 'GET' && method !== 'HEAD' && response.status !== 307 && response.status !== 308)
        throw refused(request.url, `a ${method} cannot follow a redirect with status ${response.status}`);
      const next = prepare(location, hop.url, direct);
      if (next.url.origin !== hop.url.origin) {
        authorization = next.authorization;
        headers = Object.fromEntries(Object.entries(headers).filter(([name]) => !PRIVATE_HEADERS.has(name)));
      }
      hop = next;
    }
    throw refused(request.url, `more than ${MOST_REDIRECTS} redirects`);
  }

  /** The URL to ask for `target`, which may be relative to the one asked before. */
  function prepare(
    target: string,
    before: URL | undefined,
    direct: boolean,
  ): { readonly url: URL; readonly authorization: string | undefined } {
    if (!URL.canParse(target, before?.href)) throw unsupported(target, 'it is not a URL');
    const wanted = new URL(target, before);
    const { url: address, mirrored } = toMirror(direct ? [] : input.mirrors, publicUrl(wanted.href));
    const { url, authorization } = splitUserInfo(mirrored ? new URL(address) : wanted);
    url.hash = '';
    if (url.protocol !== 'https:' && url.protocol !== 'http:')
      throw unsupported(target, 'only http and https can be fetched');
    if (before?.protocol === 'https:' && url.protocol === 'http:' && !mirrored)
      throw refused(before.href, `it redirects to ${url.host} without encryption`);
    // A password in a redirect was chosen by the server that sent it, not by the user.
    return { url, authorization: before === undefined || mirrored ? authorization : undefined };
  }

  return { send, close: async () => dispatcher?.destroy() };
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): Readonly<Record<string, string>> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) flat[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  return flat;
}

/** Reads a short rest, so that the connection can be used again; drops the connection of a long one. */
async function discard(response: RawResponse): Promise<void> {
  await response.body.dump({ limit: 64 * 1024 }).catch(() => {});
}

function refused(url: string, reason: string): CogplanError {
  const subject = publicUrl(url);
  return new CogplanError('COGPLAN_NETWORK', `${subject} is not followed: ${reason}`, { subject });
}

function unsupported(url: string, reason: string): CogplanError {
  const subject = publicUrl(url);
  return new CogplanError('COGPLAN_URL_UNSUPPORTED', `${subject} cannot be fetched: ${reason}`, { subject });
}
