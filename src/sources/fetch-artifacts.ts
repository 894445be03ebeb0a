import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import pLimit from 'p-limit';
import type { Context } from '../context.ts';
import type { Sha256 } from '../digest.ts';
import { CogplanError, isCogplanError } from '../errors.ts';
import { info, type Span, withSpan } from '../events.ts';
import { projectPath } from '../lock/project-url.ts';
import type { File } from '../lock/schema.generated.ts';
import { readFilePieces } from '../read-pieces.ts';
import type { Buckets } from './buckets/open-buckets.ts';
import { type Download, downloadBlob } from './download-blob.ts';
import type { DownloadOci } from './oci/download-oci.ts';
import { findInProject } from './project-file.ts';

/** A file of the lock, and what a person would call it: `numpy 2.1.0 (numpy-2.1.0-….whl)`. */
export interface Artifact {
  readonly file: File;
  readonly what: string;
}

export interface FetchOptions {
  /** How many are fetched at once; default 8. */
  readonly limit?: number;
  /** Path of the file that a `cogplan:` URL names. */
  readonly bundled?: (url: string) => string | undefined;
  /** The directory that `project:` URLs are paths in. */
  readonly project?: string;
  /** By the beginning of a URL: what brings such a file into the store. False: it does not know the file. */
  readonly fetchers?: Readonly<Record<string, (context: Context, artifact: Artifact) => Promise<boolean>>>;
}

/**
 * Brings the missing ones among `artifacts` into the store, checked by hash and size, and checks that the present ones
 * are intact. Errors name the artifact: COGPLAN_ARTIFACT_GONE, COGPLAN_HASH_MISMATCH, COGPLAN_BLOB_MISSING (offline),
 * COGPLAN_BLOB_CORRUPT, COGPLAN_NETWORK, COGPLAN_HTTP_STATUS. What was half fetched is kept for the next try.
 */
export async function fetchArtifacts(
  context: Context,
  artifacts: readonly Artifact[],
  options: FetchOptions = {},
): Promise<void> {
  const missing = await findMissing(context, artifacts);
  if (missing.length === 0) return;
  const total = missing.reduce((sum, { file }) => sum + file.size, 0);
  const text = missing.length === 1 ? `fetching ${missing[0]?.what}` : `fetching ${missing.length} files`;
  await withSpan(context.host, 'fetch', text, (span) => fetchAll(context, missing, { options, span, total }), {
    total,
    unit: 'bytes',
  });
}

async function findMissing(context: Context, artifacts: readonly Artifact[]): Promise<readonly Artifact[]> {
  const missing = new Map<Sha256, Artifact>();
  for (const artifact of artifacts) {
    const { sha256, size } = artifact.file;
    if (missing.has(sha256)) continue;
    if ((await context.store.stat(sha256)) === undefined) missing.set(sha256, artifact);
    else await context.store.verified(sha256, size, artifact.what);
  }
  return [...missing.values()];
}

async function fetchAll(
  context: Context,
  missing: readonly Artifact[],
  { options, span, total }: { readonly options: FetchOptions; readonly span: Span; readonly total: number },
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const done = new Map<Sha256, number>();
  let sum = 0;
  const limit = pLimit(options.limit ?? 8);
  const download = downloader();
  let failure: { readonly error: unknown } | undefined;
  const fetchOne = async (artifact: Artifact): Promise<void> => {
    if (failure !== undefined) return;
    const { sha256 } = artifact.file;
    const onBytes = (bytes: number): void => {
      sum += bytes - (done.get(sha256) ?? 0);
      done.set(sha256, bytes);
      span.progress(sum, total);
    };
    try {
      if (context.signal.aborted) throw new CogplanError('COGPLAN_INTERRUPTED', 'interrupted while fetching');
      if (artifact.file.url.startsWith('cogplan:')) await copyBundled(context, artifact, options);
      else if (artifact.file.url.startsWith('data:,')) await context.store.put(spelledOut(artifact), artifact.file);
      else if (projectPath(artifact.file.url) !== undefined) await copyFromProject(context, artifact, options);
      else if (!(await fetchSpecially({ ...context, signal }, artifact, options)))
        await fetchRemote({ ...context, signal }, artifact, { download, onBytes });
      onBytes(artifact.file.size);
    } catch (error) {
      failure ??= { error };
      stop.abort();
    }
  };
  await Promise.all(missing.map((artifact) => limit(() => fetchOne(artifact))));
  if (failure !== undefined) throw failure.error;
}

async function fetchSpecially(context: Context, artifact: Artifact, { fetchers = {} }: FetchOptions): Promise<boolean> {
  const start = Object.keys(fetchers).find((prefix) => artifact.file.url.startsWith(prefix));
  if (start === undefined || context.http.offline) return false;
  return (await fetchers[start]?.(context, artifact)) ?? false;
}

async function copyBundled(context: Context, { file, what }: Artifact, options: FetchOptions): Promise<void> {
  const path = options.bundled?.(file.url);
  if (path === undefined) {
    throw new CogplanError('COGPLAN_BLOB_MISSING', `${what}: this version of cogplan does not bring ${file.url}`, {
      subject: what,
      hint: 'Run `cogplan lock` to lock the file that this version brings.',
    });
  }
  await context.store.put(createReadStream(path), { sha256: file.sha256, size: file.size }).catch((error: unknown) => {
    if (!(error instanceof CogplanError) || error.code !== 'COGPLAN_HASH_MISMATCH') throw error;
    throw new CogplanError('COGPLAN_HASH_MISMATCH', `${what} (${file.url}): ${error.message}`, {
      subject: what,
      hint: 'The lock was written by another version of cogplan: run `cogplan lock`, or use that version.',
      cause: error,
      data: error.data,
    });
  });
}

