import { lstatSync, readFileSync } from 'node:fs';
import { isAbsolute, join, normalize } from 'node:path';
import { parse } from 'smol-toml';
import { z } from 'zod';
import { CogplanError } from '../../errors.ts';

export interface BuildSystem {
  /** `build-system.requires`, as written. */
  readonly requires: readonly string[];
  /** `module:object`. */
  readonly backend: string;
  /** Directories in the source that the backend may be imported from. */
  readonly backendPath: readonly string[];
  /** The project says nothing of how it is built: a `setup.py` of old. */
  readonly legacy: boolean;
}

const MAX_SIZE = 4 * 1024 * 1024;

const shape = z.object({
  'build-system': z
    .object({
      requires: z.array(z.string()).optional(),
      'build-backend': z.string().optional(),
      'backend-path': z.array(z.string()).optional(),
    })
    .optional(),
});

/**
 * How an unpacked source says that it is built, by PEP 518. Without `build-system` it is setuptools, called as `setup.py` was.
 * COGPLAN_BUILD_SOURCE when it is no Python project, or its pyproject.toml cannot be read.
 */
export function readBuildSystem(directory: string, what: string): BuildSystem {
  const text = readText(join(directory, 'pyproject.toml'), what);
  const hasSetup = ['setup.py', 'setup.cfg'].some((name) => isFile(join(directory, name)));
  if (text === undefined && !hasSetup) throw invalid(what, 'it has neither pyproject.toml nor setup.py');
  const system = text === undefined ? undefined : readTable(text, what);
  const path = system?.['backend-path'] ?? [];
  for (const item of path) {
    if (isAbsolute(item) || normalize(item).startsWith('..'))
      throw invalid(what, `its backend-path ${item} leads out of it`);
  }
  return {
    requires: system?.requires ?? ['setuptools', 'wheel'],
    backend: system?.['build-backend'] ?? 'setuptools.build_meta:__legacy__',
    backendPath: path,
    legacy: system?.['build-backend'] === undefined,
  };
}

function readTable(text: string, what: string) {
  let document: unknown;
  try {
    document = parse(text);
  } catch (cause) {
    throw invalid(what, 'its pyproject.toml is not TOML', cause);
  }
  const parsed = shape.safeParse(document);
  if (!parsed.success) throw invalid(what, 'the build-system table of its pyproject.toml is malformed', parsed.error);
  return parsed.data['build-system'];
}

function readText(path: string, what: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!stat.isFile() || stat.size > MAX_SIZE)
    throw invalid(what, 'its pyproject.toml is no plain file of moderate size');
  return readFileSync(path, 'utf8');
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function invalid(what: string, problem: string, cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_BUILD_SOURCE', `${what} cannot be built: ${problem}`, {
    subject: what,
    hint: 'The source has to be a Python project that pip could build.',
    cause,
  });
}
