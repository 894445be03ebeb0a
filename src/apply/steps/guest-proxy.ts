import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { Context } from '../../context.ts';
import type { Bind } from '../sandbox/sandbox.ts';
import { createAuthority } from './authority.ts';
import { APT_FILE, AUTHORITY_FILE, FORWARD_PREFIX, PROXY_SOCKET, PROXY_URL } from './forward-program.ts';

/** One request of a program in the sandbox. */
export interface GuestRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Absolute, without user info and fragment. */
  readonly url: string;
}

export interface GuestProxyInput {
  /** Gives the whole answer. What it throws closes the connection. */
  readonly answer: (asked: GuestRequest) => Promise<void>;
  /** Told of what is no answerable request, in one line: clients that do not trust the proxy's authority, other protocols. */
  readonly onOdd: (text: string) => void;
}

/** What a sandbox without a network needs so that its HTTP and HTTPS reach this process, and nothing else does. */
export interface GuestProxy {
  readonly binds: readonly Bind[];
  readonly env: Readonly<Record<string, string>>;
  /** Shell text to put before the command. */
  readonly prefix: string;
  close(): Promise<void>;
}

const AUTHORITY_VARIABLES = [
  'SSL_CERT_FILE',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'PIP_CERT',
  'GIT_SSL_CAINFO',
  'NODE_EXTRA_CA_CERTS',
  'AWS_CA_BUNDLE',
];
/** The sandbox has one user only, so apt cannot fetch as another. */
const APT_SETTINGS = 'APT::Sandbox::User "root";\n';
const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'];

/**
 * A proxy that a sandbox without a network reaches by a socket: for HTTP and, by an authority of its own that lives as long as the proxy, for HTTPS.
 */
export async function openGuestProxy(context: Context, input: GuestProxyInput): Promise<GuestProxy> {
  // The name of a socket has at most 107 bytes, which a place in the store may exceed.
  const place = await mkdtemp('/tmp/cogplan-step-');
  const authority = await createAuthority(context.now());
  const sockets = new Set<Duplex>();
  const serverFor = (base: string): Server => {
    const server = createServer((request, response) => {
      response.on('error', () => {});
      input.answer({ request, response, url: addressOf(request, base) }).catch((error: unknown) => {
        input.onOdd(`${request.method} ${addressOf(request, base)}: ${messageOf(error)}`);
        response.destroy();
      });
    });
    server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
      input.onOdd(`${request.headers.upgrade ?? 'another protocol'} ${addressOf(request, base)}`);
      socket.destroy();
    });
    return server;
  };
  const proxy = serverFor('http://nowhere.invalid');
  proxy.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
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
    secure.on('error', (error: NodeJS.ErrnoException) => {
      if (/ALERT|WRONG_VERSION|HTTP_REQUEST/.test(error.code ?? ''))
        input.onOdd(`CONNECT ${host}:${port}: the program does not take the certificate of the recorder`);
    });
    serverFor(`https://${host}${port === '443' ? '' : `:${port}`}`).emit('connection', secure);
  });
  const path = join(place, 'proxy.sock');
  const certificates = join(place, 'ca.pem');
  await writeFile(certificates, authority.certificate);
  const apt = join(place, 'apt.conf');
  await writeFile(apt, APT_SETTINGS);
  await new Promise<void>((resolve, reject) => proxy.once('error', reject).listen(path, resolve));
  return {
    binds: [
      { host: path, guest: PROXY_SOCKET, writable: true },
      { host: certificates, guest: AUTHORITY_FILE, writable: false },
      { host: apt, guest: APT_FILE, writable: false },
    ],
    env: Object.fromEntries([
      ...AUTHORITY_VARIABLES.map((name) => [name, AUTHORITY_FILE]),
      ...PROXY_VARIABLES.map((name) => [name, PROXY_URL]),
      ['no_proxy', ''],
      ['APT_CONFIG', APT_FILE],
    ]),
    prefix: FORWARD_PREFIX,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
      await rm(place, { recursive: true, force: true });
    },
  };
}

/** Whether an address means the program's own machine, whose servers the sandbox has inside; at the start-up of one, nobody answers yet. */
export function isLoopback(url: string): boolean {
  return /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(new URL(url).hostname);
}

function addressOf(request: IncomingMessage, base: string): string {
  const text = request.url ?? '/';
  if (!URL.canParse(text, base)) return base;
  const url = new URL(text, base);
  url.username = '';
  url.password = '';
  url.hash = '';
  return url.href;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
