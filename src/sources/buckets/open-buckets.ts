import type { Context } from '../../context.ts';
import { CogplanError, isCogplanError } from '../../errors.ts';
import type { HttpClient } from '../http/http-client.ts';
import type { BucketHost, BucketObject } from './bucket-host.ts';
import { type BucketUri, parseBucketUrl } from './bucket-uri.ts';

const MOST_OBJECTS = 100_000;
const MOST_PAGES = 10_000;

export interface Buckets {
  /**
   * The objects that an address means: the one with exactly its key, or those below it as a directory. Errors: COGPLAN_BUCKET_MISSING,
   * COGPLAN_BUCKET_REFUSED, COGPLAN_BUCKET_INVALID, those of HTTP.
   */
  list(uri: BucketUri): Promise<readonly BucketObject[]>;
  /** A client that streams `s3:` and `gs:` URLs as the context's own does others. */
  readonly http: HttpClient;
}

/** Access to buckets with the credentials of the environment. They stand in the headers of requests to the host of the bucket, and nowhere else. */
export function openBuckets(context: Context): Buckets {
  const hosts = new Map<BucketUri['scheme'], Promise<BucketHost>>();
  const hostOf = ({ scheme }: BucketUri): Promise<BucketHost> => {
    let host = hosts.get(scheme);
    if (host === undefined) {
      host = open(context, scheme);
      hosts.set(scheme, host);
    }
    return host;
  };

  async function guarded<T>(uri: BucketUri, ask: (host: BucketHost) => Promise<T>): Promise<T> {
    const host = await hostOf(uri);
    try {
      return await ask(host).catch(async (error: unknown) => {
        if (!isCogplanError(error, 'COGPLAN_HTTP_STATUS')) throw error;
        if (!(await host.retry(Number(error.data?.status)))) throw error;
        return await ask(host);
      });
    } catch (error) {
      throw explained(error, uri, host.advice);
    }
  }

  async function list(uri: BucketUri): Promise<readonly BucketObject[]> {
    const { bucket, key } = uri;
    const directory = key === '' || key.endsWith('/') ? key : `${key}/`;
    if (directory !== key) {
      // Of all keys that begin with another, that one comes first.
      const first = await guarded(uri, (host) => host.list({ bucket, prefix: key, page: undefined, most: 1 }));
      const exact = first.objects.find((object) => object.key === key);
      if (exact !== undefined) return [exact];
    }
    const objects: BucketObject[] = [];
    let page: string | undefined;
    for (let pages = 0; pages === 0 || page !== undefined; pages++) {
      const asked = page;
      const answer = await guarded(uri, (host) => host.list({ bucket, prefix: directory, page: asked }));
      objects.push(...answer.objects);
      if (pages > MOST_PAGES || objects.length > MOST_OBJECTS) throw invalid(uri, `more than ${MOST_OBJECTS} objects`);
      page = answer.next;
    }
    // A key that ends in a slash is what consoles make for an empty directory.
    return objects.filter((object) => object.key.startsWith(directory) && !object.key.endsWith('/'));
  }

  const stream: HttpClient['stream'] = async (url, options = {}) => {
    const uri = parseBucketUrl(url);
    if (uri === undefined) return context.http.stream(url, options);
    return guarded(uri, async (host) => {
      const request = await host.object(uri.bucket, uri.key);
      const headers = { ...options.headers, ...request.headers };
      return context.http.stream(request.url, { ...options, headers, direct: true });
    });
  };

  return { list, http: { ...context.http, stream } };
}

async function open(context: Context, scheme: BucketUri['scheme']): Promise<BucketHost> {
  const problem = (reason: string): CogplanError => invalid({ scheme, bucket: '', key: '' }, reason);
  return scheme === 's3'
    ? (await import('./s3.ts')).createS3(context, problem)
    : (await import('./gcs.ts')).createGcs(context, problem);
}

function nameOf({ scheme, bucket, key }: BucketUri): string {
  return `${scheme}://${bucket}${key === '' ? '' : `/${key}`}`;
}

function invalid(uri: BucketUri, reason: string): CogplanError {
  const subject = nameOf(uri);
  return new CogplanError('COGPLAN_BUCKET_INVALID', `the listing of ${subject} cannot be used: ${reason}`, {
    subject,
    hint: 'Check AWS_ENDPOINT_URL or STORAGE_EMULATOR_HOST: it must speak the API of the bucket.',
  });
}

function explained(error: unknown, uri: BucketUri, advice: string): unknown {
  if (!isCogplanError(error, 'COGPLAN_HTTP_STATUS')) return error;
  const [status, subject] = [error.data?.status, nameOf(uri)];
  if (status === 401 || status === 403) {
    return new CogplanError('COGPLAN_BUCKET_REFUSED', `the bucket refuses ${subject} (${status})`, {
      subject,
      hint: advice,
      cause: error,
      data: { status },
    });
  }
  return error;
}
