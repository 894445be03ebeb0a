import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { Context } from '../../context.ts';
import { isCogplanError } from '../../errors.ts';
import type { Exchange } from '../../lock/schema.generated.ts';
import { createAuthority } from './authority.ts';
import { AUTHORITY_FILE, FORWARD_PREFIX, PROXY_SOCKET, PROXY_URL } from './forward-program.ts';
import type { StepNetwork } from './run-step.ts';

/** What a request is answered with; its body lies in the store. */
export type Answer = Pick<Exchange, 'status' | 'headers'> & { readonly sha256: Exchange['file']['sha256'] };

/** Finds the answer to a GET, or says why there is none. */
export type FindAnswer = (url: string, accept: string | undefined) => Promise<Answer | string>;

const AUTHORITY_VARIABLES = [
  'SSL_CERT_FILE',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'PIP_CERT',
  'GIT_SSL_CAINFO',
  'NODE_EXTRA_CA_CERTS',
];
const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'];

/**
 * A network for one step: a proxy that a sandbox without a network reaches by a socket, for HTTP and, by an authority of its own, HTTPS. Every GET is answered by `find`; every other
 * request is refused and named.
 */
export async function openStepNetwork(context: Context, find: FindAnswer): Promise<StepNetwork> {
  // The name of a socket has at most 107 bytes, which a place in the store may exceed.
  const place = await mkdtemp('/tmp/cogplan-step-');
  const authority = await createAuthority(context.now());
  const refused: string[] = [];
  const sockets = new Set<Duplex>();
  const refuse = (response: ServerResponse, text: string): void => {
    refused.push(text);
    response.writeHead(403, { 'content-type': 'text/plain' }).end(`${text}\n`);
  };
  const answer = async (request: IncomingMessage, response: ServerResponse, base: string): Promise<void> => {
    request.resume();
    const url = new URL(request.url ?? '/', base).href;
    if (request.method !== 'GET') return refuse(response, `${request.method} ${url}`);
    const found = await find(url, request.headers.accept);
    if (typeof found === 'string') return refuse(response, `GET ${url}: ${found}`);
    const { size } = (await context.store.stat(found.sha256)) ?? { size: 0 };
    response.writeHead(found.status, { ...found.headers, 'content-length': String(size), connection: 'close' });
    createReadStream(context.store.blobPath(found.sha256)).pipe(response);
  };
  const serve = (base: string) => (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response, base).catch((error: unknown) => {
      refused.push(`GET ${request.url}: ${error instanceof Error ? error.message : String(error)}`);
      response.destroy();
    });
  };
  const proxy = createServer(serve('http://nowhere.invalid'));
  proxy.on('connection', (socket) => sockets.add(socket));
  proxy.on('connect', (request: IncomingMessage, socket: Duplex) => {
    const match = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(request.url ?? '');
    if (match?.[1] === undefined) {
      socket.destroy();
      return;
    }
    const [, host, port] = match;
    socket.on('error', () => {});
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    const secure = new TLSSocket(socket, {
      isServer: true,
      secureContext: authority.contextFor(host.replace(/^\[|\]$/g, '')),
    });
    secure.on('error', () => {});
    const inner: Server = createServer(serve(`https://${host}${port === '443' ? '' : `:${port}`}`));
    inner.emit('connection', secure);
  });
  const path = join(place, 'proxy.sock');
  const certificates = join(place, 'ca.pem');
  await writeFile(certificates, authority.certificate);
  await new Promise<void>((resolve, reject) => proxy.once('error', reject).listen(path, resolve));
  return {
    binds: [
      { host: path, guest: PROXY_SOCKET, writable: true },
      { host: certificates, guest: AUTHORITY_FILE, writable: false },
    ],
    env: Object.fromEntries([
      ...AUTHORITY_VARIABLES.map((name) => [name, AUTHORITY_FILE]),
      ...PROXY_VARIABLES.map((name) => [name, PROXY_URL]),
      ['no_proxy', ''],
    ]),
    prefix: FORWARD_PREFIX,
    refused: () => [...new Set(refused)],
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
      await rm(place, { recursive: true, force: true });
    },
  };
}

/** Answers from what was recorded, and nothing else. */
export function replaying(exchanges: readonly (Answer & { readonly url: string })[]): FindAnswer {
  const byUrl = new Map(exchanges.map((item) => [item.url, item]));
  return async (url) => byUrl.get(url) ?? 'it was not recorded; `cogplan lock --refresh` records the step again';
}

const KEPT_HEADERS = ['content-type', 'content-disposition', 'etag'];

/** Asks the outside once for each URL, and notes the answers in `exchanges`, by which they can be given again. */
export function recording(context: Context, exchanges: Map<string, Exchange>): FindAnswer {
  const underWay = new Map<string, Promise<Exchange | string>>();
  return async (url, accept) => {
    const known = underWay.get(url) ?? record(context, url, accept);
    underWay.set(url, known);
    const exchange = await known;
    if (typeof exchange === 'string') return exchange;
    exchanges.set(url, exchange);
    return { status: exchange.status, headers: exchange.headers, sha256: exchange.file.sha256 };
  };
}

async function record(context: Context, url: string, accept: string | undefined): Promise<Exchange | string> {
  try {
    const response = await context.http.stream(url, {
      signal: context.signal,
      ...(accept === undefined ? {} : { headers: { accept } }),
    });
    const { sha256, size } = await context.store.put(response.body);
    if (response.size !== undefined && response.size !== size) return `it ends after ${size} of ${response.size} bytes`;
    const headers = KEPT_HEADERS.flatMap((name) =>
      response.headers[name] === undefined ? [] : [[name, response.headers[name]] as const],
    );
    return { url, status: 200, headers: Object.fromEntries(headers), file: { url, sha256, size, computed: true } };
  } catch (error) {
    if (!isCogplanError(error)) throw error;
    const status = error.data?.status;
    if (typeof status !== 'number' || status < 400 || status >= 500) return error.message;
    const { sha256, size } = await context.store.put(new Uint8Array(0));
    return { url, status, headers: {}, file: { url, sha256, size, computed: true } };
  }
}
