import { createHash, createVerify, generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { awsCredentials } from '../../src/sources/buckets/aws-credentials.ts';
import { googleToken } from '../../src/sources/buckets/google-token.ts';
import { openBuckets } from '../../src/sources/buckets/open-buckets.ts';
import { type LoopbackContext, loopbackContext } from '../builders/loopback-context.ts';
import { type GcsServer, startGcs } from '../servers/gcs.ts';
import { type MotoServer, startMoto } from '../servers/moto.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 600_000 });

const CANARY = 'canary4711canary4711';

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

let moto: MotoServer;
let gcs: GcsServer;
let own: LoopbackContext;
let desk: { readonly url: string; close(): void };
/** What the desk answers by path: a body, or a status. */
let answers: Record<string, object | string | number>;
let asked: Asked[];

beforeAll(async () => {
  moto = await startMoto();
  await moto.put('weights', { 'm/a': 'a' });
  gcs = await startGcs(CANARY);
  gcs.objects.set('m/a', Buffer.from('a'));
  own = await loopbackContext();
  const server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request;
    asked.push({ method, path: url, headers, body: await text(request) });
    const answer = answers[url.split('?')[0] ?? ''] ?? 404;
    if (typeof answer === 'number') response.writeHead(answer).end(`refused ${CANARY}`);
    else response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  desk = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => void server.close() };
});
afterAll(async () => {
  moto.close();
  desk.close();
  await gcs.close();
  await own.close();
});
beforeEach(() => {
  answers = {};
  asked = [];
});

const context = (env: Readonly<Record<string, string>>) => ({ ...own.context, env });
const file = (path: string, content: string): string => {
  mkdirSync(dirname(join(own.directory, path)), { recursive: true });
  writeFileSync(join(own.directory, path), content);
  return join(own.directory, path);
};
const keys = (env: Readonly<Record<string, string>>) =>
  awsCredentials(context({ HOME: own.directory, ...env })).current();
const later = (minutes: number): string => new Date(own.context.now().getTime() + minutes * 60_000).toISOString();
const KEYS = { AccessKeyId: 'ID', SecretAccessKey: CANARY, Token: 'T' };
const GIVEN = { accessKeyId: 'ID', secretAccessKey: CANARY, sessionToken: 'T' };
const REFUSED = { code: 'COGPLAN_BUCKET_CREDENTIALS', message: expect.not.stringContaining(CANARY) };

