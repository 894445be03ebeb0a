import { connect, createServer, type Socket } from 'node:net';
import { CogplanError } from '../errors.ts';

export interface Listener {
  readonly port: number;
  /** From now on, connections are passed on to this Unix socket; until then, and while nobody listens there, they are closed. */
  forwardTo(socketPath: string): void;
  close(): Promise<void>;
}

/** Listens on a TCP address and passes connections on to a Unix socket, byte by byte. Fails with COGPLAN_PORT_IN_USE. */
export async function listenFor({ host, port }: { readonly host: string; readonly port: number }): Promise<Listener> {
  const connections = new Set<Socket>();
  let target: string | undefined;
  const server = createServer({ allowHalfOpen: true }, (incoming) => {
    if (target === undefined) {
      incoming.destroy();
      return;
    }
    const outgoing = connect({ path: target, allowHalfOpen: true });
    for (const [socket, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      connections.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        connections.delete(socket);
        other.destroySoon();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(host, port, error)));
    server.listen({ host, port }, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    forwardTo: (socketPath) => {
      target = socketPath;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of connections) socket.destroy();
      }),
  };
}

function cannotListen(host: string, port: number, error: Error & { readonly code?: string }): CogplanError {
  const inUse = error.code === 'EADDRINUSE';
  const problem = inUse ? 'something else listens there' : error.message;
  return new CogplanError('COGPLAN_PORT_IN_USE', `cannot listen on ${host} port ${port}: ${problem}`, {
    subject: `${host}:${port}`,
    hint: 'Take another port with -p, or -p 0 for any free one.',
    cause: error,
  });
}
