import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CogplanError } from '../../errors.ts';

/** What a registry takes: a password, or a token of the registry's own that stands for one. */
export type RegistryCredentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  | { readonly kind: 'identity-token'; readonly token: string };

interface DockerConfig {
  readonly auths: ReadonlyMap<string, RegistryCredentials | undefined>;
  readonly credHelpers: ReadonlyMap<string, string>;
  readonly credsStore: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const HELPER_TIMEOUT = 60_000;
const HELPER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
/** The key under which Docker keeps what belongs to Docker Hub. */
const DOCKER_HUB = 'https://index.docker.io/v1/';

/**
 * The credentials that the user's Docker configuration holds for exactly this registry: `credHelpers`, then `auths`, then
 * `credsStore` of `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`, then Podman's `auth.json`. Undefined: none, so the
 * registry is asked anonymously. Errors: COGPLAN_REGISTRY_CREDENTIALS (a file or helper that cannot be used).
 */
export async function findCredentials(
  env: Environment,
  image: { readonly registry: string; readonly repository: string },
): Promise<RegistryCredentials | undefined> {
  for (const file of configFiles(env)) {
    const config = readConfig(file);
    const found = config === undefined ? undefined : await lookUp(env, config, image);
    if (found !== undefined) return found;
  }
  return undefined;
}

function configFiles(env: Environment): readonly string[] {
  const home = env.HOME || homedir();
  const docker = join(env.DOCKER_CONFIG || join(home, '.docker'), 'config.json');
  if (env.REGISTRY_AUTH_FILE) return [env.REGISTRY_AUTH_FILE, docker];
  const runtime = env.XDG_RUNTIME_DIR ? [join(env.XDG_RUNTIME_DIR, 'containers/auth.json')] : [];
  return [docker, ...runtime, join(env.XDG_CONFIG_HOME || join(home, '.config'), 'containers/auth.json')];
}

async function lookUp(
  env: Environment,
  config: DockerConfig,
  { registry, repository }: { readonly registry: string; readonly repository: string },
): Promise<RegistryCredentials | undefined> {
  const helper = config.credHelpers.get(registry);
  const server = registry === 'docker.io' ? DOCKER_HUB : registry;
  if (helper !== undefined) return askHelper(env, helper, server);
  // Podman files credentials by namespace too; the closest one counts.
  for (let name = `${registry}/${repository}`; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('/')))) {
    const found = config.auths.get(name);
    if (found !== undefined) return found;
  }
  return config.credsStore === undefined ? undefined : askHelper(env, config.credsStore, server);
}

function readConfig(file: string): DockerConfig | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unusable(file, `it cannot be read (${code ?? 'unknown reason'})`, cause);
  }
  return parseDockerConfig(text, file);
}

/** Reads the text of a Docker `config.json`; `file` is used in messages, which never quote the text. */
export function parseDockerConfig(text: string, file: string): DockerConfig {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unusable(file, 'it is not JSON');
  }
  const root = record(value);
  const auths = new Map<string, RegistryCredentials | undefined>();
  for (const [key, entry] of Object.entries(record(root.auths))) {
    const name = registryOfKey(key);
    const credentials = credentialsOf(record(entry), { file, key });
    if (credentials !== undefined || !auths.has(name)) auths.set(name, credentials);
  }
  const credHelpers = new Map<string, string>();
  for (const [key, helper] of Object.entries(record(root.credHelpers)))
    if (typeof helper === 'string') credHelpers.set(registryOfKey(key), helper);
  const { credsStore } = root;
  return {
    auths,
    credHelpers,
    credsStore: typeof credsStore === 'string' && credsStore !== '' ? credsStore : undefined,
  };
}

/** `https://index.docker.io/v1/` -> `docker.io`; `https://a.example:5000` -> `a.example:5000`; Podman's paths stay. */
function registryOfKey(key: string): string {
  const bare = key
    .replace(/^https?:\/\//, '')
    .replace(/\/v[12]\/?$/, '')
    .replace(/\/+$/, '');
  return /^(?:index\.|registry-1\.)?docker\.io$/.test(bare) ? 'docker.io' : bare;
}

function credentialsOf(
  entry: Readonly<Record<string, unknown>>,
  where: { readonly file: string; readonly key: string },
): RegistryCredentials | undefined {
  if (typeof entry.identitytoken === 'string' && entry.identitytoken !== '')
    return { kind: 'identity-token', token: entry.identitytoken };
  if (typeof entry.auth === 'string' && entry.auth !== '') {
    const decoded = Buffer.from(entry.auth, 'base64').toString('utf8');
    const colon = decoded.indexOf(':');
    if (colon < 1) throw unusable(where.file, `the entry of ${where.key} holds no user name and password`);
    const password = decoded.slice(colon + 1).replace(/\0+$/, '');
    return { kind: 'password', username: decoded.slice(0, colon), password };
  }
  const { username, password } = entry;
  if (typeof username === 'string' && typeof password === 'string' && username !== '')
    return { kind: 'password', username, password };
  return undefined;
}

// https://github.com/docker/docker-credential-helpers#development
async function askHelper(env: Environment, helper: string, server: string): Promise<RegistryCredentials | undefined> {
  const program = `docker-credential-${helper}`;
  if (!HELPER_NAME.test(helper)) throw unusable(program, 'its name is none of a program');
  const { output, failed } = await runHelper(env, program, server);
  if (failed) {
    if (/credentials not found/i.test(output)) return undefined;
    throw unusable(program, `it failed for ${server}`);
  }
  let answer: Readonly<Record<string, unknown>>;
  try {
    answer = record(JSON.parse(output));
  } catch {
    throw unusable(program, 'its answer is not JSON');
  }
  const { Username: username, Secret: secret } = answer;
  if (typeof username !== 'string' || typeof secret !== 'string') throw unusable(program, 'its answer has no secret');
  if (secret === '') return undefined;
  return username === '<token>'
    ? { kind: 'identity-token', token: secret }
    : { kind: 'password', username, password: secret };
}

function runHelper(
  env: Environment,
  program: string,
  server: string,
): Promise<{ readonly output: string; readonly failed: boolean }> {
  return new Promise((resolve, reject) => {
    const options = { env: { ...env }, timeout: HELPER_TIMEOUT, maxBuffer: 1024 * 1024, encoding: 'utf8' } as const;
    const child = execFile(program, ['get'], options, (error, stdout, stderr) => {
      if ((error as NodeJS.ErrnoException | null)?.code === 'ENOENT')
        reject(unusable(program, 'there is no such program on the PATH', error));
      else resolve({ output: error === null ? stdout : `${stdout}\n${stderr}`, failed: error !== null });
    });
    child.stdin?.on('error', () => {}).end(`${server}\n`);
  });
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function unusable(subject: string, problem: string, cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_REGISTRY_CREDENTIALS', `${subject} cannot give registry credentials: ${problem}`, {
    subject,
    hint: 'Run `docker login` for the registry again, or repair the file; DOCKER_CONFIG names its directory.',
    cause,
  });
}
