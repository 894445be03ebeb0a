import { readFileSync } from 'node:fs';
import { createSecureContext, rootCertificates } from 'node:tls';
import { type Dispatcher, EnvHttpProxyAgent } from 'undici';
import { CogplanError } from '../../errors.ts';

const CONNECTIONS_PER_HOST = 16;
const CONNECT_TIMEOUT = 15_000;
const IDLE_TIMEOUT = 60_000;

/**
 * Connections, with the proxies of the environment (lower-case names first, as curl does) and its certificate
 * authorities: Node's, NODE_EXTRA_CA_CERTS and SSL_CERT_FILE.
 */
export function createDispatcher(env: Readonly<Record<string, string | undefined>>): Dispatcher {
  const tls = readTls(env);
  const httpProxy = proxyUrl(env.http_proxy || env.HTTP_PROXY, 'HTTP_PROXY');
  return new EnvHttpProxyAgent({
    httpProxy,
    httpsProxy: proxyUrl(env.https_proxy || env.HTTPS_PROXY, 'HTTPS_PROXY') || httpProxy,
    noProxy: env.no_proxy || env.NO_PROXY || '',
    // Plain HTTP goes through a proxy as such: many refuse CONNECT to port 80.
    proxyTunnel: false,
    connections: CONNECTIONS_PER_HOST,
    connect: { timeout: CONNECT_TIMEOUT, ...tls },
    requestTls: { timeout: CONNECT_TIMEOUT, ...tls },
    proxyTls: { timeout: CONNECT_TIMEOUT, ...tls },
    headersTimeout: IDLE_TIMEOUT,
    bodyTimeout: IDLE_TIMEOUT,
  });
}

/** One context for all connections: parsing the authorities takes longer than a handshake. */
function readTls(env: Readonly<Record<string, string | undefined>>): {
  readonly secureContext?: ReturnType<typeof createSecureContext>;
} {
  const path = env.SSL_CERT_FILE;
  if (!path) return {};
  try {
    const extra = env.NODE_EXTRA_CA_CERTS;
    const files =
      extra && extra !== path ? [readIfPresent(extra), readFileSync(path, 'utf8')] : [readFileSync(path, 'utf8')];
    return {
      secureContext: createSecureContext({ ca: [...rootCertificates, ...files.filter((text) => text !== '')] }),
    };
  } catch (cause) {
    throw new CogplanError('COGPLAN_CA_FILE', `cannot use ${path}: ${(cause as Error).message}`, {
      subject: path,
      hint: 'SSL_CERT_FILE must name a file of PEM certificates.',
      cause,
    });
  }
}

/** Node only warns about a file of NODE_EXTRA_CA_CERTS that it cannot read. */
function readIfPresent(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function proxyUrl(text: string | undefined, variable: string): string {
  if (!text) return '';
  const url = text.includes('://') ? text : `http://${text}`;
  if (URL.canParse(url)) return url;
  throw new CogplanError('COGPLAN_URL_UNSUPPORTED', `${variable} is not a URL`, {
    subject: variable,
    hint: 'Write it like http://proxy.example:3128.',
  });
}
