import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FOLDER = '.cogplan';

/** Where the image goes unless another place is named. */
export function defaultImagePath(directory: string): string {
  return join(directory, FOLDER, 'image');
}

/** Keeps what is built out of the project's version control. What cannot be written here is told by the writer of the image. */
export async function hideProjectFolder(directory: string): Promise<void> {
  const folder = join(directory, FOLDER);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, '.gitignore'), '*\n', { flag: 'wx' });
  } catch {
    // It is there already, or the image cannot be written here either.
  }
}
