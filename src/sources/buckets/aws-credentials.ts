import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { isCogplanError } from '../../errors.ts';
import { jsonOf } from './ask-service.ts';
import { assumeRole, assumeRoleWithToken, fromContainer, fromMachine, fromSso } from './aws-services.ts';
import { type AwsCredentials, awsSettings, keysOf, profileOf, ssoSession } from './aws-settings.ts';
import { credentialProblem } from './credential-problem.ts';
import { type Expiring, expiryOf, renewed } from './expiring.ts';

export type AwsKeys = Expiring<AwsCredentials>;

export interface AwsKeyring {
  /** Undefined: nothing names any, and requests go out plain. */
  current(): Promise<AwsCredentials | undefined>;
  /** From now on with the role of the EC2 instance that this runs on; false when there is none, or others are named. */
  askMachine(): Promise<boolean>;
}

const MOST_SOURCES = 5;
const MOST_OUTPUT = 1024 * 1024;

/**
 * Credentials as the AWS tools find them: keys of the environment, a token of a web identity (GitHub, EKS), the profile (keys, a role, a program, single sign-on), the role of
 * the container, and, when asked, that of the machine. What is named and fails is COGPLAN_BUCKET_CREDENTIALS. https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 */
export function awsCredentials(context: Context): AwsKeyring {
  const { env, now } = context;
  const ask = sourceOf(context);
  let find = ask === undefined ? undefined : renewed(now, ask);
  // What only the default profile names may fail where nothing needs it, as for a public bucket.
  const isNamed = [env.AWS_PROFILE, env.AWS_WEB_IDENTITY_TOKEN_FILE, env.AWS_ACCESS_KEY_ID].some(Boolean);
  let failed: unknown;
  return {
    current: async () => {
      if (failed !== undefined) return undefined;
      return find?.().catch((error: unknown) => {
        if (isNamed || !isCogplanError(error, 'COGPLAN_BUCKET_CREDENTIALS')) throw error;
        failed = error;
        return undefined;
      });
    },
    askMachine: async () => {
      if (failed !== undefined) throw failed;
      if (find !== undefined || env.AWS_EC2_METADATA_DISABLED?.toLowerCase() === 'true') return false;
      const tried = renewed(now, () => fromMachine(context));
      const found = await tried().catch(() => undefined);
      if (found !== undefined) find = tried;
      return found !== undefined;
    },
  };
}

type Ask = () => Promise<AwsKeys>;

function sourceOf(context: Context): Ask | undefined {
  const { env } = context;
  const id = env.AWS_ACCESS_KEY_ID?.trim();
  const settings = awsSettings(env);
  if (id && settings.credentials?.accessKeyId === id) return fixed(settings.credentials);
  const { AWS_WEB_IDENTITY_TOKEN_FILE: file, AWS_ROLE_ARN: role } = env;
  if (file && role) return () => byToken(context, { file, role, session: env.AWS_ROLE_SESSION_NAME });
  const own = profileSource(context, env.AWS_PROFILE || 'default', 0);
  if (own !== undefined) return own;
  const isContainer = env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI || env.AWS_CONTAINER_CREDENTIALS_FULL_URI;
  return isContainer ? () => fromContainer(context) : undefined;
}

const fixed =
  (value: AwsCredentials): Ask =>
  async () => ({ value });

/** What a profile names; a role before the keys beside it. */
function profileSource(context: Context, name: string, depth: number): Ask | undefined {
  const { env } = context;
  const items = new Map([...profileOf(env, name, 'config'), ...profileOf(env, name, 'credentials')]);
  const role = items.get('role_arn');
  const session = items.get('role_session_name');
  if (role !== undefined) {
    const file = items.get('web_identity_token_file');
    if (file !== undefined) return () => byToken(context, { file, role, session });
    const external = items.get('external_id');
    return async () => {
      if (items.has('mfa_serial'))
        throw problem(name, 'it wants a code of a device', 'Ask for temporary keys by aws sts assume-role.');
      const source = roleSource(context, { name, items, depth });
      if (source === undefined) throw problem(name, 'its role has no source_profile that gives keys', PROFILES);
      return assumeRole(context, { ...(await source()), role, session, external });
    };
  }
  const keys = keysOf(env, name);
  if (keys !== undefined) return fixed(keys);
  const program = items.get('credential_process');
  if (program !== undefined) return () => byProgram(context, name, program);
  if (items.has('sso_account_id') && items.has('sso_role_name')) return () => bySso(context, name, items);
  return undefined;
}

