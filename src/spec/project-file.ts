import { lstat, open, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, posix, relative, resolve, sep } from 'node:path';
import type { ErrorCode } from '../error-codes.ts';
import { CogplanError, type ErrorDetails } from '../errors.ts';

export interface ProjectFile {
  /** Relative to the project, with `/`. */
  readonly path: string;
  readonly bytes: Buffer;
}

/** How a missing or unusable file is reported. */
export interface FileProblem extends Pick<ErrorDetails, 'where' | 'hint'> {
  readonly code: ErrorCode;
}

/** Path of a regular file inside the project, relative to it; refuses what is missing, elsewhere or not a file. */
export async function locateProjectFile(directory: string, path: string, problem: FileProblem): Promise<string> {
  const fail = (message: string, cause?: unknown): CogplanError =>
    new CogplanError(problem.code, message, { subject: path, where: problem.where, hint: problem.hint, cause });

  if (path.includes('\0')) throw fail('the file name holds a NUL character');
  const absolute = resolve(directory, path);
  if (!isInside(directory, absolute)) throw fail(`${path} lies outside the project`);
  const info = await stat(absolute).catch((error: unknown) => {
    throw fail(`${path} does not exist${isMissing(error) ? '' : ' or cannot be read'}`, error);
  });
  if (!info.isFile()) throw fail(`${path} is not a file`);
  if (!isInside(await realpath(directory), await realpath(absolute))) {
    throw fail(`${path} is a link to a file outside the project`);
  }
  return relative(directory, absolute).split(sep).join('/');
}

/** Path of a file or folder inside the project, relative to it; undefined for what is missing or elsewhere. */
export async function locateProjectPath(directory: string, path: string): Promise<string | undefined> {
  const absolute = resolve(directory, path);
  if (path.includes('\0') || !isInside(directory, absolute)) return undefined;
  const real = await realpath(absolute).catch(() => undefined);
  if (real === undefined || !isInside(await realpath(directory), real)) return undefined;
  return relative(directory, absolute).split(sep).join('/');
}

/** Reads a file of at most `maxBytes` inside the project. */
export async function readProjectFile(
  directory: string,
  path: string,
  options: { readonly maxBytes: number; readonly problem: FileProblem },
): Promise<ProjectFile> {
  const located = await locateProjectFile(directory, path, options.problem);
  const handle = await open(join(directory, located), 'r').catch((error: unknown) => {
    throw new CogplanError(options.problem.code, `${path} cannot be read`, {
      ...options.problem,
      subject: path,
      cause: error,
    });
  });
  try {
    const { size } = await handle.stat();
    if (size > options.maxBytes) {
      throw new CogplanError(options.problem.code, `${path} is ${size} bytes, more than ${options.maxBytes}`, {
        subject: path,
        where: options.problem.where,
        hint: 'Is it the right file?',
      });
    }
    return { path: located, bytes: await handle.readFile() };
  } finally {
    await handle.close();
  }
}

/** Reads a file of UTF-8 text of at most `maxBytes` inside the project; anything else is COGPLAN_SPEC_SYNTAX. */
export async function readProjectText(
  directory: string,
  path: string,
  options: { readonly maxBytes: number; readonly problem: FileProblem },
): Promise<string> {
  const { bytes } = await readProjectFile(directory, path, options);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new CogplanError('COGPLAN_SPEC_SYNTAX', `${path} is not UTF-8 text`, {
      where: { file: path },
      hint: 'Save the file as UTF-8.',
      cause: error,
    });
  }
}

/** Joins a path written in one project file to the folder of that file. */
export function besides(file: string, path: string): string {
  return isAbsolute(path) ? path : posix.join(posix.dirname(file), path);
}

export async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function isInside(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
