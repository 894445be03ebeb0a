import { lstat, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { Sha256 } from '../digest.ts';
import { CogplanError, type Where } from '../errors.ts';
import { isArchiveName } from '../formats/python/direct-reference.ts';
import { hashFile } from '../hash-file.ts';
import { besides } from './project-file.ts';

/** A file or folder of the project that a requirement names. */
export type LocalPath =
  | {
      /** Relative to the project, with `/`. */
      readonly path: string;
      readonly form: 'wheel' | 'archive';
      readonly sha256: Sha256;
    }
  /** `.` is the project itself. */
  | { readonly path: string; readonly form: 'directory' };

/**
 * Finds what a requirement names by a path. As for pip, which is run in the project, the path is relative to the project; `from` is the
 * file that holds the line. What lies elsewhere or cannot be installed is COGPLAN_REQUIREMENT_PATH.
 */
export async function locateLocalPath(
  directory: string,
  written: string,
  { where, from }: { readonly where: Where; readonly from: string },
): Promise<LocalPath> {
  const fail = (reason: string, hint: string): CogplanError =>
    new CogplanError('COGPLAN_REQUIREMENT_PATH', `${written.slice(0, 300)} ${reason}`, {
      subject: written.slice(0, 300),
      where,
      hint,
    });
  if (written.includes('\0')) throw fail('holds a NUL character', 'Correct the path.');
  const absolute = resolve(directory, written.startsWith('~/') ? join(homedir(), written.slice(2)) : written);
  const inside = relative(directory, absolute).split(sep).join('/');
  if (!isInside(inside)) throw fail('lies outside the project', outsideHint(written));
  const info = await stat(absolute).catch(() => undefined);
  if (info === undefined) {
    const beside = besides(from, written);
    const isBeside = !isAbsolute(written) && beside !== inside && (await isThere(join(directory, beside)));
    throw fail(
      'does not exist in the project',
      isBeside
        ? `Paths are relative to the project: write ./${beside}.`
        : 'Correct the path, or name a released version.',
    );
  }
  const real = relative(await realpath(directory), await realpath(absolute));
  if (!isInside(real))
    throw fail('is a link that leads out of the project', 'Copy what it points to into the project.');
  if (info.isDirectory()) {
    const markers = await Promise.all(['pyproject.toml', 'setup.py'].map((name) => isThere(join(absolute, name))));
    if (!markers.includes(true)) {
      throw fail('holds neither pyproject.toml nor setup.py', 'Name the folder of a Python project.');
    }
    return { path: inside === '' ? '.' : inside, form: 'directory' };
  }
  if (!info.isFile() || !isArchiveName(inside)) {
    throw fail('is no wheel, archive or folder', 'A wheel ends in .whl, an archive in .tar.gz or .zip.');
  }
  const { sha256 } = await hashFile(absolute);
  return { path: inside, form: /\.whl$/i.test(inside) ? 'wheel' : 'archive', sha256 };
}

function outsideHint(written: string): string {
  if (/^\/(?:croot|home\/conda|tmp\/build|opt\/conda|home\/builder|Users|private|D:|work\/ci)/.test(written)) {
    return '`pip freeze` writes this for a package that conda built: write NAME==VERSION instead.';
  }
  return 'Copy it into the project and write its path relative to the project.';
}

function isInside(path: string): boolean {
  return path !== '..' && !path.startsWith('../') && !path.startsWith(`..${sep}`) && !isAbsolute(path);
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
