import { join, posix } from 'node:path';
import { decompressToFile } from '../../formats/archive/decompress.ts';
import { readTarIndex } from '../../formats/archive/tar-reader.ts';
import { withZipFile } from '../../formats/archive/zip-file.ts';
import { formatOf } from '../../spec/run/commands/archives.ts';
import type { Places } from './find-places.ts';

const MAX_UNPACKED = 64 * 1024 ** 3;

/** The directory that an archive was unpacked into, one that lasts before others: every file of it lies there with its size. Undefined for what is no archive that is known. */
export async function unpackedAt(
  archive: { readonly url: string; readonly file: string; readonly scratch: string },
  places: Places,
): Promise<string | undefined> {
  const members = await membersOf(archive).catch(() => []);
  const [first] = members;
  if (first === undefined) return undefined;
  const sizes = new Map(places.files.map(({ path, size }) => [path, size]));
  return places.files
    .filter(({ path, size }) => size === first.size && path.endsWith(`/${first.path}`))
    .map(({ path }) => path.slice(0, -first.path.length - 1))
    .find((root) => members.every(({ path, size }) => sizes.get(posix.join(root, path)) === size));
}

interface Member {
  readonly path: string;
  readonly size: number;
}

async function membersOf({
  url,
  file,
  scratch,
}: {
  readonly url: string;
  readonly file: string;
  readonly scratch: string;
}): Promise<readonly Member[]> {
  const format = formatOf(url);
  if (format === undefined) return [];
  if (format === 'zip') {
    return withZipFile(file, (zip) =>
      zip.entries.filter(({ type }) => type !== 'directory').map(({ name, size }) => ({ path: name, size })),
    );
  }
  const compression = ({ 'tar.gz': 'gz', 'tar.xz': 'xz', 'tar.bz2': 'bz2', 'tar.zst': 'zst' } as const)[
    format as 'tar.gz'
  ];
  let tar = file;
  if (compression !== undefined) {
    tar = join(scratch, `${posix.basename(file)}.tar`);
    await decompressToFile({ file, compression, maxBytes: MAX_UNPACKED, what: url }, tar);
  }
  return readTarIndex(tar, url)
    .filter(({ type }) => type === 'file')
    .map(({ path, size }) => ({ path, size }));
}
