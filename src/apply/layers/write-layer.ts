import type { BlobWriter, Store } from '../../store/store.ts';
import { END_OF_ARCHIVE, encodeHeader, paddingAfter } from '../image/tar.ts';
import { checkEntries } from './check-entries.ts';
import { ContentReader } from './content-reader.ts';
import type { BuiltLayer, LayerEntry } from './entry.ts';

/**
 * Writes entries as the tar of one layer into a blob, and returns its diffID. Memory stays flat whatever the size of the files.
 * Entries must hold to the contract of `LayerBuilder`, which is checked first.
 */
export async function writeLayer(
  entries: readonly LayerEntry[],
  store: Pick<Store, 'writer'>,
  signal?: AbortSignal,
): Promise<BuiltLayer> {
  checkEntries(entries);
  const blob = await store.writer();
  const contents = new ContentReader();
  try {
    for (const entry of entries) {
      signal?.throwIfAborted();
      await writeEntry(entry, blob, contents);
    }
    await blob.write(END_OF_ARCHIVE);
    const written = await blob.commit();
    return { diffId: written.sha256, size: written.size };
  } catch (error) {
    await blob.abort();
    throw error;
  } finally {
    contents.close();
  }
}

async function writeEntry(entry: LayerEntry, blob: BlobWriter, contents: ContentReader): Promise<void> {
  await blob.write(encodeHeader(entry));
  if (entry.type !== 'file') return;
  await contents.copy(entry, blob);
  const padding = paddingAfter(entry.size);
  if (padding > 0) await blob.write(END_OF_ARCHIVE.subarray(0, padding));
}
