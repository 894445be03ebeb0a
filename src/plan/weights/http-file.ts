import type { Context } from '../../context.ts';
import { CogplanError, type Where } from '../../errors.ts';
import type { File } from '../../lock/schema.generated.ts';

export interface HttpWeight {
  readonly path: string;
  readonly file: File;
  readonly fingerprint: string;
}

/** A strong validator; weak ones do not promise equal bytes. https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3 */
const STRONG_ETAG = /^"[^"]*"$/;

/**
 * The one file behind an address, streamed into the store while it is hashed. When the server still tells the ETag of `before`, that is taken
 * and nothing is read. Errors: those of HTTP, COGPLAN_WEIGHTS_SOURCE.
 */
export async function readHttpWeight(
  context: Context,
  { uri, where, before }: { readonly uri: string; readonly where: Where; readonly before: HttpWeight | undefined },
): Promise<HttpWeight> {
  const path = nameIn(uri, where);
  const { body, headers } = await context.http.stream(uri, { signal: context.signal });
  const etag = headers.etag !== undefined && STRONG_ETAG.test(headers.etag) ? `etag:${headers.etag}` : undefined;
  if (before !== undefined && etag === before.fingerprint) {
    body.destroy();
    return before;
  }
  const { sha256, size } = await context.store.put(body);
  return { path, file: { url: uri, sha256, size, computed: true }, fingerprint: etag ?? `sha256:${sha256}` };
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