describe('AWS', () => {
  it('a web identity becomes a role at moto, which then opens the bucket', async () => {
    const env = {
      AWS_ENDPOINT_URL: moto.url,
      AWS_WEB_IDENTITY_TOKEN_FILE: file('token', 'a.b.c\n'),
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/ci',
      HOME: own.directory,
    };
    expect(await keys(env)).toMatchObject({
      accessKeyId: expect.stringMatching(/^ASIA/),
      sessionToken: expect.any(String),
    });
    const objects = await openBuckets(context(env)).list({ scheme: 's3', bucket: 'weights', key: 'm' });
    expect(objects.map(({ key }) => key)).toEqual(['m/a']);
    await expect(keys({ ...env, AWS_WEB_IDENTITY_TOKEN_FILE: '/nonexistent' })).rejects.toMatchObject(REFUSED);
    await expect(keys({ ...env, AWS_ENDPOINT_URL_STS: desk.url })).rejects.toMatchObject({
      ...REFUSED,
      message: expect.stringContaining('answers 404'),
    });
    expect(asked[0]?.body).toContain('WebIdentityToken=a.b.c');
    expect(asked[0]?.path).toBe('/');
  });

  it('a profile takes a role with the keys of another one', async () => {
    file('.aws/credentials', '[base]\naws_access_key_id = A\naws_secret_access_key = B\n');
    file(
      '.aws/config',
      '[profile lab]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = base\nexternal_id = e\n[profile loop]\nrole_arn = r\nsource_profile = loop2\n[profile loop2]\nrole_arn = r\nsource_profile = loop\n[profile mfa]\nrole_arn = r\nsource_profile = base\nmfa_serial = s\n',
    );
    expect(await keys({ AWS_PROFILE: 'lab', AWS_ENDPOINT_URL: moto.url })).toMatchObject({
      accessKeyId: expect.stringMatching(/^ASIA/),
    });
    expect(await keys({ AWS_PROFILE: 'base' })).toEqual({ accessKeyId: 'A', secretAccessKey: 'B' });
    for (const name of ['loop', 'mfa']) await expect(keys({ AWS_PROFILE: name })).rejects.toMatchObject(REFUSED);
  });

  it('a program of a profile gives keys; what it prints is in no message', async () => {
    const program = file(
      'bin/keys with blank',
      `#!/bin/sh\n[ "$1" = "a b" ] || { echo ${CANARY}; exit 3; }\necho '{"Version": 1, "AccessKeyId": "ID", "SecretAccessKey": "${CANARY}", "SessionToken": "T"}'\n`,
    );
    chmodSync(program, 0o755);
    file(
      '.aws/config',
      `[profile p]\ncredential_process = "${program}" 'a b'\n[profile q]\ncredential_process = "${program}"\n[profile r]\ncredential_process = echo ${CANARY}\n`,
    );
    expect(await keys({ AWS_PROFILE: 'p', PATH: process.env.PATH ?? '' })).toEqual(GIVEN);
    await expect(keys({ AWS_PROFILE: 'q', PATH: process.env.PATH ?? '' })).rejects.toMatchObject(REFUSED);
    await expect(keys({ AWS_PROFILE: 'r', PATH: process.env.PATH ?? '' })).rejects.toMatchObject(REFUSED);
  });

  it('single sign-on uses the token of the last login, as long as it holds', async () => {
    file(
      '.aws/config',
      '[profile s]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = R\n[sso-session corp]\nsso_start_url = https://x.test/start\nsso_region = eu-west-1\n',
    );
    const cache = `.aws/sso/cache/${createHash('sha1').update('corp').digest('hex')}.json`;
    file(cache, JSON.stringify({ accessToken: CANARY, expiresAt: later(60) }));
    const { AccessKeyId, SecretAccessKey, Token } = KEYS;
    answers['/federation/credentials'] = {
      roleCredentials: {
        accessKeyId: AccessKeyId,
        secretAccessKey: SecretAccessKey,
        sessionToken: Token,
        expiration: 1,
      },
    };
    const env = { AWS_PROFILE: 's', AWS_ENDPOINT_URL_SSO: desk.url };
    expect(await keys(env)).toEqual(GIVEN);
    expect(asked[0]).toMatchObject({
      path: '/federation/credentials?role_name=R&account_id=1',
      headers: { 'x-amz-sso_bearer_token': CANARY },
    });
    file(cache, JSON.stringify({ accessToken: CANARY, expiresAt: later(-1) }));
    await expect(keys(env)).rejects.toMatchObject({ ...REFUSED, hint: 'Log in by: aws sso login --profile s' });
  });

  it('a container asks its own network, and no other host', async () => {
    answers['/creds'] = { ...KEYS, Expiration: later(60) };
    const env = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${desk.url}/creds`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file('pod', `${CANARY}\n`),
    };
    file('.aws/config', '');
    file('.aws/credentials', '');
    const ring = awsCredentials(context({ ...env, HOME: own.directory }));
    expect(await ring.current()).toEqual(GIVEN);
    expect(await ring.current()).toEqual(GIVEN);
    expect(asked.map(({ headers }) => headers.authorization)).toEqual([CANARY]);
    answers['/creds'] = { ...KEYS, Expiration: later(1) };
    const short = awsCredentials(context({ ...env, HOME: own.directory }));
    await short.current();
    await short.current();
    expect(asked).toHaveLength(3);
    const named = { ...env, AWS_PROFILE: 'none' };
    await expect(
      keys({ ...named, AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://elsewhere.test/x' }),
    ).rejects.toMatchObject(REFUSED);
    await expect(keys({ ...named, AWS_CONTAINER_CREDENTIALS_FULL_URI: `${desk.url}/none` })).rejects.toMatchObject(
      REFUSED,
    );
  });

  it('the machine is asked after a refusal, by a session of its own', async () => {
    answers['/latest/api/token'] = 'session';
    answers['/latest/meta-data/iam/security-credentials/'] = 'role a';
    answers['/latest/meta-data/iam/security-credentials/role%20a'] = {
      ...KEYS,
      Code: 'Success',
      Expiration: later(60),
    };
    const env = { HOME: '/nonexistent', AWS_EC2_METADATA_SERVICE_ENDPOINT: desk.url };
    const ring = awsCredentials(context(env));
    expect(await ring.current()).toBeUndefined();
    expect(await ring.askMachine()).toBe(true);
    expect(await ring.current()).toEqual(GIVEN);
    expect(asked.map(({ method }) => method)).toEqual(['PUT', 'GET', 'GET']);
    expect(asked[2]?.headers['x-aws-ec2-metadata-token']).toBe('session');
    expect(await awsCredentials(context({ ...env, AWS_EC2_METADATA_DISABLED: 'true' })).askMachine()).toBe(false);
    answers = {};
    expect(await awsCredentials(context(env)).askMachine()).toBe(false);
  });

  it('what only the default profile names is not needed for a public bucket, and told when it is refused', async () => {
    file(
      '.aws/config',
      '[default]\nsso_start_url = https://x.test\nsso_region = r\nsso_account_id = 1\nsso_role_name = R\n',
    );
    const ring = awsCredentials(context({ HOME: own.directory }));
    expect(await ring.current()).toBeUndefined();
    await expect(ring.askMachine()).rejects.toMatchObject({
      ...REFUSED,
      message: 'profile default: nobody is logged in',
    });
    file('.aws/config', '');
  });
});

describe('Google', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const TOKEN = { access_token: CANARY, expires_in: 3599, token_type: 'Bearer' };
  const named = (credentials: object): string => file('google.json', JSON.stringify(credentials));
  const anAccount = () => ({
    type: 'service_account',
    client_email: 'a@p.test',
    private_key: pem,
    private_key_id: 'k',
    token_uri: `${desk.url}/token`,
  });

  it('the key of a service account signs for a token, which opens the bucket', async () => {
    answers['/token'] = TOKEN;
    const env = { STORAGE_EMULATOR_HOST: gcs.url, GOOGLE_APPLICATION_CREDENTIALS: named(anAccount()) };
    const objects = await openBuckets(context(env)).list({ scheme: 'gs', bucket: 'weights', key: 'm' });
    expect(objects.map(({ key }) => key)).toEqual(['m/a']);
    expect(asked).toHaveLength(1);
    const form = new URLSearchParams(asked[0]?.body);
    expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    const [header = '', claims = '', signature = ''] = (form.get('assertion') ?? '').split('.');
    expect(createVerify('sha256').update(`${header}.${claims}`).verify(publicKey, signature, 'base64url')).toBe(true);
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
      iss: 'a@p.test',
      aud: `${desk.url}/token`,
      scope: 'https://www.googleapis.com/auth/devstorage.read_only',
    });
    expect(JSON.stringify(own.events)).not.toContain(CANARY);
  });

  it.each<[string, () => object, readonly Partial<Asked>[]]>([
    [
      'a user who logged in',
      () => ({
        type: 'authorized_user',
        client_id: 'i',
        client_secret: 's',
        refresh_token: 'r',
        token_uri: `${desk.url}/token`,
      }),
      [{ path: '/token', body: 'grant_type=refresh_token&client_id=i&client_secret=s&refresh_token=r' }],
    ],
    [
      'an identity of a job of CI, that acts for an account',
      () => ({
        type: 'external_account',
        audience: '//iam.test/p',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        token_url: `${desk.url}/token`,
        service_account_impersonation_url: `${desk.url}/act`,
        credential_source: {
          url: `${desk.url}/oidc?audience=x`,
          headers: { authorization: 'bearer job' },
          format: { type: 'json', subject_token_field_name: 'value' },
        },
      }),
      [
        { path: '/oidc?audience=x', headers: expect.objectContaining({ authorization: 'bearer job' }) },
        { path: '/token', body: expect.stringContaining('subject_token=job.token') },
        { path: '/act', headers: expect.objectContaining({ authorization: `Bearer ${CANARY}` }) },
      ],
    ],
    [
      'an account that a user acts for',
      () => ({
        type: 'impersonated_service_account',
        service_account_impersonation_url: `${desk.url}/act`,
        source_credentials: {
          type: 'authorized_user',
          client_id: 'i',
          client_secret: 's',
          refresh_token: 'r',
          token_uri: `${desk.url}/token`,
        },
      }),
      [{ path: '/token' }, { path: '/act' }],
    ],
  ])('%s gives a token', async (_, credentials, requests) => {
    answers['/token'] = TOKEN;
    answers['/oidc'] = { value: 'job.token' };
    answers['/act'] = { accessToken: 'acting', expireTime: later(60) };
    const find = googleToken(context({}), named(credentials()));
    expect(await find()).toBe(requests.length === 1 ? CANARY : 'acting');
    expect(await find()).toBe(requests.length === 1 ? CANARY : 'acting');
    expect(asked).toMatchObject(requests);
  });

  it('an identity from a file is read anew, and a short token asked for again', async () => {
    answers['/token'] = { ...TOKEN, expires_in: 10 };
    const credentials = {
      type: 'external_account',
      audience: 'a',
      subject_token_type: 't',
      token_url: `${desk.url}/token`,
      credential_source: { file: file('subject', 'one\n') },
    };
    const find = googleToken(context({}), named(credentials));
    await find();
    file('subject', 'two');
    await find();
    expect(asked.map(({ body }) => new URLSearchParams(body).get('subject_token'))).toEqual(['one', 'two']);
  });

  it.each<[string, () => object | string]>([
    ['no JSON', () => 'nothing'],
    ['another type', () => ({ type: 'gdch_service_account' })],
    ['a key that is none', () => ({ ...anAccount(), private_key: CANARY })],
    ['a refusal', () => ({ ...anAccount(), token_uri: `${desk.url}/none` })],
    ['an answer without a token', () => ({ ...anAccount(), token_uri: `${desk.url}/empty` })],
    [
      'an identity by a program',
      () => ({
        type: 'external_account',
        audience: 'a',
        subject_token_type: 't',
        token_url: desk.url,
        credential_source: {},
      }),
    ],
  ])('%s is refused by code, and no secret is in the message', async (_, credentials) => {
    answers['/empty'] = {};
    const content = credentials();
    const path = file('google.json', typeof content === 'string' ? content : JSON.stringify(content));
    await expect(googleToken(context({}), path)()).rejects.toMatchObject(REFUSED);
  });

  it('what gcloud left is used after a refusal alone', async () => {
    answers['/token'] = TOKEN;
    file('gcloud/application_default_credentials.json', JSON.stringify(anAccount()));
    const host = {
      STORAGE_EMULATOR_HOST: gcs.url,
      GCE_METADATA_HOST: '127.0.0.1:1',
      CLOUDSDK_CONFIG: join(own.directory, 'gcloud'),
    };
    const list = () => openBuckets(context(host)).list({ scheme: 'gs', bucket: 'weights', key: 'm' });
    expect((await list()).length).toBe(1);
    answers = {};
    await expect(list()).rejects.toMatchObject(REFUSED);
  });
});
