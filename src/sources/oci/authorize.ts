import { z } from 'zod';
import type { Context } from '../../context.ts';
import { CogplanError, isCogplanError } from '../../errors.ts';
import { parseChallenges } from './challenge.ts';
import { findCredentials, type RegistryCredentials } from './docker-credentials.ts';
import type { Endpoint } from './endpoint.ts';

export interface AuthorizeRequest {
  readonly endpoint: Endpoint;
  /** The WWW-Authenticate header of the registry's own refusal. */
  readonly challenge: string | undefined;
  /** `repository:NAME:pull,push`, one for each repository that is used. */
  readonly scopes: readonly string[];
}

const TOKEN_ANSWER = z.object({
  token: z.string().min(1).optional(),
  access_token: z.string().min(1).optional(),
});
const MAX_TOKEN_ANSWER = 256 * 1024;
const CLIENT = 'cogplan';

/**
 * The Authorization value that answers a registry's challenge: Basic, or a bearer token from the realm that the registry names
 * (https://distribution.github.io/distribution/spec/auth/token/ and …/oauth/), anonymous where there are no credentials. The user's credentials go
 * to the registry they are filed under and to the realm it names itself, never over a weaker connection than the registry's own.
 * Errors: COGPLAN_REGISTRY_AUTH, COGPLAN_REGISTRY_CREDENTIALS.
 */
export async function authorize(context: Context, request: AuthorizeRequest): Promise<string> {
  const { endpoint } = request;
  const challenge = parseChallenges(request.challenge)[0];
  if (challenge === undefined) throw refused(endpoint, 'it refuses access and does not say what it wants');
  const credentials = await findCredentials(context.env, endpoint);
  if (challenge.scheme === 'basic') {
    if (credentials?.kind !== 'password') throw refused(endpoint, 'it wants a user name and password');
    return basic(credentials);
  }
  const realm = realmUrl(challenge.realm, endpoint);
  const token = await askToken(context, { ...request, realm, service: challenge.service, credentials }).catch(
    (error: unknown) => {
      if (!isCogplanError(error, 'COGPLAN_HTTP_STATUS')) throw error;
      const status = error.data?.status;
      if (status !== 400 && status !== 401 && status !== 403) throw error;
      const how = credentials === undefined ? 'anonymously' : 'with the configured credentials';
      throw refused(endpoint, `${realm.host} gives no token ${how} (HTTP status ${status})`, error);
    },
  );
  return `Bearer ${token}`;
}

interface TokenRequest extends AuthorizeRequest {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly credentials: RegistryCredentials | undefined;
}

async function askToken(context: Context, request: TokenRequest): Promise<string> {
  const { realm, service, credentials, scopes } = request;
  const common = { signal: context.signal, direct: true, maxBytes: MAX_TOKEN_ANSWER };
  if (credentials?.kind === 'identity-token') {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: credentials.token,
      client_id: CLIENT,
      scope: scopes.join(' '),
      ...(service === undefined ? {} : { service }),
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const body = (): Uint8Array => Buffer.from(form.toString());
    return tokenOf((await context.http.send(realm.href, { ...common, method: 'POST', headers, body })).body, request);
  }
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  url.searchParams.set('client_id', CLIENT);
  const headers = credentials === undefined ? {} : { authorization: basic(credentials) };
  return tokenOf((await context.http.send(url.href, { ...common, method: 'GET', headers })).body, request);
}

function tokenOf(body: Buffer, { endpoint, realm }: TokenRequest): string {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    value = undefined;
  }
  const parsed = TOKEN_ANSWER.safeParse(value);
  const token = parsed.success ? (parsed.data.token ?? parsed.data.access_token) : undefined;
  // A header value: printable, and no break to another header.
  if (token === undefined || !/^[\x21-\x7e]+$/.test(token))
    throw refused(endpoint, `${realm.host} answers without a token`);
  return token;
}

function realmUrl(realm: string, endpoint: Endpoint): URL {
  if (!URL.canParse(realm)) throw refused(endpoint, 'the realm that it names is no URL');
  const url = new URL(realm);
  if (url.username !== '' || url.password !== '')
    throw refused(endpoint, 'the realm that it names carries credentials');
  const isWeaker = url.protocol !== 'https:' && !(url.protocol === 'http:' && endpoint.url.startsWith('http:'));
  if (isWeaker) throw refused(endpoint, `it sends to ${url.host} for a token, without encryption`);
  return url;
}

function basic({ username, password }: RegistryCredentials & { readonly kind: 'password' }): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

function refused({ registry, repository }: Endpoint, problem: string, cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_REGISTRY_AUTH', `no access to ${registry}/${repository}: ${problem}`, {
    subject: `${registry}/${repository}`,
    hint:
      `Check the name, and that you may use it; \`docker login ${registry === 'docker.io' ? '' : registry}`.trimEnd() +
      '` stores credentials.',
    cause,
  });
}
