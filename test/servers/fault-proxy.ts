import { createServer, type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What happens to a request in place of being passed on whole. */
export type Fault =
  /** The connection ends before an answer. */
  | { readonly kind: 'reset' }
  /** The request is passed on, the connection ends after so many bytes of its body. */
  | { readonly kind: 'cut-request'; readonly after: number }
  /** The answer ends after so many bytes. */
  | { readonly kind: 'truncate'; readonly after: number }
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: number }
  | { readonly kind: 'slow'; readonly milliseconds: number }
  | { readonly kind: 'redirect'; readonly to: string };

export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  /** Bytes of the body that arrived, and of the answer's. */
  sent: number;
  received: number;
}

export interface FaultProxy {
  readonly host: string;
  readonly port: number;
  readonly requests: readonly ProxiedRequest[];
  /** The next `times` requests that match get the fault. */
  fail(matches: RegExp, fault: Fault, times?: number): void;
  close(): Promise<void>;
}

/** A reverse proxy before a server on this machine that misbehaves as told, and counts bytes. `METHOD /path?query` is what faults match. */
export async function startFaultProxy(target: number): Promise<FaultProxy> {
  const requests: ProxiedRequest[] = [];
  const faults: { readonly matches: RegExp; readonly fault: Fault; times: number }[] = [];

  const onRequest = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url: path = '', headers } = incoming;
    const entry: ProxiedRequest = { method, path, authorization: headers.authorization, sent: 0, received: 0 };
    requests.push(entry);
    const found = faults.find(({ matches, times }) => times > 0 && matches.test(`${method} ${path}`));
    if (found !== undefined) found.times--;
    const fault = found?.fault;
    switch (fault?.kind) {
      case 'reset':
        incoming.socket.destroy();
        return;
      case 'status':
        incoming.resume();
        response.writeHead(
          fault.status,
          fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) },
        );
        response.end();
        return;
      case 'redirect':
        incoming.resume();
        response.writeHead(307, { location: fault.to }).end();
        return;
      case 'slow':
        await sleep(fault.milliseconds);
    }
    const forwarded = sendRequest({ host: '127.0.0.1', port: target, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on('data', (chunk: Buffer) => {
        const room = fault?.kind === 'truncate' ? fault.after - entry.received : Number.POSITIVE_INFINITY;
        entry.received += Math.min(room, chunk.length);
        response.write(chunk.length <= room ? chunk : chunk.subarray(0, room));
        if (chunk.length > room) {
          answer.destroy();
          setTimeout(() => response.destroy(), 10);
        }
      });
      answer.on('end', () => response.end());
      answer.on('error', () => response.destroy());
    });
    forwarded.on('error', () => response.destroy());
    incoming.on('data', (chunk: Buffer) => {
      entry.sent += chunk.length;
      if (fault?.kind === 'cut-request' && entry.sent > fault.after) {
        forwarded.write(chunk, () => forwarded.destroy());
        incoming.socket.destroy();
      } else if (!forwarded.destroyed && !forwarded.write(chunk)) {
        incoming.pause();
        forwarded.once('drain', () => incoming.resume());
      }
    });
    incoming.on('end', () => forwarded.end());
    incoming.on('error', () => forwarded.destroy());
  };
  const server = createServer((incoming, response) => {
    onRequest(incoming, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    port,
    requests,
    fail: (matches, fault, times = 1) => {
      faults.push({ matches, fault, times });
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
