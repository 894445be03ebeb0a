import type { Context } from '../../context.ts';
import { CogplanError, isCogplanError } from '../../errors.ts';
import { warn } from '../../events.ts';
import type { Archive } from '../../lock/schema.generated.ts';
import { type FetchedRelease, fetchRelease } from './fetch-release.ts';
import { type ArchiveRequest, findIndex } from './find-archive.ts';
import { newestRemembered } from './remembered-archives.ts';
import { stampOf } from './snapshot-stamp.ts';

export interface DatedRequest extends ArchiveRequest {
  /** Nothing newer is considered. */
  readonly asOf: Date;
  /** Where older states are, without the timestamp: `https://snapshot.debian.org/archive/debian`. */
  readonly snapshot: string | undefined;
}

/**
 * A suite as it was at an instant: the archive's own state where it has not moved since, else the snapshot's of that
 * instant, else the newest one before it that the store remembers (with a warning). Keys and `Valid-Until` are judged at
 * that instant. COGPLAN_AS_OF_UNAVAILABLE when none can be had; a state that can be had but is forged is refused as ever.
 */
export async function findArchiveAsOf(context: Context, request: DatedRequest): Promise<Archive> {
  const reasons: string[] = [];
  const { asOf } = request;
  for (const url of rootsOf(request)) {
    try {
      const fetched = await fetchAt(context, request, url);
      if (fetched.release.date <= asOf) return await findIndex(context, request, fetched);
      reasons.push(`${url} is of ${fetched.release.date.toISOString()}`);
    } catch (error) {
      if (!isCogplanError(error) || !UNREACHABLE.has(error.code)) throw error;
      reasons.push(error.message);
    }
  }
  const remembered = await newestRemembered(context, request, asOf);
  if (remembered !== undefined) {
    warn(
      context.host,
      'apt.remembered',
      `${request.suite} as of ${asOf.toISOString()}: taken as it was at ${remembered.date}, the newest state before that the store has`,
    );
    return remembered;
  }
  throw new CogplanError(
    'COGPLAN_AS_OF_UNAVAILABLE',
    `${request.suite} of ${request.url} as of ${asOf.toISOString()} cannot be had: ${reasons.join('; ')}`,
    {
      subject: request.suite,
      hint: 'Snapshots must be reachable, or the store must have seen the archive before that instant. COGPLAN_MIRRORS names another snapshot.',
      data: { asOf: asOf.toISOString(), reasons },
    },
  );
}

const UNREACHABLE: ReadonlySet<string> = new Set(['COGPLAN_NETWORK', 'COGPLAN_OFFLINE', 'COGPLAN_HTTP_STATUS']);

function rootsOf({ url, snapshot, asOf }: DatedRequest): readonly string[] {
  return snapshot === undefined ? [url] : [url, `${snapshot}/${stampOf(asOf)}`];
}

/** The archive of today is judged by today's clock, unless it has not been renewed since the instant that counts. */
async function fetchAt(context: Context, request: DatedRequest, url: string): Promise<FetchedRelease> {
  const asked = { ...request, url, previous: undefined };
  if (url !== request.url) return fetchRelease(context, { ...asked, at: request.asOf });
  try {
    return await fetchRelease(context, asked);
  } catch (error) {
    if (!isCogplanError(error, 'COGPLAN_ARCHIVE_EXPIRED')) throw error;
    return fetchRelease(context, { ...asked, at: request.asOf });
  }
}
