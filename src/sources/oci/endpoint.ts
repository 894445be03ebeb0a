import type { Context } from '../../context.ts';
import { parseMirrors, toMirror } from '../http/mirrors.ts';
import type { ImageReference } from './reference.ts';

/** Where a repository is asked. */
export interface Endpoint {
  /** `https://registry-1.docker.io/v2/library/ubuntu/`. */
  readonly url: string;
  /** Whose credentials are sent there: the registry's, or the mirror's own. */
  readonly registry: string;
  /** The repository's name there, which tokens are asked for. */
  readonly repository: string;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/;

/**
 * The endpoint of a repository: over HTTPS, and over plain HTTP only for registries on this machine and those that
 * COGPLAN_INSECURE_REGISTRIES lists (`host:port`, separated by commas), when they speak nothing better. A prefix of COGPLAN_MIRRORS that fits
 * `https://HOST/v2/NAME/` leads to a mirror, for reading.
 */
export async function findEndpoint(
  context: Context,
  { registry, repository }: Pick<ImageReference, 'registry' | 'repository'>,
  access: 'pull' | 'push',
): Promise<Endpoint> {
  const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  const address = `https://${host}/v2/${repository}/`;
  if (access === 'pull') {
    const { url, mirrored } = toMirror(parseMirrors(context.env.COGPLAN_MIRRORS), address);
    if (mirrored) return mirrorEndpoint(url);
  }
  const mayBePlain = LOOPBACK.test(host) || insecureRegistries(context).includes(host);
  const scheme = mayBePlain && (await speaksPlainHttp(context, host)) ? 'http' : 'https';
  return { url: `${scheme}://${host}/v2/${repository}/`, registry, repository };
}

function mirrorEndpoint(address: string): Endpoint {
  const url = new URL(address);
  const credentials = `${url.username}${url.password === '' ? '' : `:${url.password}`}`;
  const repository = url.pathname.replace(/^\/(?:v2\/)?/, '').replace(/\/$/, '');
  return {
    url: `${url.protocol}//${credentials === '' ? '' : `${credentials}@`}${url.host}${url.pathname}`,
    registry: url.host === 'registry-1.docker.io' ? 'docker.io' : url.host,
    repository,
  };
}

function insecureRegistries({ env }: Context): readonly string[] {
  return (env.COGPLAN_INSECURE_REGISTRIES ?? '').split(',').map((name) => name.trim());
}

/** A TLS server answers plain HTTP with 400, or hangs up. */
async function speaksPlainHttp(context: Context, host: string): Promise<boolean> {
  const url = `http://${host}/v2/`;
  try {
    const answer = await context.http.send(url, {
      method: 'GET',
      allowStatus: [401, 403, 404],
      direct: true,
      retries: 1,
      signal: context.signal,
    });
    return answer.url.startsWith('http://');
  } catch {
    context.signal.throwIfAborted();
    return false;
  }
}
