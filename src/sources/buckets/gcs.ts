import { z } from 'zod';
import type { Context } from '../../context.ts';
import type { BucketHost, BucketPage, BucketRequest, InvalidListing, ListRequest } from './bucket-host.ts';

const ENDPOINT = 'https://storage.googleapis.com';
const METADATA = 'metadata.google.internal';
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
 * Buckets of Google Cloud Storage, or of STORAGE_EMULATOR_HOST. The token comes from GOOGLE_OAUTH_ACCESS_TOKEN or CLOUDSDK_AUTH_ACCESS_TOKEN; without
 * one, requests go out plain, and after a refusal with the token of the machine that this runs on. https://cloud.google.com/storage/docs/json_api
 */
export function createGcs(context: Context, invalid: InvalidListing): BucketHost {
  const { env, http, signal } = context;
  const emulator = env.STORAGE_EMULATOR_HOST?.trim().replace(/\/+$/, '');
  const base = !emulator ? ENDPOINT : /^https?:\/\//.test(emulator) ? emulator : `http://${emulator}`;
  let token = env.GOOGLE_OAUTH_ACCESS_TOKEN?.trim() || env.CLOUDSDK_AUTH_ACCESS_TOKEN?.trim() || undefined;
  let asked = token !== undefined || (emulator !== undefined && env.GCE_METADATA_HOST === undefined);

  const request = (path: string, query: Readonly<Record<string, string>>): BucketRequest => {
    const url = new URL(`${base}/storage/v1/b/${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return { url: url.href, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } };
  };

  async function list({ bucket, prefix, page, most }: ListRequest): Promise<BucketPage> {
    const { url, headers } = request(`${encodeURIComponent(bucket)}/o`, {
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

  /** https://cloud.google.com/compute/docs/metadata/querying-metadata */
  async function retry(status: number): Promise<boolean> {
    if ((status !== 401 && status !== 403) || asked) return false;
    asked = true;
    const host = env.GCE_METADATA_HOST?.trim() || METADATA;
    const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/token`;
    try {
      const headers = { 'metadata-flavor': 'Google' };
      const { body } = await http.send(url, { method: 'GET', headers, direct: true, retries: 0, signal });
      token = z.object({ access_token: z.string().min(1) }).parse(JSON.parse(body.toString('utf8'))).access_token;
      return true;
    } catch {
      return false;
    }
  }

  return {
    list,
    object: async (bucket, key) =>
      request(`${encodeURIComponent(bucket)}/o/${encodeURIComponent(key)}`, { alt: 'media' }),
    retry,
    advice: 'Give a token that may read it in GOOGLE_OAUTH_ACCESS_TOKEN: gcloud auth print-access-token prints one.',
  };
}

function jsonOf(body: Buffer, invalid: InvalidListing): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw invalid('it is not JSON');
  }
}
