import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { compareBytes } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { CogplanError } from '../../errors.ts';
import { parseWheelFilename } from '../../formats/python/wheel-filename.ts';
import { projectUrl } from '../../lock/project-url.ts';
import type { OfferedFile } from '../../sources/pypi/index-desk.ts';

/** More files than this are no folder of wheels. */
const MOST_FILES = 1000;

/**
 * The wheels of a project that lie in one of its folders, with their hashes; their bytes go into the store, where apply finds them.
 * Links are not followed. COGPLAN_REQUIREMENTS_FILE when the folder cannot be read or holds too much.
 */
export async function readWheelFolder(
  context: Context,
  name: string,
  { directory, path }: { readonly directory: string; readonly path: string },
): Promise<readonly OfferedFile[]> {
  const names = await readdir(join(directory, path)).catch((cause: unknown) => {
    throw unusable(path, 'cannot be read', cause);
  });
  if (names.length > MOST_FILES) throw unusable(path, `holds more than ${MOST_FILES} files`);
  const files: OfferedFile[] = [];
  for (const filename of names.sort(compareBytes)) {
    if (parseWheelFilename(filename)?.name !== name) continue;
    const place = posix.join(path, filename);
    if (!(await lstat(join(directory, place))).isFile()) continue;
    const { sha256, size } = await context.store.put(createReadStream(join(directory, place)));
    files.push({ filename, url: projectUrl(place), sha256, size, source: path });
  }
  return files;
}

function unusable(path: string, reason: string, cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_REQUIREMENTS_FILE', `--find-links ${path} ${reason}`, {
    subject: path,
    hint: 'Name a folder of the project that holds wheels, or the URL of a page of links.',
    cause,
  });
}
