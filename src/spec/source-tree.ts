import { type Dirent, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, posix } from 'node:path';
import { canonicalJson, compareBytes } from '../canonical.ts';
import { type Sha256, sha256 } from '../digest.ts';
import { CogplanError } from '../errors.ts';
import { hashFile } from '../hash-file.ts';
import { type IgnoreRules, type IgnoreVerdict, parseDockerignore } from './dockerignore.ts';

interface SourceBase {
  /** Relative to the project, with `/`. */
  readonly path: string;
  /** 0755 for directories and executable files, 0644 for other files, 0777 for links; the umask has no part in it. */
  readonly mode: number;
  readonly absolute: string;
}
export type SourceEntry =
  | (SourceBase & { readonly type: 'file'; readonly size: number })
  | (SourceBase & { readonly type: 'directory' })
  | (SourceBase & { readonly type: 'symlink'; readonly target: string });

const IGNORE_FILE = '.dockerignore';
// What belongs to the tools around the project. The lock stays out, so that sealing it does not change the image.
const OWN: ReadonlySet<string> = new Set(['.cog', '.cogplan', 'cogplan.lock']);
const READ_AT_ONCE = 1024 * 1024;

/**
 * Files, directories and links of the project that enter the image: all but those that .dockerignore, Git and cogplan keep out.
 * Sorted byte-wise by path, parents first.
 */
export async function listSourceTree(directory: string): Promise<readonly SourceEntry[]> {
  const rules = readRules(directory);
  const entries = new Map<string, SourceEntry>();

  const walk = (folder: string, parent: IgnoreVerdict | undefined): void => {
    for (const item of readDirectory(join(directory, folder), folder)) {
      const path = folder === '' ? item.name : `${folder}/${item.name}`;
      if (item.name === '.git' || OWN.has(path)) continue;
      const verdict = rules.judge(path, parent);
      if (item.isDirectory()) {
        if (verdict.ignored && !rules.mayReinclude(path)) continue;
        if (!verdict.ignored) addDirectory(path);
        walk(path, verdict);
      } else if (!verdict.ignored) {
        const parentPath = posix.dirname(path);
        if (parentPath !== '.') addDirectory(parentPath);
        entries.set(path, describe(join(directory, path), path));
      }
    }
  };

  const addDirectory = (path: string): void => {
    if (entries.has(path)) return;
    const parentPath = posix.dirname(path);
    if (parentPath !== '.') addDirectory(parentPath);
    entries.set(path, { type: 'directory', path, mode: 0o755, absolute: join(directory, path) });
  };

  walk('', undefined);
  return [...entries.values()].sort((a, b) => compareBytes(a.path, b.path));
}

/** Digest over path, type, mode and content of every entry; COGPLAN_SOURCE_CHANGED when a file is no longer what was listed. */
export async function sourceTreeDigest(entries: readonly SourceEntry[]): Promise<Sha256> {
  const rows: (readonly (string | number)[])[] = [];
  for (const entry of entries) {
    const content = entry.type === 'file' ? await hashEntry(entry) : entry.type === 'symlink' ? entry.target : '';
    rows.push([entry.path, entry.type, entry.mode, content]);
  }
  return sha256(canonicalJson(rows));
}

function readRules(directory: string): IgnoreRules {
  const path = join(directory, IGNORE_FILE);
  const info = lstatSync(path, { throwIfNoEntry: false });
  const text = info === undefined ? '' : readFileSync(path, 'utf8');
  return parseDockerignore(text, IGNORE_FILE);
}

function readDirectory(absolute: string, path: string): readonly Dirent[] {
  try {
    return readdirSync(absolute, { withFileTypes: true });
  } catch (error) {
    throw new CogplanError('COGPLAN_SOURCE_CHANGED', `the folder ${path === '' ? '.' : path} cannot be read`, {
      subject: path,
      cause: error,
      hint: 'Make it readable, or leave it out by .dockerignore.',
    });
  }
}

function describe(absolute: string, path: string): SourceEntry {
  const info = lstatSync(absolute, { throwIfNoEntry: false });
  if (info === undefined) throw path.includes('\ufffd') ? notUtf8(path) : changed(path);
  if (info.isFile()) {
    return { type: 'file', path, mode: (info.mode & 0o100) === 0 ? 0o644 : 0o755, size: info.size, absolute };
  }
  if (info.isSymbolicLink()) {
    const target = readlinkSync(absolute);
    const end = posix.join(posix.dirname(path), target);
    if (posix.isAbsolute(target) || end === '..' || end.startsWith('../')) throw escaping(path, target);
    return { type: 'symlink', path, mode: 0o777, target, absolute };
  }
  throw new CogplanError('COGPLAN_SOURCE_FILE_KIND', `${path} is a socket, pipe or device`, {
    subject: path,
    hint: 'Remove it, or leave it out by .dockerignore.',
  });
}

async function hashEntry(entry: SourceEntry & { readonly type: 'file' }): Promise<Sha256> {
  try {
    if (entry.size <= READ_AT_ONCE) {
      const data = readFileSync(entry.absolute);
      if (data.length !== entry.size) throw changed(entry.path);
      return sha256(data);
    }
    return await hashLargeFile(entry);
  } catch (error) {
    if (error instanceof CogplanError) throw error;
    throw changed(entry.path, error);
  }
}

async function hashLargeFile(entry: SourceEntry & { readonly type: 'file' }): Promise<Sha256> {
  const { sha256: hash, size } = await hashFile(entry.absolute);
  if (size !== entry.size) throw changed(entry.path);
  return hash;
}

function changed(path: string, cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_SOURCE_CHANGED', `${path} changed or became unreadable while the project was read`, {
    subject: path,
    cause,
    hint: 'Run again when nothing writes to the project, or leave the file out by .dockerignore.',
  });
}

function escaping(path: string, target: string): CogplanError {
  return new CogplanError('COGPLAN_SOURCE_LINK_ESCAPES', `the link ${path} leads to ${target}, out of the project`, {
    subject: path,
    hint: 'Copy what it points to into the project, or leave the link out by .dockerignore.',
  });
}

function notUtf8(path: string): CogplanError {
  return new CogplanError('COGPLAN_SOURCE_NAME', `${path} has a name that is not UTF-8`, {
    subject: path,
    hint: 'Rename it, or leave it out by .dockerignore.',
  });
}
