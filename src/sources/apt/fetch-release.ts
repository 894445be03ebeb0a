import type { Context } from '../../context.ts';
import { CogplanError } from '../../errors.ts';
import type { Archive } from '../../lock/schema.generated.ts';
import type { TrustedKey } from './clear-signed.ts';
import { checkReleaseFile, parseReleaseFile, type ReleaseFile } from './release-file.ts';
import { verifyOncePerDay } from './remembered-signature.ts';

export interface ReleaseRequest {
  /** Root of the archive, without a trailing slash. */
  readonly url: string;
  /** With a trailing slash: the directory of a flat archive. */
  readonly suite: string;
  readonly keys: readonly TrustedKey[];
  /** What the lock recorded of this suite, so that an older state is refused. */
  readonly previous: Archive | undefined;
  /** The instant at which keys and Release file must be valid; absent: now. */
  readonly at?: Date;
}

export interface FetchedFile {
  readonly url: string;
  readonly body: Buffer;
}

export interface FetchedRelease {
  /** Root of the archive: where a timestamped URL was redirected to, otherwise as asked. */
  readonly url: string;
  readonly release: ReleaseFile;
  readonly signers: readonly string[];
  /** `InRelease`, or `Release` where the signature is a file of its own. */
  readonly inRelease: FetchedFile;
  /** `Release.gpg`. */
  readonly signature?: FetchedFile;
}

const MAX_RELEASE = 16 * 1024 * 1024;
const MAX_SIGNATURE = 64 * 1024;

/**
 * The Release file of a suite with its signature verified: `InRelease`, or `Release` and `Release.gpg` where an archive has
 * no such file. The errors of `verifyClearSigned` and `checkReleaseFile`.
 */
export async function fetchRelease(context: Context, request: ReleaseRequest): Promise<FetchedRelease> {
  const directory = releaseDirectory(request.url, request.suite);
  const now = request.at ?? context.now();
  const inReleaseUrl = `${directory}/InRelease`;
  const answer = await context.http.get(inReleaseUrl, {
    maxBytes: MAX_RELEASE,
    signal: context.signal,
    allowStatus: [404],
  });
  if (answer.status === 404) return fetchDetached(context, request, inReleaseUrl);
  const { text, signers } = await verifyOncePerDay(context, answer.body, {
    keys: request.keys,
    now,
    what: inReleaseUrl,
  });
  const url = rootOf(answer.url, request);
  const release = checked(text, request, { now, what: inReleaseUrl });
  return {
    url,
    release,
    signers,
    inRelease: { url: `${releaseDirectory(url, request.suite)}/InRelease`, body: answer.body },
  };
}

/** The directory that holds a suite's Release file. */
export function releaseDirectory(url: string, suite: string): string {
  if (!suite.endsWith('/')) return `${url}/dists/${suite}`;
  const inside = suite
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
  return inside === '' ? url : `${url}/${inside}`;
}

async function fetchDetached(context: Context, request: ReleaseRequest, inReleaseUrl: string): Promise<FetchedRelease> {
  const directory = releaseDirectory(request.url, request.suite);
  const options = { signal: context.signal, allowStatus: [404] };
  const files = await Promise.all([
    context.http.get(`${directory}/Release`, { ...options, maxBytes: MAX_RELEASE }),
    context.http.get(`${directory}/Release.gpg`, { ...options, maxBytes: MAX_SIGNATURE }),
  ]);
  const [plain, signature] = files;
  const absent = files.find(({ status }) => status === 404);
  if (absent !== undefined) {
    throw new CogplanError('COGPLAN_HTTP_STATUS', `${inReleaseUrl} and ${absent.url} answer 404`, {
      subject: inReleaseUrl,
      hint: 'No such suite is here, or the archive is not signed.',
      data: { status: 404 },
    });
  }
  const now = request.at ?? context.now();
  const what = `${directory}/Release`;
  const { verifyDetached } = await import('./clear-signed.ts');
  const signers = await verifyDetached(plain.body, signature.body, { keys: request.keys, now, what });
  return {
    url: request.url,
    release: checked(plain.body.toString('utf8'), request, { now, what }),
    signers,
    inRelease: { url: what, body: plain.body },
    signature: { url: `${directory}/Release.gpg`, body: signature.body },
  };
}

function checked(
  text: string,
  { suite, previous }: ReleaseRequest,
  { now, what }: { readonly now: Date; readonly what: string },
): ReleaseFile {
  const release = parseReleaseFile(text, what);
  const notBefore = previous === undefined ? undefined : new Date(previous.date);
  checkReleaseFile(release, { suite, now, notBefore, what });
  return release;
}

/** Snapshots redirect from the instant that was asked for to the import that holds it, which has the better name. */
function rootOf(finalUrl: string, { url, suite }: ReleaseRequest): string {
  const asked = /^(.*\/)\d{8}T\d{6}Z$/.exec(url)?.[1];
  const given = /^(.*\/)(\d{8}T\d{6}Z)\/dists\//.exec(finalUrl);
  if (asked === undefined || given?.[1] === undefined || suite.endsWith('/')) return url;
  return given[1] === asked ? `${given[1]}${given[2]}` : url;
}
