import { sign } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { askService, jsonOf, type ServiceRequest } from './ask-service.ts';
import type { Environment } from './aws-settings.ts';
import { credentialProblem } from './credential-problem.ts';
import { type Expiring, expiryOf, renewed } from './expiring.ts';

const SCOPE = 'https://www.googleapis.com/auth/devstorage.read_only';
const PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';
const TOKEN_URL = 'https://oauth2.googleapis.com/token';
const METADATA = 'metadata.google.internal';

const serviceAccount = z.object({
  type: z.literal('service_account'),
  client_email: z.string(),
  private_key: z.string(),
  private_key_id: z.string().optional(),
  token_uri: z.url().default(TOKEN_URL),
});
const authorizedUser = z.object({
  type: z.literal('authorized_user'),
  client_id: z.string(),
  client_secret: z.string(),
  refresh_token: z.string(),
  token_uri: z.url().default(TOKEN_URL),
});
const externalAccount = z.object({
  type: z.literal('external_account'),
  audience: z.string(),
  subject_token_type: z.string(),
  token_url: z.url(),
  service_account_impersonation_url: z.url().optional(),
  credential_source: z.object({
    file: z.string().optional(),
    url: z.url().optional(),
    headers: z.record(z.string(), z.string()).optional(),
    format: z.object({ type: z.string().optional(), subject_token_field_name: z.string().optional() }).optional(),
  }),
});
const impersonated = z.object({
  type: z.literal('impersonated_service_account'),
  service_account_impersonation_url: z.url(),
  source_credentials: z.unknown(),
});
const credentials = z.discriminatedUnion('type', [serviceAccount, authorizedUser, externalAccount, impersonated]);

type Token = Expiring<string>;

/** The file that `gcloud auth application-default login` writes, if it is there. */
export function defaultKeyFile(env: Environment): string | undefined {
  const folder = env.CLOUDSDK_CONFIG || join(env.HOME || homedir(), '.config/gcloud');
  const file = join(folder, 'application_default_credentials.json');
  return existsSync(file) ? file : undefined;
}

/**
 * Tokens by a credentials file of Google's: the key of a service account, a user who logged in, a workload identity (GitHub's among them) or an account that
 * one of these may act for. Errors: COGPLAN_BUCKET_CREDENTIALS. https://google.aip.dev/auth/4110
 */
export function googleToken(context: Context, file: string): () => Promise<string> {
  return renewed(context.now, async () => {
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      throw credentialProblem(file, 'it cannot be read', 'Check GOOGLE_APPLICATION_CREDENTIALS.', error);
    });
    return tokenBy({ ...context, file }, jsonOf(text), 0);
  });
}

