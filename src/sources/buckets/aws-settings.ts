import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface AwsSettings {
  /** Keys that stand in the environment or in a file; undefined where they have to be asked for, or there are none. */
  readonly credentials: AwsCredentials | undefined;
  readonly region: string | undefined;
  /** Without a trailing slash; undefined for Amazon's own. */
  readonly endpoint: string | undefined;
}

/**
 * What the AWS tools would take: the environment first, then the profile of the shared credentials and config files. A file that cannot be
 * read has nothing in it. https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 */
export function awsSettings(env: Environment): AwsSettings {
  const profile = env.AWS_PROFILE || 'default';
  const config = profileOf(env, profile, 'config');
  const own = credentials(env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY, env.AWS_SESSION_TOKEN);
  const endpoint = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL || config.get('endpoint_url');
  return {
    credentials: own ?? keysOf(env, profile),
    region: env.AWS_REGION || env.AWS_DEFAULT_REGION || config.get('region'),
    endpoint: endpoint === undefined || !/^https?:\/\/[^/]/.test(endpoint) ? undefined : endpoint.replace(/\/+$/, ''),
  };
}

/** What a file says of a profile. */
export function profileOf(
  env: Environment,
  profile: string,
  file: 'credentials' | 'config',
): ReadonlyMap<string, string> {
  const home = env.HOME || homedir();
  if (file === 'credentials')
    return readSection(env.AWS_SHARED_CREDENTIALS_FILE || join(home, '.aws/credentials'), profile);
  return readSection(configFile(env), profile === 'default' ? profile : `profile ${profile}`);
}

/** `[sso-session NAME]` of the config file. */
export function ssoSession(env: Environment, name: string): ReadonlyMap<string, string> {
  return readSection(configFile(env), `sso-session ${name}`);
}

function configFile(env: Environment): string {
  return env.AWS_CONFIG_FILE || join(env.HOME || homedir(), '.aws/config');
}

/** Keys of a profile, as they stand in one of the files. */
export function keysOf(env: Environment, profile: string): AwsCredentials | undefined {
  for (const file of ['credentials', 'config'] as const) {
    const items = profileOf(env, profile, file);
    const found = credentials(
      items.get('aws_access_key_id'),
      items.get('aws_secret_access_key'),
      items.get('aws_session_token'),
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

function credentials(
  id: string | undefined,
  secret: string | undefined,
  token: string | undefined,
): AwsCredentials | undefined {
  const [accessKeyId, secretAccessKey, sessionToken] = [id?.trim(), secret?.trim(), token?.trim()];
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

function readSection(path: string, profile: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let section: string | undefined;
  for (const line of readText(path).split(/\r?\n/)) {
    const [, header] = /^\s*\[\s*(.*?)\s*\]/.exec(line) ?? [];
    if (header !== undefined) section = header.replace(/\s+/g, ' ');
    // Indented lines belong to nested settings.
    const [, key, value] = /^([A-Za-z0-9_]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (section === profile && key !== undefined && value !== undefined && value !== '') found.set(key, value);
  }
  return found;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
