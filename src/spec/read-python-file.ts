import { dirname, join, posix } from 'node:path';
import { sha256 } from '../digest.ts';
import { CogplanError, type Where } from '../errors.ts';
import type { Problems } from './problems.ts';
import { exists, readProjectFile } from './project-file.ts';
import { type Pinned, readPylock } from './read-pylock.ts';
import { readPyproject } from './read-pyproject.ts';
import { readRequirements } from './read-requirements.ts';
import type { Notice, Requirements } from './spec.ts';

const MAX_BYTES = 16 * 1024 * 1024;

// Files of other tools, and how to get one of ours out of them.
const FOREIGN: Readonly<Record<string, string>> = {
  'uv.lock': 'Name pyproject.toml: uv.lock beside it is read with it.',
  'poetry.lock': 'Run `poetry export -f requirements.txt -o requirements.txt`, and name that file.',
  'pdm.lock': 'Run `pdm export -o requirements.txt`, and name that file.',
  Pipfile: 'Run `pipenv requirements > requirements.txt`, and name that file.',
  'Pipfile.lock': 'Run `pipenv requirements --hash > requirements.txt`, and name that file.',
  'environment.yml': 'List what pip installs in a requirements file; conda packages have other names and builds.',
  'environment.yaml': 'List what pip installs in a requirements file; conda packages have other names and builds.',
  'setup.py': 'Write ".[extra]" or "." into a requirements file, and name that file.',
  'setup.cfg': 'Write ".[extra]" or "." into a requirements file, and name that file.',
};

/** Reads what `python_requirements` names: a requirements file, `pylock.toml`, or `pyproject.toml` with `uv.lock`. */
export async function readPythonFile(
  directory: string,
  named: { readonly path: string; readonly where: Where; readonly hint: string },
  report: { readonly problems: Problems; readonly notices: Notice[] },
): Promise<Requirements> {
  const base = posix.basename(named.path);
  const foreign = Object.hasOwn(FOREIGN, base) ? FOREIGN[base] : undefined;
  if (foreign !== undefined) {
    const text = `${named.path} is a file of another tool, not requirements`;
    report.problems.add(
      new CogplanError('COGPLAN_REQUIREMENTS_FILE', text, { subject: named.path, where: named.where, hint: foreign }),
    );
    return emptyRequirements();
  }
  const isPylock = /^pylock(?:\.[^.]+)?\.toml$/.test(base);
  if (!isPylock && base !== 'pyproject.toml') return readRequirements(directory, { kind: 'file', ...named }, report);
  const { problems } = report;
  const files = new Map<string, string>();
  const read = async (path: string): Promise<{ readonly path: string; readonly content: string }> => {
    const problem = { code: 'COGPLAN_SPEC_FILE_MISSING', where: named.where, hint: named.hint } as const;
    const file = await readProjectFile(directory, path, { maxBytes: MAX_BYTES, problem });
    files.set(file.path, sha256(file.bytes));
    return { path: file.path, content: decode(file.bytes, file.path) };
  };
  const pinned = await problems.attemptAsync(async (): Promise<Pinned> => {
    const file = { ...(await read(named.path)), directory, problems };
    if (isPylock) return readPylock(file);
    const lock = posix.join(posix.dirname(file.path), 'uv.lock');
    const isLocked = await exists(join(directory, dirname(file.path), 'uv.lock'));
    return readPyproject(file, isLocked ? await read(lock) : undefined);
  });
  return {
    ...emptyRequirements(),
    ...pinned,
    files: [...files].map(([path, hash]) => ({ path, sha256: hash })),
  };
}

/** Nothing asked for. */
export function emptyRequirements(): Requirements {
  return {
    requirements: [],
    constraints: [],
    extraIndexUrls: [],
    findLinks: [],
    pre: false,
    noBinary: [],
    onlyBinary: [],
    files: [],
  };
}

function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new CogplanError('COGPLAN_REQUIREMENTS_FILE', `${path} is not UTF-8 text`, {
      subject: path,
      hint: 'Save the file as UTF-8.',
      cause,
    });
  }
}
