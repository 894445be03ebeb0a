import { compareBytes } from '../../canonical.ts';
import { CogplanError } from '../../errors.ts';
import { normalizeName } from '../../formats/python/name.ts';
import { parseWheelFilename } from '../../formats/python/wheel-filename.ts';
import type { WheelInput, WheelsRecipe } from '../recipe.ts';
import type { LayerBuilder } from './builder.ts';
import type { DirectoryEntry, FileEntry, LayerEntry } from './entry.ts';
import { readWheelFile, unpackWheel } from './wheels-unpack.ts';

interface Clash {
  readonly winner: string;
  readonly loser: string;
  readonly firstPath: string;
  readonly count: number;
}

/**
 * Files of all wheels of a recipe, installed side by side. Where two wheels bring different files at one path, the wheel with the
 * byte-wise greater file name wins and a warning COGPLAN_WHEEL_CLASH names both; a file against a directory is
 * COGPLAN_WHEEL_CONFLICT.
 */
export const buildWheelsLayer: LayerBuilder<WheelsRecipe> = async (recipe, environment) => {
  const wheels = [...recipe.wheels].sort((a, b) => compareBytes(a.filename, b.filename));
  checkDistributions(wheels);
  const files = new Map<string, FileEntry>();
  const clashes = new Map<string, Clash>();
  for (const wheel of wheels) {
    const path = await environment.blob(wheel.sha256);
    for (const file of unpackWheel(path, wheel.filename, recipe.scheme)) {
      const earlier = files.get(file.path);
      if (earlier !== undefined && !haveSameContent(earlier, file)) noteClash(clashes, earlier, file);
      files.set(file.path, file);
    }
  }
  for (const { winner, loser, firstPath, count } of clashes.values()) {
    const others = count === 1 ? '' : ` and ${count - 1} more`;
    environment.warn(
      'COGPLAN_WHEEL_CLASH',
      `${winner} and ${loser} both bring ${firstPath}${others}; that of ${winner} is kept`,
    );
  }
  return withDirectories(files);
};

function checkDistributions(wheels: readonly WheelInput[]): void {
  const seen = new Map<string, string>();
  for (const { filename } of wheels) {
    const name = parseWheelFilename(filename)?.name ?? normalizeName(filename);
    const other = seen.get(name);
    if (other !== undefined) {
      throw new CogplanError('COGPLAN_WHEEL_CONFLICT', `${other} and ${filename} are wheels of one distribution`, {
        subject: name,
      });
    }
    seen.set(name, filename);
  }
}

/** By size and CRC-32 where both are known, and then byte by byte. */
export function haveSameContent(a: FileEntry, b: FileEntry): boolean {
  if (a.size !== b.size) return false;
  if (a.content.kind === 'zip' && b.content.kind === 'zip' && a.content.crc32 !== b.content.crc32) return false;
  return readWheelFile(a).equals(readWheelFile(b));
}

function noteClash(clashes: Map<string, Clash>, loser: FileEntry, winner: FileEntry): void {
  const key = `${winner.origin}\n${loser.origin}`;
  const { firstPath, count } = clashes.get(key) ?? { firstPath: winner.path, count: 0 };
  clashes.set(key, {
    winner: winner.origin,
    loser: loser.origin,
    firstPath: compareBytes(winner.path, firstPath) < 0 ? winner.path : firstPath,
    count: count + 1,
  });
}

function withDirectories(files: ReadonlyMap<string, FileEntry>): readonly LayerEntry[] {
  const directories = new Map<string, DirectoryEntry>();
  for (const file of files.values()) {
    for (let slash = file.path.lastIndexOf('/'); slash > 0; slash = file.path.lastIndexOf('/', slash - 1)) {
      const path = file.path.slice(0, slash);
      if (directories.has(path)) break;
      const blocking = files.get(path);
      if (blocking !== undefined) throw conflict(blocking, file);
      directories.set(path, { type: 'directory', path, mode: 0o755, uid: 0, gid: 0, origin: 'wheels' });
    }
  }
  const entries: LayerEntry[] = [...directories.values(), ...files.values()];
  return entries.sort((a, b) => compareBytes(a.path, b.path));
}

/** The error for a path that is a file in one wheel and a directory in another. */
export function conflict(file: FileEntry, below: FileEntry): CogplanError {
  return new CogplanError(
    'COGPLAN_WHEEL_CONFLICT',
    `${file.path} is a file in ${file.origin} and a directory in ${below.origin}`,
    { subject: file.path, hint: 'The two wheels cannot be installed together; leave one of them out.' },
  );
}
