import { type FileHandle, open } from 'node:fs/promises';
import type { Context } from '../../context.ts';
import { type Sha256, sha256 } from '../../digest.ts';
import { CogplanError, isCogplanError } from '../../errors.ts';
import { warn } from '../../events.ts';
import { type RangeReader, readZipDirectory, readZipMember, ZIP_TAIL_SIZE } from '../../formats/archive/zip.ts';
import { normalizeName } from '../../formats/python/name.ts';
import { compareVersions, parseVersion } from '../../formats/python/version.ts';
import { parseWheelFilename } from '../../formats/python/wheel-filename.ts';
import { MAX_METADATA_SIZE, parseWheelMetadata, type WheelMetadata } from '../../formats/python/wheel-metadata.ts';
import type { IndexFile } from './index-file.ts';

export interface MetadataSource {
  readonly filename: string;
  /** May hold credentials. */
  readonly url: string;
  readonly sha256: Sha256;
  readonly size: number;
  /** What the index says of `<url>.metadata`; absent when it says nothing. */
  readonly metadata?: IndexFile['metadata'];
}

export type PartlyKnown = Omit<MetadataSource, 'sha256' | 'size'> & {
  readonly sha256?: Sha256 | undefined;
  readonly size?: number | undefined;
};

/**
 * The core metadata of one wheel: from the store when the wheel lies there, else the file beside it on the index, else
 * its METADATA member by range requests. What comes from beside the wheel must have the hash the index tells, when it tells
 * one; otherwise the wheel itself is asked. https://packaging.python.org/en/latest/specifications/simple-repository-api/#metadata-files
 */
export async function readCoreMetadata(context: Context, source: MetadataSource): Promise<WheelMetadata> {
  const metadata = parseWheelMetadata(await readMetadataBytes(context, source), source.filename);
  checkIdentity(metadata, source.filename);
  return metadata;
}

/** What `readCoreMetadata` reads, as it is. A wheel whose hash or size is not known is read whole when nothing less will do. */
export async function readMetadataBytes(context: Context, source: PartlyKnown): Promise<Buffer> {
  const isStored = source.sha256 !== undefined && (await context.store.stat(source.sha256)) !== undefined;
  if (isStored) return readStored(context, { ...source, sha256: source.sha256 });
  return (
    (await readBeside(context, source)) ?? (await readByRange(context, source)) ?? (await readFetched(context, source))
  );
}

async function readBeside(context: Context, source: PartlyKnown): Promise<Buffer | undefined> {
  const url = metadataUrl(source.url);
  const response = await context.http.get(url, {
    cache: 'none',
    maxBytes: MAX_METADATA_SIZE,
    allowStatus: [401, 403, 404, 405, 410],
    signal: context.signal,
  });
  if (response.status !== 200 || /^text\/html\b/i.test(response.headers['content-type'] ?? '')) return undefined;
  const expected = source.metadata?.sha256;
  if (expected === undefined || sha256(response.body) === expected) return response.body;
  warn(
    context.host,
    'COGPLAN_METADATA_MISMATCH',
    `${source.filename}: the index serves metadata of another hash than it tells; the wheel's own is read`,
    { filename: source.filename, expected, actual: sha256(response.body) },
  );
  return undefined;
}

function metadataUrl(wheel: string): string {
  const url = new URL(wheel);
  url.pathname += '.metadata';
  return url.href;
}

async function readByRange(context: Context, source: PartlyKnown): Promise<Buffer | undefined> {
  const tail = Math.min(ZIP_TAIL_SIZE, source.size ?? ZIP_TAIL_SIZE);
  const first = await context.http.range(source.url, -tail, undefined, { signal: context.signal });
  if (first === undefined) return undefined;
  if (source.size !== undefined && first.totalSize !== source.size) {
    throw new CogplanError(
      'COGPLAN_HASH_MISMATCH',
      `${source.filename} has ${first.totalSize} bytes, not the ${source.size} that the index tells`,
      { subject: source.filename, hint: 'The index contradicts itself: ask those who keep it.' },
    );
  }
  const tailStart = first.totalSize - first.body.length;
  return readMember(
    async (start, length) => {
      if (start >= tailStart) return first.body.subarray(start - tailStart, start - tailStart + length);
      const part = await context.http.range(source.url, start, start + length - 1, { signal: context.signal });
      if (part === undefined) throw cutOff(source);
      return part.body;
    },
    { ...source, size: first.totalSize },
  );
}

async function readFetched(context: Context, source: PartlyKnown): Promise<Buffer> {
  const { body } = await context.http.stream(source.url, { signal: context.signal });
  const { sha256: hash, size } = source;
  const stored = await context.store.put(body, {
    ...(hash === undefined ? {} : { sha256: hash }),
    ...(size === undefined ? {} : { size }),
  });
  return readStored(context, { ...source, ...stored });
}

async function readStored(context: Context, source: PartlyKnown & { readonly sha256: Sha256 }): Promise<Buffer> {
  const file = await open(await context.store.verified(source.sha256, source.size, source.filename));
  try {
    const { size } = await file.stat();
    return await readMember((start, length) => readAt(file, start, length), { ...source, size });
  } finally {
    await file.close();
  }
}

async function readMember(
  read: RangeReader,
  { filename, size }: { readonly filename: string; readonly size: number },
): Promise<Buffer> {
  const entries = await ofWheel(filename, () => readZipDirectory(read, size));
  const candidates = entries.filter((entry) => /^[^/]+\.dist-info\/METADATA$/.test(entry.name));
  const [entry] = candidates;
  if (entry === undefined || candidates.length > 1) {
    throw new CogplanError('COGPLAN_WHEEL_INVALID', `${filename} has ${candidates.length} METADATA files, not one`, {
      subject: filename,
    });
  }
  return ofWheel(filename, () => readZipMember(read, entry, MAX_METADATA_SIZE));
}

/** What is wrong with an archive, with the name of the wheel that it should be. */
async function ofWheel<T>(filename: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isCogplanError(error, 'COGPLAN_ZIP_INVALID')) throw error;
    throw new CogplanError('COGPLAN_ZIP_INVALID', `${filename}: ${error.message}`, {
      subject: filename,
      hint: 'What its index serves is not the wheel that it lists: look at its address, or take another version, or another index.',
      cause: error,
    });
  }
}

async function readAt(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
  return buffer.subarray(0, bytesRead);
}

/** Metadata that speaks of another release than the file's name would put wrong edges into the lock. */
function checkIdentity(metadata: WheelMetadata, filename: string): void {
  const wheel = parseWheelFilename(filename);
  const version = parseVersion(metadata.version);
  if (wheel === undefined || version === undefined) return;
  if (normalizeName(metadata.name) === wheel.name && compareVersions(version, wheel.version) === 0) return;
  throw new CogplanError(
    'COGPLAN_WHEEL_INVALID',
    `the metadata of ${filename} is that of ${metadata.name} ${metadata.version}`,
    { subject: filename },
  );
}

function cutOff({ filename, url }: PartlyKnown): CogplanError {
  return new CogplanError('COGPLAN_NETWORK', `${filename}: the server stopped answering range requests`, {
    subject: url,
    hint: 'Run the command again.',
  });
}
