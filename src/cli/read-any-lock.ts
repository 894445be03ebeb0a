import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../context.ts';
import { CogplanError } from '../errors.ts';
import { parseLock } from '../lock/read-lock.ts';
import type { Lock } from '../lock/schema.generated.ts';
import { parsePlan } from '../plan/diff/read-plan.ts';
import { parseReference } from '../sources/oci/reference.ts';
import { LOCK_FILE } from './project-lock.ts';

const REGISTRY = 'registry:';
const LAYOUT = 'oci:';
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * A lock by any name people have for one: a lock file, a project's directory, a plan file (its new lock), or `REVISION:PATH` of git.
 * `registry:REF` and `oci:DIR` are images that carry one.
 */
export async function readAnyLock(context: Context, name: string): Promise<Lock> {
  const kind = await kindOf(name);
  if (kind === 'directory') return parseLock(await readFile(join(name, LOCK_FILE), 'utf8'), join(name, LOCK_FILE));
  if (kind === 'file') return parseAny(await readFile(name, 'utf8'), name);
  if (isRegistryName(name)) {
    const reference = parseReference(name.slice(REGISTRY.length));
    const { readAttachedLock } = await import('../sources/oci/read-attached-lock.ts');
    return parseLock(await readAttachedLock(context, reference), name);
  }
  if (name.startsWith(LAYOUT)) return readLayout(name.slice(LAYOUT.length), name);
  if (/^[^-:][^:]*:./.test(name)) return parseAny(await fromGit(name), name);
  throw new CogplanError('COGPLAN_LOCK_MISSING', `there is no lock at ${name}`, {
    subject: name,
    hint: 'Name a lock, a project, a plan, a revision of git such as HEAD~3:cogplan.lock, or an image: registry:REF or oci:DIR.',
  });
}

/** Whether reading the lock of that name needs the network. */
export function isRegistryName(name: string): boolean {
  return name.startsWith(REGISTRY);
}

async function readLayout(directory: string, name: string): Promise<Lock> {
  try {
    return parseLock(await readFile(join(directory, LOCK_FILE), 'utf8'), join(directory, LOCK_FILE));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new CogplanError('COGPLAN_LOCK_MISSING', `${name} carries no lock`, {
      subject: name,
      hint: 'Layouts that `cogplan apply -o oci:DIR` wrote carry one.',
    });
  }
}

async function kindOf(name: string): Promise<'file' | 'directory' | undefined> {
  try {
    return (await stat(name)).isDirectory() ? 'directory' : 'file';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

function parseAny(text: string, name: string): Lock {
  return /^\s*\{\s*"planVersion"/.test(text) ? parsePlan(text, name).lock : parseLock(text, name);
}

/** Git takes a path from the top of the repository, people from where they are: both are tried. */
async function fromGit(name: string): Promise<string> {
  const colon = name.indexOf(':');
  const [revision, path] = [name.slice(0, colon), name.slice(colon + 1)];
  try {
    return await gitObject(`${revision}:./${path}`);
  } catch {
    return gitObject(name);
  }
}

/** Contents of an object that git knows by this name, seen from `directory`. Error: COGPLAN_LOCK_MISSING. */
export function gitObject(object: string, directory = '.'): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { maxBuffer: MAX_BYTES, cwd: directory };
    execFile('git', ['show', '--end-of-options', object], options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const reason = stderr.trim().split('\n')[0] || error.message;
      reject(
        new CogplanError('COGPLAN_LOCK_MISSING', `git does not give ${object}: ${reason}`, {
          subject: object,
          hint: 'Name a revision and a path in it, such as HEAD~3:cogplan.lock.',
          cause: error,
        }),
      );
    });
  });
}
