import { spawnSync } from 'node:child_process';
import { createPrivateKey, randomUUID, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface TokenRequest {
  readonly method: string;
  readonly scopes: readonly string[];
  readonly authorization: string | undefined;
  /** Of the OAuth form. */
  readonly refreshToken: string | undefined;
}

export interface TokenServer {
  readonly url: string;
  readonly service: string;
  readonly issuer: string;
  /** Path of the certificate that signs. */
  readonly certificate: string;
  readonly requests: readonly TokenRequest[];
  /** Seconds that a token holds. */
  lifetime: number;
  close(): Promise<void>;
}

/** The token that stands for the account in the OAuth way. */
export const IDENTITY_TOKEN = 'identity-of-ada';

/**
 * A token server as `docker-registry` trusts it (https://distribution.github.io/distribution/spec/auth/jwt/): pull and push for the account, pull
 * of `public/…` for everybody.
 */
export async function startTokenServer(
  directory: string,
  account: { readonly username: string; readonly password: string },
): Promise<TokenServer> {
  const [keyFile, certificate] = [join(directory, 'token.key'), join(directory, 'token.pem')];
  const made = spawnSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=token'].concat([
      '-keyout',
      keyFile,
      '-out',
      certificate,
    ]),
    { encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(made.stderr);
  const key = createPrivateKey(readFileSync(keyFile));
  const chain = [readFileSync(certificate, 'utf8').replace(/-----[A-Z ]+-----|\s/g, '')];
  const requests: TokenRequest[] = [];
  const basic = `Basic ${Buffer.from(`${account.username}:${account.password}`).toString('base64')}`;
  const settings = { lifetime: 300 };

  const token = (scopes: readonly string[], isKnown: boolean): string => {
    const now = Math.floor(Date.now() / 1000);
    const payload = {
      iss: 'test-issuer',
      sub: isKnown ? account.username : '',
      aud: 'test-registry',
      exp: now + settings.lifetime,
      nbf: now - 60,
      iat: now,
      jti: randomUUID(),
      access: scopes.map((scope) => {
        const [type, name = '', actions = ''] = scope.split(':');
        const asked = actions.split(',');
        return {
          type,
          name,
          actions: isKnown ? asked : asked.filter((one) => one === 'pull' && name.startsWith('public/')),
        };
      }),
    };
    const parts = [{ typ: 'JWT', alg: 'RS256', x5c: chain }, payload].map((part) =>
      Buffer.from(JSON.stringify(part)).toString('base64url'),
    );
    return `${parts.join('.')}.${sign('sha256', Buffer.from(parts.join('.')), key).toString('base64url')}`;
  };

  const server = createServer(async (incoming, response) => {
    const request = await read(incoming);
    requests.push(request);
    const isWrong =
      (request.authorization !== undefined && request.authorization !== basic) ||
      (request.refreshToken !== undefined && request.refreshToken !== IDENTITY_TOKEN);
    if (isWrong) return response.writeHead(401).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
    const isKnown = request.authorization !== undefined || request.refreshToken !== undefined;
    const value = token(request.scopes, isKnown);
    response.end(JSON.stringify(incoming.method === 'POST' ? { access_token: value } : { token: value }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    service: 'test-registry',
    issuer: 'test-issuer',
    certificate,
    requests,
    get lifetime() {
      return settings.lifetime;
    },
    set lifetime(seconds: number) {
      settings.lifetime = seconds;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function read(incoming: IncomingMessage): Promise<TokenRequest> {
  const query = new URL(incoming.url ?? '', 'http://host').searchParams;
  const form = new URLSearchParams(await text(incoming));
  return {
    method: incoming.method ?? '',
    scopes: [...query.getAll('scope'), ...form.getAll('scope').flatMap((scope) => scope.split(' '))],
    authorization: incoming.headers.authorization,
    refreshToken: form.get('refresh_token') ?? undefined,
  };
}