/** The token of the machine's own service account. https://cloud.google.com/compute/docs/metadata/querying-metadata */
export function machineToken(context: Context): () => Promise<string> {
  return renewed(context.now, async () => {
    const host = context.env.GCE_METADATA_HOST?.trim() || METADATA;
    const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/token`;
    const headers = { 'metadata-flavor': 'Google' };
    return tokenOf(context, await ask({ ...context, file: host }, { url, headers, retries: 0 }));
  });
}

type Asking = Context & { readonly file: string };

async function tokenBy(context: Asking, value: unknown, depth: number): Promise<Token> {
  const parsed = credentials.safeParse(value);
  if (!parsed.success || depth > 1) {
    const type = z.object({ type: z.string() }).safeParse(value);
    const what = type.success
      ? `credentials of type ${type.data.type} are not understood, or not whole`
      : 'it holds no credentials of Google';
    throw credentialProblem(
      context.file,
      what,
      'Make one by gcloud iam service-accounts keys create, or give a token in GOOGLE_OAUTH_ACCESS_TOKEN.',
    );
  }
  switch (parsed.data.type) {
    case 'service_account':
      return byKey(context, parsed.data);
    case 'authorized_user': {
      const { client_id, client_secret, refresh_token, token_uri } = parsed.data;
      const form = { grant_type: 'refresh_token', client_id, client_secret, refresh_token };
      return tokenOf(context, await ask(context, { url: token_uri, form }));
    }
    case 'external_account':
      return byIdentity(context, parsed.data);
    case 'impersonated_service_account': {
      const source = await tokenBy(context, parsed.data.source_credentials, depth + 1);
      return actingFor(context, parsed.data.service_account_impersonation_url, source.value);
    }
  }
}

/** https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests */
async function byKey(context: Asking, account: z.infer<typeof serviceAccount>): Promise<Token> {
  const { client_email, private_key, private_key_id, token_uri } = account;
  const now = Math.floor(context.now().getTime() / 1000);
  const claims = { iss: client_email, scope: SCOPE, aud: token_uri, iat: now, exp: now + 3600 };
  const header = { alg: 'RS256', typ: 'JWT', ...(private_key_id === undefined ? {} : { kid: private_key_id }) };
  const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  let signature: string;
  try {
    signature = sign('sha256', Buffer.from(text), private_key).toString('base64url');
  } catch {
    throw credentialProblem(
      context.file,
      'its private key cannot be read',
      'Make another key for the service account.',
    );
  }
  const form = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: `${text}.${signature}` };
  return tokenOf(context, await ask(context, { url: token_uri, form }));
}

/** Workload identity federation. https://google.aip.dev/auth/4117 */
async function byIdentity(context: Asking, account: z.infer<typeof externalAccount>): Promise<Token> {
  const { file, url, headers = {}, format } = account.credential_source;
  let text: string;
  if (file !== undefined) {
    text = await readFile(file, 'utf8').catch((error: unknown) => {
      throw credentialProblem(
        file,
        'the token of the identity cannot be read',
        'Check the credential_source of the credentials file.',
        error,
      );
    });
  } else if (url !== undefined) text = await ask(context, { url, headers });
  else
    throw credentialProblem(
      context.file,
      'its identity comes neither from a file nor by URL',
      'Give a token in GOOGLE_OAUTH_ACCESS_TOKEN.',
    );
  const field = format?.type === 'json' ? format.subject_token_field_name : undefined;
  const subject =
    field === undefined ? text.trim() : z.record(z.string(), z.unknown()).safeParse(jsonOf(text)).data?.[field];
  if (typeof subject !== 'string' || subject === '')
    throw credentialProblem(
      context.file,
      'its identity is no token',
      'Check the credential_source of the credentials file.',
    );
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: account.audience,
    scope: PLATFORM,
    subject_token: subject,
    subject_token_type: account.subject_token_type,
  };
  const token = tokenOf(context, await ask(context, { url: account.token_url, form }));
  const other = account.service_account_impersonation_url;
  return other === undefined ? token : actingFor(context, other, token.value);
}

/** https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken */
async function actingFor(context: Asking, url: string, token: string): Promise<Token> {
  const json = { scope: [SCOPE], lifetime: '3600s' };
  const text = await ask(context, { url, json, headers: { authorization: `Bearer ${token}` } });
  const parsed = z.object({ accessToken: z.string().min(1), expireTime: z.string() }).safeParse(jsonOf(text));
  if (!parsed.success) throw credentialProblem(context.file, 'the answer holds no token', HINT);
  return { value: parsed.data.accessToken, ...expiryOf(parsed.data.expireTime) };
}

function tokenOf({ now, file = METADATA }: Context & { readonly file?: string }, text: string): Token {
  const parsed = z
    .object({ access_token: z.string().min(1), expires_in: z.number().optional() })
    .safeParse(jsonOf(text));
  if (!parsed.success) throw credentialProblem(file, 'the answer holds no token', HINT);
  const { access_token: value, expires_in: seconds } = parsed.data;
  return { value, ...(seconds === undefined ? {} : { expires: now().getTime() + seconds * 1000 }) };
}

const HINT = 'Check that the account is there and may be used from here.';

async function ask(
  context: Asking,
  {
    form,
    json,
    headers = {},
    ...request
  }: Pick<ServiceRequest, 'url' | 'retries'> & {
    readonly headers?: Readonly<Record<string, string>>;
    readonly form?: Readonly<Record<string, string>>;
    readonly json?: unknown;
  },
): Promise<string> {
  const body =
    form !== undefined ? new URLSearchParams(form).toString() : json === undefined ? undefined : JSON.stringify(json);
  const type = form !== undefined ? 'application/x-www-form-urlencoded' : 'application/json';
  return askService(context, {
    ...request,
    subject: context.file,
    hint: HINT,
    method: body === undefined ? 'GET' : 'POST',
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': type }) },
    body,
  });
}
