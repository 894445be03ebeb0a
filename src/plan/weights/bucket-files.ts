import { posix } from 'node:path';
import { canonicalJson } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { sha256 } from '../../digest.ts';
import { CogplanError, isCogplanError, type Where } from '../../errors.ts';
import { withSpan } from '../../events.ts';
import type { WeightFile } from '../../lock/schema.generated.ts';
import type { BucketObject } from '../../sources/buckets/bucket-host.ts';
import { type BucketUri, bucketUrl } from '../../sources/buckets/bucket-uri.ts';
import type { Buckets } from '../../sources/buckets/open-buckets.ts';
import { fetchUnless } from '../../sources/files/fetch-new-file.ts';

/** Kind of derived results: what an object of this version hashes to. */
const KIND = 'bucket-object';

type Hashed = {
  readonly sha256: WeightFile['file']['sha256'];
  readonly size: number;
};

/**
 * The files that an address of a bucket means, relative to it, each streamed into the store while it is hashed; what was read before in the same
 * version is not read again. Errors: COGPLAN_BUCKET_MISSING, COGPLAN_BUCKET_REFUSED, COGPLAN_BUCKET_INVALID, COGPLAN_BUCKET_CHANGED, those of HTTP.
 */
export async function readBucketFiles(
  context: Context,
  buckets: Buckets,
  {
    uri,
    where,
    wanted,
  }: { readonly uri: BucketUri; readonly where: Where; readonly wanted: (path: string) => boolean },
): Promise<readonly WeightFile[]> {
  const objects = await buckets.list(uri).catch((error: unknown) => {
    if (isCogplanError(error, 'COGPLAN_HTTP_STATUS') && error.data?.status === 404) throw missing(uri, where, error);
    throw error;
  });
  if (objects.length === 0) throw missing(uri, where, undefined);
  const directory = uri.key === '' || uri.key.endsWith('/') ? uri.key : `${uri.key}/`;
  const chosen = objects
    .map((object) => ({
      object,
      path: object.key === uri.key ? posix.basename(object.key) : object.key.slice(directory.length),
    }))
    .filter(({ path }) => wanted(path));
  const total = chosen.length;
  return withSpan(
    context.host,
    'weights.hash',
    `Reading ${uri.scheme}://${uri.bucket}/${uri.key}`,
    async (span) => {
      const files: WeightFile[] = [];
      for (const { object, path } of chosen) {
        const url = bucketUrl({ ...uri, key: object.key });
        const { sha256: hash, size } = await hashOf(context, buckets, { url, object });
        files.push({ path, file: { url, sha256: hash, size, computed: true } });
        span.progress(files.length, total, path);
      }
      return files;
    },
    { total, unit: 'items' },
  );
}

async function hashOf(
  context: Context,
  buckets: Buckets,
  { url, object }: { readonly url: string; readonly object: BucketObject },
): Promise<Hashed> {
  const { AWS_ENDPOINT_URL_S3: s3, AWS_ENDPOINT_URL: aws, STORAGE_EMULATOR_HOST: emulator } = context.env;
  const endpoint = url.startsWith('s3:') ? (s3 ?? aws ?? '') : (emulator ?? '');
  const key = sha256(canonicalJson([url, endpoint, object.size, object.version]));
  const known = await context.store.getDerived<Hashed>(KIND, key);
  if (known !== undefined) return known;
  const stored = await fetchUnless({ ...context, http: buckets.http }, { url, what: url }, undefined);
  if (stored.size !== object.size) {
    throw new CogplanError(
      'COGPLAN_BUCKET_CHANGED',
      `${url} has ${stored.size} bytes, and the listing of its bucket says ${object.size}`,
      { subject: url, hint: 'Someone writes to it: run `cogplan lock` again when that is done.' },
    );
  }
  const found = { sha256: stored.sha256, size: stored.size };
  await context.store.putDerived(KIND, key, found);
  return found;
}

function missing({ scheme, bucket, key }: BucketUri, where: Where, cause: unknown): CogplanError {
  const subject = `${scheme}://${bucket}${key === '' ? '' : `/${key}`}`;
  return new CogplanError('COGPLAN_BUCKET_MISSING', `${subject} holds no object`, {
    subject,
    where,
    hint: 'Check the names of bucket and prefix, and where AWS_ENDPOINT_URL or STORAGE_EMULATOR_HOST point.',
    cause,
  });
}
