import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SETTINGS_FILE } from '../spec/settings.ts';
import { replaceFile } from './replace-file.ts';

/** Changes the text of a project's cogplan.yaml, which need not exist. Returns what puts it back as it was; undefined when nothing changed. */
export async function changeSettings(
  directory: string,
  change: (text: string) => string,
): Promise<(() => Promise<void>) | undefined> {
  const path = join(directory, SETTINGS_FILE);
  const before = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  const text = change(before ?? '');
  if (text === (before ?? '')) return undefined;
  await replaceFile(path, text);
  return () => (before === undefined ? rm(path, { force: true }) : replaceFile(path, before));
}
