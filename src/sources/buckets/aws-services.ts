import { readFile } from 'node:fs/promises';
import { AwsV4Signer } from 'aws4fetch';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { askService, jsonOf, type ServiceRequest } from './ask-service.ts';
import { type AwsCredentials, awsSettings } from './aws-settings.ts';
import { credentialProblem } from './credential-problem.ts';
import { type Expiring, expiryOf } from './expiring.ts';

type Keys = Expiring<AwsCredentials>;

const SESSION = 'cogplan';

interface Role {
  readonly role: string;
  readonly session: string | undefined;
}

/** Keys of a role, for a token of a web identity. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html */
export async function assumeRoleWithToken(
  context: Context,
  { token, role, session }: Role & { readonly token: string },
): Promise<Keys> {
  const form = { Action: 'AssumeRoleWithWebIdentity', RoleArn: role, WebIdentityToken: token };
  return askSts(context, { ...form, RoleSessionName: session ?? SESSION }, undefined);
}

/** Keys of a role, with other keys. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
export async function assumeRole(
  context: Context,
  { value, role, session, external }: Keys & Role & { readonly external: string | undefined },
): Promise<Keys> {
  const form = { Action: 'AssumeRole', RoleArn: role, RoleSessionName: session ?? SESSION };
  return askSts(context, { ...form, ...(external === undefined ? {} : { ExternalId: external }) }, value);
}

async function askSts(
  context: Context,
  form: Readonly<Record<string, string>>,
  keys: AwsCredentials | undefined,
): Promise<Keys> {
  const { env, now } = context;
  const region = awsSettings(env).region ?? 'us-east-1';
  const own = env.AWS_ENDPOINT_URL_STS || awsSettings({ ...env, AWS_ENDPOINT_URL_S3: '' }).endpoint;
  const url = `${(own ?? `https://sts.${region}.amazonaws.com`).replace(/\/+$/, '')}/`;
  const body = new URLSearchParams({ Version: '2011-06-15', ...form }).toString();
  const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  if (keys !== undefined) {
    const datetime = now()
      .toISOString()
      .replace(/[:-]|\.\d{3}/g, '');
    const signer = new AwsV4Signer({ ...keys, url, method: 'POST', headers, body, service: 'sts', region, datetime });
    for (const [name, value] of (await signer.sign()).headers) headers[name] = value;
  }
  const text = await ask(context, `the role ${form.RoleArn}`, { url, method: 'POST', headers, body });
  const field = (name: string): string | undefined =>
    new RegExp(`<${name}>\\s*([^<\\s]+)\\s*</${name}>`).exec(text)?.[1];
  return keysFrom(`the role ${form.RoleArn}`, {
    AccessKeyId: field('AccessKeyId'),
    SecretAccessKey: field('SecretAccessKey'),
    Token: field('SessionToken'),
    Expiration: field('Expiration'),
  });
}

const ssoAnswer = z.object({
  roleCredentials: z.object({
    accessKeyId: z.string().min(1),
    secretAccessKey: z.string().min(1),
    sessionToken: z.string(),
    expiration: z.number(),
  }),
});

/** Keys of a role by single sign-on. https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html */
export async function fromSso(
  context: Context,
  asked: {
    readonly region: string;
    readonly account: string;
    readonly role: string;
    readonly token: string;
    readonly hint: string;
  },
): Promise<Keys> {
  const base =
    context.env.AWS_ENDPOINT_URL_SSO?.replace(/\/+$/, '') || `https://portal.sso.${asked.region}.amazonaws.com`;
  const query = new URLSearchParams({ role_name: asked.role, account_id: asked.account });
  const subject = `the role ${asked.role} of ${asked.account}`;
  const text = await ask(context, subject, {
    url: `${base}/federation/credentials?${query}`,
    method: 'GET',
    headers: { 'x-amz-sso_bearer_token': asked.token },
    hint: asked.hint,
  });
  const parsed = ssoAnswer.safeParse(jsonOf(text));
  if (!parsed.success) throw credentialProblem(subject, 'the answer holds no keys', asked.hint);
  const { expiration, ...value } = parsed.data.roleCredentials;
  return { value, expires: expiration };
}

