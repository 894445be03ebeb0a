import { join } from 'node:path';
import type { Where } from '../errors.ts';
import { exists, readProjectText } from './project-file.ts';
import type { Settings as SettingsValues } from './schema.generated.ts';

/** What `cogplan.yaml` says, by lockfiles/schema/cogplan.json. A project without the file has no values. */
export interface Settings {
  readonly file?: string;
  readonly values: SettingsValues;
  /** Where the value at a path of keys and indexes stands; the file alone when there is no such value. */
  readonly where: (path: readonly (string | number)[]) => Where;
}

export const SETTINGS_FILE = 'cogplan.yaml';

export const NO_SETTINGS: Settings = { values: {}, where: () => ({ file: SETTINGS_FILE }) };

const MAX_BYTES = 256 * 1024;

/** Reads the settings beside `cog.yaml`. Everything that is wrong is reported at once, as `readSpec` does. */
export async function readSettings(directory: string): Promise<Settings> {
  if (!(await exists(join(directory, SETTINGS_FILE)))) return NO_SETTINGS;
  const problem = { code: 'COGPLAN_SETTINGS_INVALID', where: { file: SETTINGS_FILE } } as const;
  const text = await readProjectText(directory, SETTINGS_FILE, { maxBytes: MAX_BYTES, problem });
  // What checks them is large, and most projects have none.
  const { parseSettings } = await import('./parse-settings.ts');
  return parseSettings(text);
}
