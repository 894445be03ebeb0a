import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Docker from 'dockerode';
import { sha256 } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';

export interface DockerEngine {
  readonly docker: Docker;
  /** For messages: where the engine was looked for. */
  readonly endpoint: string;
}

/**
 * Connects to the Docker Engine that the `docker` command would talk to: DOCKER_HOST, else the current context, else the default
 * socket. Fails with COGPLAN_DOCKER_UNAVAILABLE when nothing answers there.
 */
export async function connectDocker(env: Readonly<Record<string, string | undefined>>): Promise<DockerEngine> {
  const engine = locate(env);
  try {
    await engine.docker.ping();
  } catch (error) {
    throw unavailable(engine.endpoint, error);
  }
  return engine;
}

function locate(env: Readonly<Record<string, string | undefined>>): DockerEngine {
  const host = env.DOCKER_HOST || contextHost(env);
  if (host === undefined) return { docker: new Docker(), endpoint: 'its default socket' };
  if (host.startsWith('unix://')) {
    return { docker: new Docker({ socketPath: host.slice('unix://'.length) }), endpoint: host };
  }
  // The client reads DOCKER_HOST itself, and the TLS variables that go with it.
  if (env.DOCKER_HOST) return { docker: new Docker(), endpoint: host };
  throw unavailable(host, new Error('only contexts with a unix socket are supported; set DOCKER_HOST for others'));
}

/** Endpoint of the current context of the `docker` command; undefined for the default one. */
function contextHost(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const directory = env.DOCKER_CONFIG ?? (env.HOME === undefined ? undefined : join(env.HOME, '.docker'));
  if (directory === undefined) return undefined;
  const name = env.DOCKER_CONTEXT ?? textAt(readJson(join(directory, 'config.json')), ['currentContext']);
  if (name === undefined || name === 'default') return undefined;
  return textAt(readJson(join(directory, 'contexts/meta', sha256(name), 'meta.json')), ['Endpoints', 'docker', 'Host']);
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function textAt(value: unknown, keys: readonly string[]): string | undefined {
  let at = value;
  for (const key of keys) at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined;
  return typeof at === 'string' && at !== '' ? at : undefined;
}

function unavailable(endpoint: string, error: unknown): CogplanError {
  const reason = error instanceof Error ? error.message : String(error);
  const denied = error instanceof Error && 'code' in error && error.code === 'EACCES';
  return new CogplanError('COGPLAN_DOCKER_UNAVAILABLE', `no Docker Engine answers at ${endpoint}: ${reason}`, {
    subject: endpoint,
    hint: denied
      ? 'You may not use its socket: add your user to the group "docker", or use rootless Docker. Outputs oci:PATH and tar:PATH need no engine.'
      : 'Start it, or set DOCKER_HOST. Outputs oci:PATH and tar:PATH need no engine.',
    cause: error,
  });
}