/** Hosts of a container's own network (ECS, EKS). */
const CONTAINER_HOSTS = new Set([
  '169.254.170.2',
  '169.254.170.23',
  '[fd00:ec2::23]',
  'localhost',
  '127.0.0.1',
  '[::1]',
]);

/** Keys of the role of a container. https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html */
export async function fromContainer(context: Context): Promise<Keys> {
  const { env } = context;
  const relative = env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI;
  const full = relative ? `http://169.254.170.2${relative}` : (env.AWS_CONTAINER_CREDENTIALS_FULL_URI ?? '');
  const subject = 'the role of the container';
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (
    url === undefined ||
    !(url.protocol === 'https:' || (url.protocol === 'http:' && CONTAINER_HOSTS.has(url.hostname)))
  )
    throw credentialProblem(
      subject,
      `${url?.host ?? full} is no host that gives such`,
      'Check AWS_CONTAINER_CREDENTIALS_FULL_URI.',
    );
  const file = env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE;
  const token = file
    ? await readFile(file, 'utf8').catch((error: unknown) => {
        throw credentialProblem(
          subject,
          `${file} cannot be read`,
          'Check AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE.',
          error,
        );
      })
    : env.AWS_CONTAINER_AUTHORIZATION_TOKEN;
  const headers = token === undefined || token === '' ? {} : { authorization: token.trim() };
  return keysFrom(subject, jsonOf(await ask(context, subject, { url: url.href, method: 'GET', headers })));
}

/** Keys of the role of the EC2 instance, by version 2 of its metadata service. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html */
export async function fromMachine(context: Context): Promise<Keys> {
  const base = (context.env.AWS_EC2_METADATA_SERVICE_ENDPOINT || 'http://169.254.169.254').replace(/\/+$/, '');
  const subject = 'the role of the machine';
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(5000)]);
  const limited = { ...context, signal };
  const session = await ask(limited, subject, {
    url: `${base}/latest/api/token`,
    method: 'PUT',
    headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' },
    body: '',
  });
  const headers = { 'x-aws-ec2-metadata-token': session.trim() };
  const folder = `${base}/latest/meta-data/iam/security-credentials/`;
  const [name = ''] = (await ask(limited, subject, { url: folder, method: 'GET', headers })).trim().split('\n');
  const text = await ask(limited, subject, { url: folder + encodeURIComponent(name), method: 'GET', headers });
  return keysFrom(subject, jsonOf(text));
}

const keysAnswer = z.object({
  AccessKeyId: z.string().min(1),
  SecretAccessKey: z.string().min(1),
  Token: z.string().optional(),
  Expiration: z.string().optional(),
});

function keysFrom(subject: string, answer: unknown): Keys {
  const parsed = keysAnswer.safeParse(answer);
  if (!parsed.success) throw credentialProblem(subject, 'the answer holds no keys', HINT);
  const { AccessKeyId, SecretAccessKey, Token, Expiration } = parsed.data;
  return {
    value: {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      ...(Token === undefined ? {} : { sessionToken: Token }),
    },
    ...expiryOf(Expiration),
  };
}

const HINT = 'Check that this role may be taken here, or give other credentials.';

/** Keys are asked for by hosts of Amazon, and by addresses of a machine that answer at once or not at all. */
async function ask(
  context: Context,
  subject: string,
  { hint = HINT, ...request }: Omit<ServiceRequest, 'subject' | 'hint' | 'retries'> & { readonly hint?: string },
): Promise<string> {
  const retries = request.url.startsWith('http://169.254.') ? 0 : undefined;
  return askService(context, { ...request, subject, hint, retries });
}
