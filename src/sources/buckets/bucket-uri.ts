/** What `s3://bucket/key` and `gs://bucket/key` name. */
export interface BucketUri {
  readonly scheme: 's3' | 'gs';
  readonly bucket: string;
  /** Without a leading slash; empty for the whole bucket. */
  readonly key: string;
}

/** Names of buckets, those of Google with dots and underscores included. https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const SHAPE = /^(s3|gs):\/\/([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:\/(.*))?$/s;

/** Reads an address as people write it: its key is taken literally. Undefined for what is none. */
export function parseBucketUri(uri: string): BucketUri | undefined {
  const [, scheme, bucket, key = ''] = SHAPE.exec(uri) ?? [];
  return bucket === undefined ? undefined : { scheme: scheme === 's3' ? 's3' : 'gs', bucket, key };
}

/** The address of one object as a lock has it: the names of its key percent-encoded. */
export function bucketUrl({ scheme, bucket, key }: BucketUri): string {
  return `${scheme}://${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
}

/** Reads what `bucketUrl` wrote. */
export function parseBucketUrl(url: string): BucketUri | undefined {
  const parsed = parseBucketUri(url);
  if (parsed === undefined) return undefined;
  try {
    return { ...parsed, key: parsed.key.split('/').map(decodeURIComponent).join('/') };
  } catch {
    return undefined;
  }
}
