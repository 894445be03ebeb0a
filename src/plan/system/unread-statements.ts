import { join } from 'node:path';
import type { Context } from '../../context.ts';
import { readTarIndex } from '../../formats/archive/tar-reader.ts';
import { inflateDebData, readDebControl } from '../../formats/debian/deb-archive.ts';
import type { PackageRecord } from '../../formats/debian/package-record.ts';

/** A statement of a maintainer script that is not understood, and only run where all of these paths are there. */
export type UnreadStatement = {
  readonly paths: readonly string[];
  readonly script: string;
  /** From 1. */
  readonly line: number;
  readonly text: string;
  readonly reason: string;
};

/**
 * Those of the statements that are run when these packages are installed, as far as their files tell: links are only seen of a package by itself. The
 * .debs must be in the store.
 */
export async function findReached<Statement extends UnreadStatement>(
  context: Context,
  statements: readonly Statement[],
  packages: readonly PackageRecord[],
): Promise<readonly Statement[]> {
  if (statements.length === 0) return [];
  const wanted = [...new Set(statements.flatMap(({ paths }) => paths.map(withoutMerge)))];
  const missing = new Set(wanted);
  const patterns = wanted.filter((path) => path.includes('*')).map((path) => [path, path.split('*')] as const);
  for (const record of packages) {
    const list = packages.length === 1 ? listData : listFiles;
    for (const listed of await list(context, record)) {
      const path = withoutMerge(listed);
      missing.delete(path);
      for (const [pattern, [start = '', end = '']] of patterns) if (fits(path, start, end)) missing.delete(pattern);
    }
  }
  return statements.filter(({ paths }) => !paths.some((path) => missing.has(withoutMerge(path))));
}

/** One part of a path, between what stands before and after a `*`. */
function fits(path: string, start: string, end: string): boolean {
  const length = path.length - start.length - end.length;
  return length >= 0 && path.startsWith(start) && path.endsWith(end) && !path.slice(start.length).includes('/');
}

async function listData(context: Context, record: PackageRecord): Promise<readonly string[]> {
  const what = `${record.name} ${record.version}`;
  const deb = await context.store.verified(record.file.sha256, record.file.size, what);
  const scratch = await context.store.scratch('deb');
  try {
    const data = join(scratch.path, 'data.tar');
    await inflateDebData(deb, data, { what });
    return readTarIndex(data, what).map(({ path }) => `/${path}`);
  } finally {
    await scratch.dispose();
  }
}

/** Regular files and the directories above them, as the control part tells them. */
async function listFiles(context: Context, record: PackageRecord): Promise<readonly string[]> {
  const what = `${record.name} ${record.version}`;
  const deb = await context.store.verified(record.file.sha256, record.file.size, what);
  const { scripts } = await readDebControl(deb, what);
  const sums = (scripts.get('md5sums')?.toString('utf8') ?? '').matchAll(/^[0-9a-f]{32} [ *](.+)$/gm);
  const conffiles = (scripts.get('conffiles')?.toString('utf8') ?? '').matchAll(/^(\/.+)$/gm);
  const files = [...[...sums].map((match) => `/${match[1] ?? ''}`), ...[...conffiles].map((match) => match[1] ?? '')];
  const all = new Set<string>();
  for (const file of files) {
    for (let path = file; path !== '' && !all.has(path); path = path.slice(0, path.lastIndexOf('/'))) all.add(path);
  }
  return [...all];
}

/** With a merged /usr, both names are one. */
function withoutMerge(path: string): string {
  return path.replace(/^\/usr(?=\/(?:bin|lib|lib32|lib64|libx32|sbin)(?:\/|$))/, '');
}
