import type { Context } from '../../context.ts';
import { CogplanError, type Where } from '../../errors.ts';
import type { File } from '../../lock/schema.generated.ts';
import { type Fetched, fetchUnless } from '../../sources/files/fetch-new-file.ts';
import { tellOddFile } from '../files/odd-file.ts';

export interface HttpWeight {
  readonly path: string;
  readonly file: File;
  readonly fingerprint: string;
}

/** A strong validator; weak ones do not promise equal bytes. https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3 */
const STRONG_ETAG = /^"[^"]*"$/;

/**
 * The one file behind an address, streamed into the store while it is hashed, and continued where the transfer was cut. When the server still tells the ETag of `before`, that is taken
 * and nothing is read. Errors: those of HTTP, COGPLAN_WEIGHTS_SOURCE.
 */
export async function readHttpWeight(
  context: Context,
  { uri, where, before }: { readonly uri: string; readonly where: Where; readonly before: HttpWeight | undefined },
): Promise<HttpWeight> {
  const path = nameIn(uri, where);
  const weightOf = ({ sha256, size, validator = '' }: Fetched): HttpWeight => ({
    path,
    file: { url: uri, sha256, size, computed: true },
    fingerprint: STRONG_ETAG.test(validator) ? `etag:${validator}` : `sha256:${sha256}`,
  });
  const asked = { url: uri, what: uri };
  const etag = before === undefined ? undefined : /^etag:(.*)$/s.exec(before.fingerprint)?.[1];
  const fetched = await fetchUnless(context, asked, etag);
  if (fetched === undefined && before !== undefined) return before;
  const weight = weightOf(fetched ?? (await fetchUnless(context, asked, undefined)));
  await tellOddFile(context, { file: weight.file, url: uri, what: uri, where });
  return weight;
}

function nameIn(uri: string, where: Where): string {
  const segment = new URL(uri).pathname.split('/').at(-1) ?? '';
  try {
    const name = decodeURIComponent(segment);
    if (name !== '') return name;
  } catch {
    // Told below: an address without a readable name has none.
  }
  throw new CogplanError('COGPLAN_WEIGHTS_SOURCE', `${uri} does not end in the name of a file`, {
    subject: uri,
    where,
    hint: 'Name one file; for a whole repository use hf://, for a bucket s3:// or gs://.',
  });
}
