import type { Context } from '../../context.ts';
import { CogplanError, isCogplanError } from '../../errors.ts';
import type { HttpClient, HttpResponse, SendOptions } from '../http/http-client.ts';
import { authorize } from './authorize.ts';
import { type Endpoint, findEndpoint } from './endpoint.ts';
import type { ImageReference } from './reference.ts';

export interface RegistryOptions {
  readonly access: 'pull' | 'push';
  /** Repositories of the same registry that blobs may be mounted from. */
  readonly mountFrom?: readonly string[];
}

/** One repository of one registry, with the access that was asked for. */
export interface Registry {
  /** Whose name stands in messages: `docker.io/library/ubuntu`. */
  readonly name: string;
  /** Absolute URL of `manifests/TAG`, `blobs/DIGEST`, `blobs/uploads/` …, or of a Location that an answer gave. */
  url(path: string): string;
  /** A request that is authorised when the registry asks for it. Statuses as for `HttpClient.send`. */
  send(url: string, options: SendOptions): Promise<HttpResponse>;
  /** The same for downloads. */
  readonly http: HttpClient;
}

const RESTRICTED: readonly number[] = [401, 403];

/**
 * Opens a repository. Nothing is sent before the first request; credentials are looked up when the registry first refuses.
 * Errors of `send`: COGPLAN_REGISTRY_AUTH, COGPLAN_REGISTRY_FAILED, and those of the HTTP client.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 */
export async function openRegistry(
  context: Context,
  image: Pick<ImageReference, 'registry' | 'repository'>,
  options: RegistryOptions,
): Promise<Registry> {
  const endpoint = await findEndpoint(context, image, options.access);
  const origin = new URL(endpoint.url).origin;
  const name = `${image.registry}/${image.repository}`;
  const scopes = scopesOf(endpoint, options);
  let authorization: string | undefined;
  let renewing: Promise<void> | undefined;

  async function renew(challenge: string | undefined): Promise<void> {
    renewing ??= authorize(context, { endpoint, challenge, scopes })
      .then((value) => {
        authorization = value;
      })
      .finally(() => {
        renewing = undefined;
      });
    return renewing;
  }

  function withAuthorization(url: string, headers: SendOptions['headers']): Readonly<Record<string, string>> {
    const isOwn = new URL(url).origin === origin;
    return { ...headers, ...(isOwn && authorization !== undefined ? { authorization } : {}) };
  }

  async function send(url: string, sendOptions: SendOptions): Promise<HttpResponse> {
    const allowStatus = [...(sendOptions.allowStatus ?? []), ...RESTRICTED, ...REPORTED];
    const attempt = (): Promise<HttpResponse> =>
      context.http.send(url, {
        signal: context.signal,
        direct: true,
        ...sendOptions,
        allowStatus,
        headers: withAuthorization(url, sendOptions.headers),
      });
    let answer = await attempt();
    // Only the registry itself may ask for credentials, not whom it redirects to.
    if (answer.status === 401 && new URL(answer.url).origin === origin) {
      await renew(answer.headers['www-authenticate']);
      answer = await attempt();
    }
    if (sendOptions.allowStatus?.includes(answer.status) === true || answer.status < 400) return answer;
    throw RESTRICTED.includes(answer.status) ? refused(name, answer) : failed(name, answer);
  }

  const stream: HttpClient['stream'] = async (url, streamOptions = {}) => {
    const attempt = (): ReturnType<HttpClient['stream']> =>
      context.http.stream(url, {
        ...streamOptions,
        direct: true,
        headers: withAuthorization(url, streamOptions.headers),
      });
    try {
      return await attempt();
    } catch (error) {
      if (!isCogplanError(error, 'COGPLAN_HTTP_STATUS') || error.data?.status !== 401) throw error;
      // The challenge stands in an answer that a stream does not show.
      await send(url, { method: 'HEAD', allowStatus: [404, 405] });
      return attempt();
    }
  };

  return {
    name,
    url: (path) => new URL(path, endpoint.url).href,
    send,
    http: { ...context.http, stream },
  };
}

/** Client errors that carry the registry's own words. */
const REPORTED: readonly number[] = [400, 404, 405, 409, 413, 415, 422];

function scopesOf({ repository }: Endpoint, { access, mountFrom = [] }: RegistryOptions): readonly string[] {
  const own = `repository:${repository}:${access === 'push' ? 'pull,push' : 'pull'}`;
  return [own, ...mountFrom.filter((name) => name !== repository).map((name) => `repository:${name}:pull`)];
}

function refused(name: string, answer: HttpResponse): CogplanError {
  return new CogplanError(
    'COGPLAN_REGISTRY_AUTH',
    `no access to ${name}: HTTP status ${answer.status}${told(answer)}`,
    {
      subject: name,
      hint: 'Check the name, and that your account may use it; `docker login` stores credentials.',
      data: { status: answer.status },
    },
  );
}

function failed(name: string, answer: HttpResponse): CogplanError {
  return new CogplanError(
    'COGPLAN_REGISTRY_FAILED',
    `${name}: the registry answered with HTTP status ${answer.status}${told(answer)}`,
    { subject: name, hint: 'The registry refuses the request as it stands.', data: { status: answer.status } },
  );
}

/** The registry's own words, from the errors of its answer. */
function told({ body }: HttpResponse): string {
  try {
    const { errors } = JSON.parse(body.toString('utf8')) as {
      errors?: readonly { readonly code?: unknown; readonly message?: unknown }[];
    };
    const words = (errors ?? []).map(({ code, message }) => `${String(code)} ${String(message ?? '')}`.trim());
    return words.length === 0 ? '' : `: ${words.join('; ').slice(0, 500)}`;
  } catch {
    return '';
  }
}
