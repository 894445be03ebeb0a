import { AwsV4Signer } from 'aws4fetch';
import { Parser } from 'htmlparser2';
import type { Context } from '../../context.ts';
import { awsCredentials } from './aws-credentials.ts';
import { awsSettings } from './aws-settings.ts';
import type {
  BucketHost,
  BucketObject,
  BucketPage,
  BucketRequest,
  InvalidListing,
  ListRequest,
} from './bucket-host.ts';

const DEFAULT_REGION = 'us-east-1';
const LISTING_BYTES = 16 * 1024 * 1024;

/**
 * Buckets of S3 and of whatever AWS_ENDPOINT_URL names, addressed by path. Requests are signed when there are credentials, and plain otherwise; after a refusal, with the role of the machine that this runs on.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
export function createS3(context: Context, invalid: InvalidListing): BucketHost {
  const { region, endpoint } = awsSettings(context.env);
  const keys = awsCredentials(context);
  const regions = new Map<string, Promise<string>>();

  async function signed(bucket: string, path: string, query: Readonly<Record<string, string>>): Promise<BucketRequest> {
    const where = endpoint === undefined ? await regionOf(bucket) : (region ?? DEFAULT_REGION);
    const url = new URL(`${endpoint ?? `https://s3.${where}.amazonaws.com`}/${bucket}${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const credentials = await keys.current();
    if (credentials === undefined) return { url: url.href, headers: {} };
    const signer = new AwsV4Signer({
      ...credentials,
      url: url.href,
      method: 'GET',
      service: 's3',
      region: where,
      datetime: context
        .now()
        .toISOString()
        .replace(/[:-]|\.\d{3}/g, ''),
    });
    const answer = await signer.sign();
    const headers: Record<string, string> = {};
    answer.headers.forEach((value, name) => {
      headers[name] = value;
    });
    return { url: answer.url.href, headers };
  }

  /** A bucket answers in its own region only, and tells everyone which that is. */
  function regionOf(bucket: string): Promise<string> {
    let found = regions.get(bucket);
    if (found === undefined) {
      found = context.http
        .send(`https://s3.${DEFAULT_REGION}.amazonaws.com/${bucket}`, {
          method: 'HEAD',
          direct: true,
          allowStatus: [301, 400, 403, 404],
          signal: context.signal,
        })
        .then(({ headers }) => headers['x-amz-bucket-region'] ?? region ?? DEFAULT_REGION);
      regions.set(bucket, found);
    }
    return found;
  }

  async function list({ bucket, prefix, page, most }: ListRequest): Promise<BucketPage> {
    const { url, headers } = await signed(bucket, '', {
      'list-type': '2',
      'encoding-type': 'url',
      prefix,
      ...(page === undefined ? {} : { 'continuation-token': page }),
      ...(most === undefined ? {} : { 'max-keys': String(most) }),
    });
    const { body } = await context.http.send(url, {
      method: 'GET',
      headers,
      direct: true,
      maxBytes: LISTING_BYTES,
      signal: context.signal,
    });
    return readListing(body.toString('utf8'), invalid);
  }

  return {
    list,
    object: (bucket, key) => signed(bucket, `/${key.split('/').map(encodeURIComponent).join('/')}`, {}),
    retry: async (status) => (status === 401 || status === 403) && (await keys.askMachine()),
    advice:
      'Give credentials that may read it: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile in AWS_PROFILE, or a role by AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE.',
  };
}

function readListing(text: string, invalid: InvalidListing): BucketPage {
  const path: string[] = [];
  const objects: BucketObject[] = [];
  const top = new Map<string, string>();
  let entry = new Map<string, string>();
  let value = '';
  const parser = new Parser(
    {
      onopentag: (name) => {
        path.push(name);
        value = '';
        if (name === 'Contents') entry = new Map();
      },
      ontext: (data) => {
        value += data;
      },
      onclosetag: (name) => {
        path.pop();
        const parent = path.join('/');
        if (parent === 'ListBucketResult/Contents') entry.set(name, value);
        else if (parent === 'ListBucketResult' && name === 'Contents') objects.push(readObject(entry, invalid));
        else if (parent === 'ListBucketResult') top.set(name, value);
      },
    },
    { xmlMode: true, decodeEntities: true },
  );
  parser.end(text);
  if (!top.has('IsTruncated')) throw invalid('it is no listing');
  const next = top.get('NextContinuationToken');
  if (top.get('IsTruncated') === 'true' && !next) throw invalid('it does not tell where the next page starts');
  return {
    objects: objects.map((item) => decoded(item, top, invalid)),
    next: top.get('IsTruncated') === 'true' ? next : undefined,
  };
}

function readObject(entry: ReadonlyMap<string, string>, invalid: InvalidListing): BucketObject {
  const [key, size, etag] = [entry.get('Key'), Number(entry.get('Size') ?? Number.NaN), entry.get('ETag')];
  if (key === undefined || !Number.isSafeInteger(size) || size < 0) throw invalid('an object has no key or size');
  return { key, size, version: `${etag ?? ''} ${entry.get('LastModified') ?? ''}` };
}

/** Keys are encoded as in a query when the host says so; older ones do not know of it. */
function decoded(object: BucketObject, top: ReadonlyMap<string, string>, invalid: InvalidListing): BucketObject {
  if (top.get('EncodingType') !== 'url') return object;
  try {
    return { ...object, key: decodeURIComponent(object.key.replace(/\+/g, ' ')) };
  } catch {
    throw invalid('a key is encoded wrongly');
  }
}
