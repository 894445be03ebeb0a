import { z } from 'zod';
import type { Context } from '../../context.ts';
import type { BucketHost, BucketPage, BucketRequest, InvalidListing, ListRequest } from './bucket-host.ts';
import { defaultKeyFile, googleToken, machineToken } from './google-token.ts';

const ENDPOINT = 'https://storage.googleapis.com';
const LISTING_BYTES = 16 * 1024 * 1024;

const listing = z.object({
  items: z
    .array(
      z.object({
        name: z.string(),
        size: z.string().regex(/^\d{1,15}$/),
        generation: z.string(),
        etag: z.string().optional(),
      }),
    )
    .optional(),
  nextPageToken: z.string().optional(),
});

/**
 * Buckets of Google Cloud Storage, or of STORAGE_EMULATOR_HOST. The token comes from GOOGLE_OAUTH_ACCESS_TOKEN or CLOUDSDK_AUTH_ACCESS_TOKEN, or from the file that
 * GOOGLE_APPLICATION_CREDENTIALS names; without, requests go out plain, and after a refusal with what gcloud or the machine has. https://cloud.google.com/storage/docs/json_api
 */
export function createGcs(context: Context, invalid: InvalidListing): BucketHost {
  const { env, http, signal } = context;
  const emulator = env.STORAGE_EMULATOR_HOST?.trim().replace(/\/+$/, '');
  const base = !emulator ? ENDPOINT : /^https?:\/\//.test(emulator) ? emulator : `http://${emulator}`;
  const fixed = env.GOOGLE_OAUTH_ACCESS_TOKEN?.trim() || env.CLOUDSDK_AUTH_ACCESS_TOKEN?.trim() || undefined;
  const keyFile = env.GOOGLE_APPLICATION_CREDENTIALS?.trim() || undefined;
  let find: (() => Promise<string>) | undefined;
  if (fixed !== undefined) find = async () => fixed;
  else if (keyFile !== undefined) find = googleToken(context, keyFile);
  let asked = find !== undefined || (emulator !== undefined && env.GCE_METADATA_HOST === undefined);

  const request = async (path: string, query: Readonly<Record<string, string>>): Promise<BucketRequest> => {
    const url = new URL(`${base}/storage/v1/b/${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const token = await find?.();
    return { url: url.href, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } };
  };

  async function list({ bucket, prefix, page, most }: ListRequest): Promise<BucketPage> {
    const { url, headers } = await request(`${encodeURIComponent(bucket)}/o`, {
      prefix,
      fields: 'items(name,size,generation,etag),nextPageToken',
      ...(page === undefined ? {} : { pageToken: page }),
      ...(most === undefined ? {} : { maxResults: String(most) }),
    });
    const options = { method: 'GET', headers, direct: true, maxBytes: LISTING_BYTES, signal } as const;
    const { body } = await http.send(url, options);
    const parsed = listing.safeParse(jsonOf(body, invalid));
    if (!parsed.success) throw invalid('its JSON has another shape');
    const { items = [], nextPageToken } = parsed.data;
    return {
      objects: items.map(({ name, size, generation, etag }) => ({
        key: name,
        size: Number(size),
        version: `${generation} ${etag ?? ''}`,
      })),
      next: nextPageToken,
    };
  }

  /** What gcloud left on this machine, else the service account of the machine. */
  async function retry(status: number): Promise<boolean> {
    if ((status !== 401 && status !== 403) || asked) return false;
    asked = true;
    const own = defaultKeyFile(env);
    find = own === undefined ? machineToken(context) : googleToken(context, own);
    return find().then(
      () => true,
      (error: unknown) => {
        find = undefined;
        if (own !== undefined) throw error;
        return false;
      },
    );
  }

  return {
    list,
    object: async (bucket, key) =>
      request(`${encodeURIComponent(bucket)}/o/${encodeURIComponent(key)}`, { alt: 'media' }),
    retry,
    advice:
      'Name a key file that may read it in GOOGLE_APPLICATION_CREDENTIALS, log in by gcloud auth application-default login, or give a token in GOOGLE_OAUTH_ACCESS_TOKEN.',
  };
}

function jsonOf(body: Buffer, invalid: InvalidListing): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw invalid('it is not JSON');
  }
}