/** What the address itself spells out. https://www.rfc-editor.org/rfc/rfc2397 */
function spelledOut({ file, what }: Artifact): Buffer {
  try {
    return Buffer.from(decodeURIComponent(file.url.slice('data:,'.length)), 'utf8');
  } catch (cause) {
    throw new CogplanError('COGPLAN_URL_UNSUPPORTED', `${what}: ${file.url.slice(0, 100)} is encoded wrongly`, {
      cause,
    });
  }
}

/** What the project holds itself; a file that is another one now is not taken. */
async function copyFromProject(context: Context, { file, what }: Artifact, options: FetchOptions): Promise<void> {
  const path = projectPath(file.url);
  const gone = (): CogplanError =>
    new CogplanError('COGPLAN_ARTIFACT_GONE', `${what}: the project has no file ${path}`, {
      subject: what,
      hint: 'Put it back, or run `cogplan lock` to lock what is there now.',
    });
  const found = options.project === undefined ? undefined : await findInProject(options.project, file.url);
  if (found === undefined || !(await stat(found)).isFile()) throw gone();
  await context.store
    .put(readFilePieces(found, context.signal), { sha256: file.sha256, size: file.size })
    .catch((error: unknown) => {
      if (!isCogplanError(error, 'COGPLAN_HASH_MISMATCH')) throw error;
      throw new CogplanError('COGPLAN_HASH_MISMATCH', `${what} (${path} of the project): ${error.message}`, {
        subject: what,
        hint: 'The file changed since it was locked: put the locked one back, or run `cogplan lock`.',
        cause: error,
        data: error.data,
      });
    });
}

interface Remote {
  readonly download: DownloadOci;
  readonly onBytes: (bytes: number) => void;
}

/** What lies in registries and buckets is asked of them in their protocol, which is loaded when there is such a file. */
function downloader(): DownloadOci {
  let registries: Promise<DownloadOci> | undefined;
  let buckets: Promise<Buckets> | undefined;
  return async (context: Context, download: Download) => {
    if (/^(?:s3|gs):/.test(download.url)) {
      buckets ??= import('./buckets/open-buckets.ts').then(({ openBuckets }) => openBuckets(context));
      return downloadBlob({ ...context, http: (await buckets).http }, download);
    }
    if (!download.url.startsWith('oci:')) return downloadBlob(context, download);
    registries ??= import('./oci/download-oci.ts').then(({ ociDownloads }) => ociDownloads());
    return (await registries)(context, download);
  };
}

async function fetchRemote(context: Context, artifact: Artifact, { download, onBytes }: Remote): Promise<void> {
  const { file, what } = artifact;
  if (context.http.offline) {
    throw new CogplanError('COGPLAN_BLOB_MISSING', `${what} (sha256 ${file.sha256}) is not in the store`, {
      subject: what,
      hint: `The network may not be used: run the command again without --offline to fetch ${file.url}.`,
      data: { sha256: file.sha256, url: file.url },
    });
  }
  await context.store.exclusive(
    `fetch-${file.sha256}`,
    async () => {
      if ((await context.store.stat(file.sha256)) !== undefined) return;
      const errors: CogplanError[] = [];
      for (const url of [file.url, ...(file.mirrors ?? [])]) {
        try {
          return await download(context, { url, file, what, onBytes });
        } catch (error) {
          if (!(error instanceof CogplanError) || !FAILS_OVER.has(error.code)) throw error;
          errors.push(error);
        }
      }
      throw explain(artifact, errors);
    },
    {
      signal: context.signal,
      onWait: (owner) => info(context.host, 'fetch-wait', `waiting for ${owner}, which is fetching ${what}`),
    },
  );
}

const FAILS_OVER: ReadonlySet<string> = new Set([
  'COGPLAN_HASH_MISMATCH',
  'COGPLAN_HTTP_STATUS',
  'COGPLAN_NETWORK',
  'COGPLAN_URL_UNSUPPORTED',
]);

/** One error for all the URLs that failed, naming the artifact. Wrong bytes weigh most: they are never an accident. */
function explain({ file, what }: Artifact, errors: readonly CogplanError[]): CogplanError {
  const mismatch = errors.find((error) => error.code === 'COGPLAN_HASH_MISMATCH');
  if (mismatch !== undefined) return mismatch;
  const statuses = errors.map((error) => error.data?.status);
  // What did not answer at all says nothing against the one that did.
  const answers = statuses.filter((status) => status !== undefined);
  if (statuses[0] !== undefined && answers.every((status) => status === 404 || status === 410)) {
    const silent = errors.filter((error) => error.data?.status === undefined).map((error) => `; ${error.message}`);
    const message = `${what} is gone: ${file.url} answers ${answers.join(', ')}${silent.join('')}`;
    return new CogplanError('COGPLAN_ARTIFACT_GONE', message, {
      subject: what,
      hint: 'Run `cogplan lock --refresh` to lock what is there now, with the fewest changes.',
      data: { sha256: file.sha256, url: file.url },
    });
  }
  const worst = errors.find((error) => error.data?.status !== 404) ?? errors[0];
  return new CogplanError(
    worst?.code ?? 'COGPLAN_NETWORK',
    `${what} is not in the store and cannot be fetched: ${errors.map((error) => error.message).join('; ')}`,
    { subject: what, hint: worst?.hint, cause: worst, data: { ...worst?.data, sha256: file.sha256, url: file.url } },
  );
}
