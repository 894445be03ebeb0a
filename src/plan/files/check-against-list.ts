import type { Context } from '../../context.ts';
import { CogplanError, isCogplanError } from '../../errors.ts';
import type { File } from '../../lock/schema.generated.ts';
import { listedHash, pgetHashList, pgetRelease } from './pget-releases.ts';

const MOST_BYTES = 64 * 1024;

/** Holds a program of a release to the hash that the release itself lists. A release without a list, or one that cannot be had, says nothing. COGPLAN_HASH_MISMATCH. */
export async function checkAgainstList(context: Context, file: File, what: string): Promise<void> {
  const release = pgetRelease(file.url);
  const address = release === undefined ? undefined : pgetHashList(release);
  if (release === undefined || address === undefined) return;
  const listed = await context.http
    .get(address, { maxBytes: MOST_BYTES, signal: context.signal, allowStatus: [403, 404, 410] })
    .then(({ status, body }) => (status === 200 ? listedHash(body.toString('utf8'), release.program) : undefined))
    .catch((error: unknown) => {
      if (isCogplanError(error, 'COGPLAN_INTERRUPTED')) throw error;
      return undefined;
    });
  if (listed === undefined || listed === file.sha256) return;
  throw new CogplanError(
    'COGPLAN_HASH_MISMATCH',
    `${what} from ${file.url}: its release lists sha256 ${listed}, got ${file.sha256}, ${file.size} bytes`,
    {
      subject: what,
      hint: `The file is not the one that ${address} names. Find out why before you use it.`,
      data: { expected: { sha256: listed }, actual: { sha256: file.sha256, size: file.size }, url: file.url },
    },
  );
}
