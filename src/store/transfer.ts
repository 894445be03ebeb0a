import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, pack } from 'tar-stream';
import { compareBytes } from '../canonical.ts';
import { asSha256, type Sha256 } from '../digest.ts';
import { CogplanError } from '../errors.ts';
import type { BlobInfo, Store } from './store.ts';

const NAME = /^blobs\/sha256\/([0-9a-f]{64})$/;

/**
 * Writes blobs of the store into a tar file, `blobs/sha256/…`, sorted and without times: the same blobs give the same bytes. COGPLAN_BLOB_MISSING names the first that is not there.
 */
export async function exportBlobs(
  store: Store,
  blobs: readonly { readonly sha256: Sha256; readonly size?: number; readonly what: string }[],
  target: string,
): Promise<{ readonly blobs: number; readonly bytes: number }> {
  const unique = new Map(blobs.map((blob) => [blob.sha256, blob]));
  const sorted = [...unique.values()].sort((a, b) => compareBytes(a.sha256, b.sha256));
  const packer = pack();
  const temporary = `${target}.part`;
  const written = pipeline(packer, createWriteStream(temporary));
  let bytes = 0;
  try {
    for (const { sha256, size, what } of sorted) {
      const path = await store.verified(sha256, size, what);
      const found = (await store.stat(sha256))?.size ?? 0;
      const entry = packer.entry({ name: `blobs/sha256/${sha256}`, size: found, mode: 0o644, mtime: new Date(0) });
      await pipeline(createReadStream(path), entry);
      bytes += found;
    }
    packer.finalize();
    await written;
    await rename(temporary, target);
  } catch (error) {
    packer.destroy();
    await written.catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
  return { blobs: sorted.length, bytes };
}

/** Puts the blobs of such a file into the store, each checked against its name. COGPLAN_ARCHIVE_INVALID for anything else in it. */
export async function importBlobs(store: Store, file: string): Promise<readonly BlobInfo[]> {
  const reader = extract();
  const source = createReadStream(file);
  const feeding = pipeline(source, reader).catch(() => {});
  const found: BlobInfo[] = [];
  try {
    for await (const entry of reader) {
      const { name, type, size } = entry.header;
      const hash = NAME.exec(name)?.[1];
      if (hash === undefined || type !== 'file') {
        throw new CogplanError('COGPLAN_ARCHIVE_INVALID', `${file} holds ${name}, which is no blob of a store`, {
          subject: name,
          hint: 'Take a file that `cogplan store export` wrote. The blobs before it were taken.',
        });
      }
      found.push(
        await store.put(Readable.from(entry), { sha256: asSha256(hash), ...(size === undefined ? {} : { size }) }),
      );
    }
  } catch (error) {
    reader.destroy();
    if (error instanceof CogplanError) throw error;
    throw new CogplanError('COGPLAN_ARCHIVE_INVALID', `${file} cannot be read as an export of a store`, {
      subject: file,
      hint: 'It was cut off, or is something else. The blobs before the damage were taken.',
      cause: error,
    });
  } finally {
    source.destroy();
    await feeding;
  }
  return found;
}
