import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { type Sha256, sha256 } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { withSpan } from '../../events.ts';
import { type Compression, decompress } from '../../formats/archive/decompress.ts';
import type { Archive } from '../../lock/schema.generated.ts';
import { type TrustedKey, verifyClearSigned } from './clear-signed.ts';
import { INDEX_SUMMARY_VERSION, type IndexSummary, summariseIndex } from './index-summary.ts';
import { PackagesIndex } from './packages-index.ts';
import { checkReleaseFile, parseReleaseFile, type ReleaseFile } from './release-file.ts';

export interface ArchiveRequest {
  /** Root of the archive, without a trailing slash. */
  readonly url: string;
  readonly suite: string;
  readonly component: string;
  readonly architecture: string;
  readonly keys: readonly TrustedKey[];
  /** What the lock recorded of this suite, so that an older state is refused. */
  readonly previous: Archive | undefined;
}

export interface OpenArchive {
  /** The evidence, as the lock records it; both files lie in the store. */
  readonly entry: Archive;
  readonly index: PackagesIndex;
}

interface IndexFile {
  readonly url: string;
  readonly compression: Compression;
  readonly sha256: Sha256;
  readonly size: number;
}

const MAX_IN_RELEASE = 16 * 1024 * 1024;

/**
 * One suite of a Debian archive: InRelease (revalidated, signature and date checked), then its Packages index, which is
 * downloaded by hash when the store lacks it. COGPLAN_SIGNATURE_INVALID, COGPLAN_ARCHIVE_EXPIRED, COGPLAN_ARCHIVE_MISMATCH,
 * COGPLAN_ARCHIVE_ROLLBACK, COGPLAN_HASH_MISMATCH. The index must be closed.
 */
export async function openArchive(context: Context, request: ArchiveRequest): Promise<OpenArchive> {
  const { url, suite, component, architecture } = request;
  const inReleaseUrl = `${url}/dists/${suite}/InRelease`;
  const { body } = await context.http.get(inReleaseUrl, { maxBytes: MAX_IN_RELEASE, signal: context.signal });
  const now = context.now();
  const { text, signers } = await verifyClearSigned(body.toString('utf8'), {
    keys: request.keys,
    now,
    what: inReleaseUrl,
  });
  const release = parseReleaseFile(text, inReleaseUrl);
  const notBefore = request.previous === undefined ? undefined : new Date(request.previous.date);
  checkReleaseFile(release, { suite, now, notBefore, what: inReleaseUrl });

  const path = `${component}/binary-${architecture}/Packages`;
  const plain = release.files.get(path);
  if (plain === undefined) {
    throw new CogplanError('COGPLAN_ARCHIVE_MISMATCH', `${inReleaseUrl} lists no ${path}`, { subject: path });
  }
  const download = chooseDownload(release, `${url}/dists/${suite}`, path);
  if ((await context.store.stat(plain.sha256))?.size !== plain.size) await fetchIndex(context, download, plain);
  const inRelease = await context.store.put(body);
  const entry: Archive = {
    url,
    suite,
    component,
    date: toSeconds(release.date),
    ...(release.validUntil === undefined ? {} : { validUntil: toSeconds(release.validUntil) }),
    signers: [...signers],
    inRelease: { url: inReleaseUrl, sha256: inRelease.sha256, size: inRelease.size },
    packages: { url: download.url, sha256: plain.sha256, size: plain.size },
  };
  return { entry, index: await openIndex(context, entry, architecture) };
}

/** The index of an archive entry, from the store alone: COGPLAN_BLOB_MISSING when it is not there. */
export async function openIndex(context: Context, entry: Archive, architecture: string): Promise<PackagesIndex> {
  const what = `the package index of ${entry.suite}`;
  const file = await context.store.verified(entry.packages.sha256, entry.packages.size, what);
  const key = sha256(canonicalJson({ packages: entry.packages.sha256, version: INDEX_SUMMARY_VERSION }));
  let summary = await context.store.getDerived<IndexSummary>('debian-index', key);
  if (summary === undefined) {
    summary = summariseIndex(await readFile(file), what);
    await context.store.putDerived('debian-index', key, summary);
  }
  return new PackagesIndex({ file, summary, archiveUrl: entry.url, architecture });
}

function chooseDownload(release: ReleaseFile, base: string, path: string): IndexFile {
  const forms: readonly (readonly [string, Compression])[] = [
    ['.xz', 'xz'],
    ['.gz', 'gz'],
    ['', 'none'],
  ];
  for (const [suffix, compression] of forms) {
    const listed = release.files.get(path + suffix);
    if (listed === undefined) continue;
    const directory = path.slice(0, path.lastIndexOf('/'));
    const url = release.byHash ? `${base}/${directory}/by-hash/SHA256/${listed.sha256}` : `${base}/${path}${suffix}`;
    return { url, compression, ...listed };
  }
  throw new CogplanError('COGPLAN_ARCHIVE_MISMATCH', `${base} lists no ${path}`, { subject: path });
}

/** Checked twice: the compressed bytes before they are inflated, the inflated ones before they have a name. */
async function fetchIndex(
  context: Context,
  file: IndexFile,
  plain: { readonly sha256: Sha256; readonly size: number },
): Promise<void> {
  await withSpan(context.host, 'apt.index', `Fetching ${file.url}`, async () => {
    const { body } = await context.http.get(file.url, { cache: 'none', maxBytes: file.size, signal: context.signal });
    const actual = sha256(body);
    if (body.length !== file.size || actual !== file.sha256) {
      throw new CogplanError('COGPLAN_HASH_MISMATCH', `${file.url} has sha256 ${actual}, not ${file.sha256}`, {
        subject: file.url,
        hint: 'The mirror is being updated, or gives something else; try again, or ask another mirror.',
        data: { expected: file.sha256, actual },
      });
    }
    const scratch = await context.store.scratch('packages');
    const writer = await context.store.writer();
    try {
      const compressed = join(scratch.path, 'index');
      await writeFile(compressed, body);
      const slice = { file: compressed, compression: file.compression, maxBytes: plain.size, what: file.url };
      for await (const chunk of decompress(slice)) await writer.write(chunk);
      await writer.commit(plain);
    } finally {
      await writer.abort();
      await scratch.dispose();
    }
  });
}

function toSeconds(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z');
}
