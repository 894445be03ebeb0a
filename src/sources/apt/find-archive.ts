import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { type Sha256, sha256 } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { withSpan } from '../../events.ts';
import { type Compression, decompress } from '../../formats/archive/decompress.ts';
import type { Archive, File } from '../../lock/schema.generated.ts';
import type { TrustedKey } from './clear-signed.ts';
import { type FetchedFile, type FetchedRelease, fetchRelease, releaseDirectory } from './fetch-release.ts';
import { INDEX_SUMMARY_VERSION, type IndexSummary, summariseIndex } from './index-summary.ts';
import { PackagesIndex } from './packages-index.ts';
import type { ReleaseFile } from './release-file.ts';
import { rememberArchive } from './remembered-archives.ts';

export interface ArchiveRequest {
  /** Root of the archive, without a trailing slash. */
  readonly url: string;
  /** `bookworm`, or for a flat archive a directory below the root with a trailing slash: `/`, `x86_64/`. */
  readonly suite: string;
  /** `main`; empty for a flat archive. */
  readonly component: string;
  readonly architecture: string;
  readonly keys: readonly TrustedKey[];
  /** What the lock recorded of this suite, so that an older state is refused. */
  readonly previous: Archive | undefined;
}

interface IndexFile {
  readonly url: string;
  readonly compression: Compression;
  readonly sha256: Sha256;
  readonly size: number;
}

/** Debian's main has 50 MB. */
const MAX_INDEX = 128 * 1024 * 1024;

/**
 * One suite of a Debian archive: its Release file (revalidated, signature and date checked), then its Packages index, which
 * is downloaded by hash when the store lacks it. Returned is the evidence as the lock records it; its files lie in the store, where `openIndex`
 * reads them. The errors of `fetchRelease`, COGPLAN_ARCHIVE_MISMATCH, COGPLAN_TOO_LARGE, COGPLAN_HASH_MISMATCH.
 */
export async function findArchive(context: Context, request: ArchiveRequest): Promise<Archive> {
  return findIndex(context, request, await fetchRelease(context, request));
}

/** The same for a Release file that has been fetched. */
export async function findIndex(
  context: Context,
  { suite, component, architecture }: Pick<ArchiveRequest, 'suite' | 'component' | 'architecture'>,
  fetched: FetchedRelease,
): Promise<Archive> {
  const { url, release } = fetched;
  const path = packagesPath({ suite, component }, architecture);
  const plain = release.files.get(path);
  if (plain === undefined) {
    throw new CogplanError('COGPLAN_ARCHIVE_MISMATCH', `${fetched.inRelease.url} lists no ${path}`, { subject: path });
  }
  if (plain.size > MAX_INDEX) {
    throw new CogplanError(
      'COGPLAN_TOO_LARGE',
      `${fetched.inRelease.url}: ${path} has ${plain.size} bytes, more than ${MAX_INDEX}`,
      { subject: path },
    );
  }
  const download = chooseDownload(release, releaseDirectory(url, suite), path);
  if ((await context.store.stat(plain.sha256))?.size !== plain.size) await fetchIndex(context, download, plain);
  const entry: Archive = {
    url,
    suite,
    component,
    date: toSeconds(release.date),
    ...(release.validUntil === undefined ? {} : { validUntil: toSeconds(release.validUntil) }),
    signers: [...fetched.signers],
    inRelease: await stored(context, fetched.inRelease),
    ...(fetched.signature === undefined ? {} : { signature: await stored(context, fetched.signature) }),
    packages: { url: download.url, sha256: plain.sha256, size: plain.size },
  };
  await rememberArchive(context, entry, architecture);
  return entry;
}

/** Path of the Packages index below the suite's directory, as Release files name it. */
export function packagesPath({ suite, component }: Pick<Archive, 'suite' | 'component'>, architecture: string): string {
  return suite.endsWith('/') ? 'Packages' : `${component}/binary-${architecture}/Packages`;
}

async function stored(context: Context, { url, body }: FetchedFile): Promise<File> {
  const { sha256, size } = await context.store.put(body);
  return { url, sha256, size };
}

/** The index of an archive entry, from the store alone: COGPLAN_BLOB_MISSING when it is not there. It must be closed. */
export async function openIndex(context: Context, entry: Archive, architecture: string): Promise<PackagesIndex> {
  const what = `the package index of ${entry.suite}`;
  const file = await context.store.verified(entry.packages.sha256, entry.packages.size, what);
  const key = sha256(canonicalJson({ packages: entry.packages.sha256, version: INDEX_SUMMARY_VERSION }));
  let summary = await context.store.getDerived<IndexSummary>('debian-index', key);
  if (summary === undefined) {
    summary = summariseIndex(await readFile(file), what);
    await context.store.putDerived('debian-index', key, summary);
  }
  const notAutomatic = await isNotAutomatic(context, entry);
  return new PackagesIndex({ file, summary, archiveUrl: entry.url, architecture, notAutomatic });
}

/** What the Release file of the entry says; one that is no longer in the store says nothing. */
async function isNotAutomatic(context: Context, { inRelease }: Archive): Promise<boolean> {
  if ((await context.store.stat(inRelease.sha256)) === undefined) return false;
  const path = await context.store.verified(inRelease.sha256, inRelease.size, inRelease.url);
  return /^NotAutomatic: *yes *$/im.test(await readFile(path, 'latin1'));
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
    const directory = path.slice(0, path.lastIndexOf('/') + 1);
    const url = release.byHash ? `${base}/${directory}by-hash/SHA256/${listed.sha256}` : `${base}/${path}${suffix}`;
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
