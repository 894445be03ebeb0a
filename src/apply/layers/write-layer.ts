import { asSha256 } from '../../digest.ts';
import type { BlobWriter } from '../../store/store.ts';
import { END_OF_ARCHIVE, encodeHeader, paddingAfter } from '../image/tar.ts';
import { checkEntries } from './check-entries.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { ContentReader } from './content-reader.ts';
import type { BuiltLayer, LayerEntry } from './entry.ts';

export interface LayerTarget {
  writer(): Promise<BlobWriter>;
}

/**
 * Writes entries as the tar of one layer into a blob, and returns its diffID. Memory stays flat whatever the size of the files.
 * Entries must hold to the contract of `LayerBuilder`, which is checked first.
 */
export async function writeLayer(
  entries: readonly LayerEntry[],
  target: LayerTarget,
  signal?: AbortSignal,
): Promise<BuiltLayer> {
  checkEntries(entries);
  const blob = await target.writer();
  const out = new ChunkWriter(blob);
  const contents = new ContentReader();
  try {
    for (const entry of entries) {
      signal?.throwIfAborted();
      await writeEntry(entry, out, contents);
    }
    await out.write(END_OF_ARCHIVE);
    await out.finish();
    const written = await blob.commit();
    return { diffId: asSha256(written.sha256), size: written.size };
  } catch (error) {
    await out.finish().catch(() => undefined);
    await blob.abort();
    throw error;
  } finally {
    contents.close();
  }
}

async function writeEntry(entry: LayerEntry, out: ChunkWriter, contents: ContentReader): Promise<void> {
  await out.write(encodeHeader(entry));
  if (entry.type !== 'file') return;
  await contents.copy(entry, out);
  const padding = paddingAfter(entry.size);
  if (padding > 0) await out.write(END_OF_ARCHIVE.subarray(0, padding));
}
