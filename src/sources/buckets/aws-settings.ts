import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface AwsSettings {
  /** Undefined: requests go out unsigned, as to public buckets. */
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
  const home = env.HOME || homedir();
  const profile = env.AWS_PROFILE || 'default';
  const shared = readProfile(env.AWS_SHARED_CREDENTIALS_FILE || join(home, '.aws/credentials'), profile);
  const config = readProfile(
    env.AWS_CONFIG_FILE || join(home, '.aws/config'),
    profile === 'default' ? profile : `profile ${profile}`,
  );
  const own = credentials(env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY, env.AWS_SESSION_TOKEN);
  const filed = [shared, config].map((items) =>
    credentials(items.get('aws_access_key_id'), items.get('aws_secret_access_key'), items.get('aws_session_token')),
  );
  const endpoint = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL || config.get('endpoint_url');
  return {
    credentials: own ?? filed.find((item) => item !== undefined),
    region: env.AWS_REGION || env.AWS_DEFAULT_REGION || config.get('region'),
    endpoint: endpoint === undefined || !/^https?:\/\/[^/]/.test(endpoint) ? undefined : endpoint.replace(/\/+$/, ''),
  };
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

function readProfile(path: string, profile: string): ReadonlyMap<string, string> {
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
