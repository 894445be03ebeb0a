import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Context } from '../../context.ts';
import { isCogplanError } from '../../errors.ts';
import type { Exchange } from '../../lock/schema.generated.ts';
import { byteRange } from './byte-range.ts';
import { type GuestRequest, isLoopback, openGuestProxy } from './guest-proxy.ts';
import { redactSecrets } from './redact-secrets.ts';
import type { StepNetwork } from './run-step.ts';

/** What a request is answered with; its body lies in the store. */
export type Answer = Pick<Exchange, 'status' | 'headers'> & { readonly sha256: Exchange['file']['sha256'] };

/** Of the headers of a request, those that may change its answer. */
export interface Asked {
  readonly accept?: string | undefined;
  /** Goes to the server that was asked, and is never kept. */
  readonly authorization?: string | undefined;
}

/** Finds the answer to a GET, or says why there is none; undefined where nobody listens and that is nothing to tell. */
export type FindAnswer = (url: string, asked: Asked) => Promise<Answer | string | undefined>;

/**
 * A network for one step. Every GET, and every HEAD as its GET without the body, is answered by `find`, in whole or by the range asked for; every other request is refused and
 * named, and so is one whose address holds a secret.
 */
export async function openStepNetwork(
  context: Context,
  find: FindAnswer,
  secrets: ReadonlyMap<string, Uint8Array> = new Map(),
): Promise<StepNetwork> {
  const refused: string[] = [];
  const answer = async ({ request, response, url }: GuestRequest): Promise<void> => {
    request.resume();
    const shown = redactSecrets(url, secrets);
    const refuse = (text: string): void => {
      refused.push(text);
      response.writeHead(403, { 'content-type': 'text/plain', connection: 'close' }).end(`${text}\n`);
    };
    const { method } = request;
    if (method !== 'GET' && method !== 'HEAD') return refuse(`${method} ${shown}`);
    if (shown !== url)
      return refuse(`${method} ${shown}: its address holds a secret, and addresses are kept in the lock`);
    const { accept, authorization } = request.headers;
    const found = await find(url, { accept, authorization });
    if (typeof found === 'string') return refuse(`${method} ${url}: ${found}`);
    if (found === undefined) {
      response.writeHead(502, { connection: 'close' }).end();
      return;
    }
    const size = (await context.store.stat(found.sha256))?.size ?? 0;
    const range = found.status === 200 ? byteRange(request.headers.range, size) : undefined;
    const headers = { ...found.headers, 'accept-ranges': 'bytes', connection: 'close' };
    if (range === 'unsatisfiable') {
      response.writeHead(416, { ...headers, 'content-length': '0', 'content-range': `bytes */${size}` }).end();
      return;
    }
    const { first, last } = range ?? { first: 0, last: size - 1 };
    response.writeHead(range === undefined ? found.status : 206, {
      ...headers,
      'content-length': String(last - first + 1),
      ...(range === undefined ? {} : { 'content-range': `bytes ${first}-${last}/${size}` }),
    });
    if (method === 'HEAD' || last < first) {
      response.end();
      return;
    }
    // A program that hangs up early has what it wants.
    await pipeline(createReadStream(context.store.blobPath(found.sha256), { start: first, end: last }), response).catch(
      () => {},
    );
  };
  const proxy = await openGuestProxy(context, {
    answer,
    onOdd: (text) => refused.push(redactSecrets(text, secrets)),
  });
  return { ...proxy, refused: () => [...new Set(refused)] };
}

/** Answers from what was recorded, and nothing else. */
export function replaying(exchanges: readonly (Answer & { readonly url: string })[]): FindAnswer {
  const byUrl = new Map(exchanges.map((item) => [item.url, item]));
  const origins = new Set(exchanges.map(({ url }) => new URL(url).origin));
  return async (url) => {
    const known = byUrl.get(url);
    if (known !== undefined || (isLoopback(url) && !origins.has(new URL(url).origin))) return known;
    return 'it was not recorded; `cogplan lock --refresh` records the step again';
  };
}

const KEPT_HEADERS = [
  'content-type',
  'content-disposition',
  'content-encoding',
  'etag',
  'last-modified',
  'link',
  'x-repo-commit',
];

/** Asks the outside once for each URL, and notes the answers in `exchanges`, by which they can be given again. */
export function recording(context: Context, exchanges: Map<string, Exchange>): FindAnswer {
  const underWay = new Map<string, ReturnType<typeof record>>();
  return async (url, asked) => {
    let answer = underWay.get(url) ?? record(context, url, asked);
    underWay.set(url, answer);
    const first = await answer;
    if (asked.authorization !== undefined && typeof first === 'object' && isForbidden(first.status)) {
      // Some programs name themselves only when they are asked to.
      answer = underWay.get(url) === answer ? record(context, url, asked) : (underWay.get(url) ?? answer);
      underWay.set(url, answer);
    }
    const exchange = await answer;
    if (exchange === undefined) underWay.delete(url);
    if (exchange === undefined || typeof exchange === 'string') return exchange;
    exchanges.set(url, exchange);
    return { status: exchange.status, headers: exchange.headers, sha256: exchange.file.sha256 };
  };
}

function isForbidden(status: number): boolean {
  return status === 401 || status === 403 || status === 404;
}

async function record(context: Context, url: string, asked: Asked): Promise<Exchange | string | undefined> {
  const given = Object.entries(asked).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  try {
    const response = await context.http.stream(url, { signal: context.signal, headers: Object.fromEntries(given) });
    const { sha256, size } = await context.store.put(response.body);
    if (response.size !== undefined && response.size !== size) return `it ends after ${size} of ${response.size} bytes`;
    const headers = KEPT_HEADERS.flatMap((name) =>
      response.headers[name] === undefined ? [] : [[name, response.headers[name]] as const],
    );
    return { url, status: 200, headers: Object.fromEntries(headers), file: { url, sha256, size, computed: true } };
  } catch (error) {
    if (!isCogplanError(error)) throw error;
    if (isLoopback(url) && error.data?.cause === 'ECONNREFUSED') return undefined;
    const status = error.data?.status;
    if (typeof status !== 'number' || status < 400 || status >= 500) return error.message;
    const { sha256, size } = await context.store.put(new Uint8Array(0));
    const challenge = error.data?.challenge;
    const headers: Record<string, string> = typeof challenge === 'string' ? { 'www-authenticate': challenge } : {};
    return { url, status, headers, file: { url, sha256, size, computed: true } };
  }
}
