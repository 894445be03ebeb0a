import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** What the server answers with. Without `status`: 200, or 206 and 304 as the request's headers ask. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** False: the Range header is ignored. */
  readonly ranges?: boolean;
  /** Closes the connection after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Says nothing of the length, and ends properly. */
  readonly chunked?: boolean;
  /** Repeats the body until the client hangs up. */
  readonly endless?: boolean;
  /** Waits so many milliseconds before the first byte. */
  readonly delay?: number;
}

export interface RecordedRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export interface HttpTestServer {
  /** Without a trailing slash. */
  readonly url: string;
  readonly port: number;
  readonly requests: readonly RecordedRequest[];
  /** Requests of one path. */
  requestsOf(path: string): readonly RecordedRequest[];
  /** Answers of a path, in turn; the last one stays. A function sees the request. Other paths are 404. */
  answer(path: string, ...answers: readonly (Answer | ((request: RecordedRequest) => Answer))[]): void;
  close(): Promise<void>;
}

/** Directory of `ca.pem`, the authority of the HTTPS server's certificate (for `localhost` and 127.0.0.1). */
export const TLS_DIRECTORY = fileURLToPath(new URL('../fixtures/tls/', import.meta.url));

/** A server on 127.0.0.1 that misbehaves as told. `https` uses the private authority of `test/fixtures/tls`. */
export async function startHttpServer(options: { readonly https?: boolean } = {}): Promise<HttpTestServer> {
  const requests: RecordedRequest[] = [];
  const routes = new Map<string, (Answer | ((request: RecordedRequest) => Answer))[]>();

  const listener = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request: RecordedRequest = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers as Record<string, string | undefined>,
    };
    requests.push(request);
    incoming.resume();
    const answers = routes.get(request.path) ?? routes.get(decoded(request.path));
    const next = answers !== undefined && answers.length > 1 ? answers.shift() : answers?.[0];
    const answer = typeof next === 'function' ? next(request) : next;
    await respond(request, response, answer ?? { status: 404, body: 'not here' });
  };
  const onRequest = (incoming: IncomingMessage, response: ServerResponse): void => {
    listener(incoming, response).catch(() => response.destroy());
  };
  const server =
    options.https === true
      ? createTlsServer(
          { key: readFileSync(`${TLS_DIRECTORY}server.key`), cert: readFileSync(`${TLS_DIRECTORY}server.pem`) },
          onRequest,
        )
      : createPlainServer(onRequest);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.https === true ? 'https://localhost' : 'http://127.0.0.1'}:${port}`,
    port,
    requests,
    requestsOf: (path) => requests.filter((request) => request.path === path),
    answer: (path, ...answers) => {
      routes.set(path, [...answers]);
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Programs differ in what they escape in a path. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Strong validator for a body, for answers that should be revalidated. */
export function etagOf(body: Uint8Array | string): string {
  return `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`;
}

async function respond(request: RecordedRequest, response: ServerResponse, answer: Answer): Promise<void> {
  const whole = Buffer.from(answer.body ?? '');
  if (answer.delay !== undefined) await sleep(answer.delay, undefined, { ref: false });
  const headers = { ...answer.headers };
  const etag = headers.etag;
  if (answer.status === undefined && etag !== undefined && request.headers['if-none-match'] === etag) {
    response.writeHead(304, headers).end();
    return;
  }
  const range = answer.status === undefined && answer.ranges !== false ? findRange(request, whole.length) : undefined;
  if (range === 'unsatisfiable') {
    response.writeHead(416, { ...headers, 'content-range': `bytes */${whole.length}` }).end();
    return;
  }
  const body = range === undefined ? whole : whole.subarray(range.first, range.last + 1);
  if (range !== undefined) headers['content-range'] = `bytes ${range.first}-${range.last}/${whole.length}`;
  if (answer.chunked !== true && answer.endless !== true) headers['content-length'] ??= String(body.length);
  response.writeHead(answer.status ?? (range === undefined ? 200 : 206), headers);
  if (answer.endless === true) {
    const flood = (): void => {
      while (!response.destroyed && response.write(body));
    };
    response.on('drain', flood);
    flood();
  } else if (answer.cutAfter !== undefined && answer.cutAfter < body.length) {
    response.write(body.subarray(0, answer.cutAfter), () => setTimeout(() => response.destroy(), 20));
  } else {
    response.end(body);
  }
}

function findRange(
  request: RecordedRequest,
  length: number,
): { readonly first: number; readonly last: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '');
  if (match === null) return undefined;
  const [, from = '', to = ''] = match;
  const first = from === '' ? Math.max(0, length - Number(to)) : Number(from);
  const last = from === '' || to === '' ? length - 1 : Math.min(Number(to), length - 1);
  return first > last ? 'unsatisfiable' : { first, last };
}