function roleSource(
  context: Context,
  {
    name,
    items,
    depth,
  }: { readonly name: string; readonly items: ReadonlyMap<string, string>; readonly depth: number },
): Ask | undefined {
  const from = items.get('source_profile');
  // A profile may name itself: its role is taken with its own keys.
  const own = keysOf(context.env, name);
  if (from === name) return own === undefined ? undefined : fixed(own);
  if (from !== undefined) return depth >= MOST_SOURCES ? undefined : profileSource(context, from, depth + 1);
  switch (items.get('credential_source')) {
    case 'Environment': {
      const { credentials } = awsSettings({
        ...context.env,
        HOME: '/nonexistent',
        AWS_SHARED_CREDENTIALS_FILE: '',
        AWS_CONFIG_FILE: '',
      });
      return credentials === undefined ? undefined : fixed(credentials);
    }
    case 'Ec2InstanceMetadata':
      return () => fromMachine(context);
    case 'EcsContainer':
      return () => fromContainer(context);
    default:
      return undefined;
  }
}

const PROFILES = 'Check ~/.aws/config and ~/.aws/credentials, or name another profile in AWS_PROFILE.';

function problem(profile: string, reason: string, hint: string, cause?: unknown): Error {
  return credentialProblem(`profile ${profile}`, reason, hint, cause);
}

async function byToken(
  context: Context,
  { file, role, session }: { readonly file: string; readonly role: string; readonly session: string | undefined },
): Promise<AwsKeys> {
  const token = await readFile(file, 'utf8').catch((error: unknown) => {
    throw credentialProblem(
      file,
      'the token of the web identity cannot be read',
      'Check AWS_WEB_IDENTITY_TOKEN_FILE.',
      error,
    );
  });
  return assumeRoleWithToken(context, { token: token.trim(), role, session });
}

const processOutput = z.object({
  Version: z.literal(1),
  AccessKeyId: z.string().min(1),
  SecretAccessKey: z.string().min(1),
  SessionToken: z.string().optional(),
  Expiration: z.string().optional(),
});

/** `credential_process`: a program that prints keys. https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html */
async function byProgram({ env, signal }: Context, profile: string, line: string): Promise<AwsKeys> {
  const [program, ...words] = (line.match(/"(?:[^"\\]|\\.)*"|'[^']*'|\S+/g) ?? []).map((word) =>
    /^["']/.test(word) ? word.slice(1, -1).replace(/\\(["\\])/g, '$1') : word,
  );
  if (program === undefined) throw problem(profile, 'credential_process names no program', PROFILES);
  const given = Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  const { stdout } = await promisify(execFile)(program, words, {
    env: given,
    signal,
    timeout: 60_000,
    maxBuffer: MOST_OUTPUT,
  }).catch((error: NodeJS.ErrnoException & { code?: string | number }) => {
    // What the program printed may hold a secret.
    throw problem(profile, `credential_process ${program} failed (${error.code ?? 'stopped'})`, PROFILES);
  });
  const parsed = processOutput.safeParse(jsonOf(stdout));
  if (!parsed.success) throw problem(profile, `credential_process ${program} prints no keys of version 1`, PROFILES);
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = parsed.data;
  return {
    value: {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      ...(SessionToken === undefined ? {} : { sessionToken: SessionToken }),
    },
    ...expiryOf(Expiration),
  };
}

const ssoToken = z.object({ accessToken: z.string().min(1), expiresAt: z.string() });

/** Single sign-on, with the token that `aws sso login` left. */
async function bySso(context: Context, profile: string, items: ReadonlyMap<string, string>): Promise<AwsKeys> {
  const name = items.get('sso_session');
  const session = name === undefined ? items : ssoSession(context.env, name);
  const [start, region] = [session.get('sso_start_url'), session.get('sso_region')];
  if (start === undefined || region === undefined)
    throw problem(profile, 'it names no sso_start_url and sso_region', PROFILES);
  const login = `Log in by: aws sso login --profile ${profile}`;
  const file = `${createHash('sha1')
    .update(name ?? start)
    .digest('hex')}.json`;
  const text = await readFile(join(context.env.HOME || homedir(), '.aws/sso/cache', file), 'utf8').catch(() => '');
  const token = ssoToken.safeParse(jsonOf(text));
  if (!token.success) throw problem(profile, 'nobody is logged in', login);
  if (!(Date.parse(token.data.expiresAt) > context.now().getTime()))
    throw problem(profile, 'the login has expired', login);
  const [account, role] = [items.get('sso_account_id') ?? '', items.get('sso_role_name') ?? ''];
  return fromSso(context, { region, account, role, token: token.data.accessToken, hint: login });
}
