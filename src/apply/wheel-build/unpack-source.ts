import { closeSync, lutimesSync, mkdirSync, openSync, readdirSync, readSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Context } from '../../context.ts';
import { CogplanError } from '../../errors.ts';
import { type Compression, decompressToFile } from '../../formats/archive/decompress.ts';
import { withZipFile } from '../../formats/archive/zip-file.ts';
import type { BuiltSource } from '../../lock/schema.generated.ts';
import { mergeTars } from '../sandbox/root-tree.ts';
import { BUILD_EPOCH } from '../sandbox/run-in-root.ts';
import { writeTree } from '../sandbox/write-tree.ts';

const MAX_BYTES = 4 * 1024 ** 3;
const MAX_MEMBER = 1024 ** 3;

/**
 * Unpacks a source, which is in the store, into an empty directory and returns the project's own: the one directory that an archive holds, or the subdirectory that is asked for. All times are
 * the same, so that no tool finds one file newer than another. Hostile archives are refused by the readers' codes; COGPLAN_BUILD_SOURCE when there is no such
 * directory or the archive is of an unknown kind.
 */
export async function unpackSource(
  context: Context,
  { source, what }: { readonly source: BuiltSource; readonly what: string },
  directory: string,
): Promise<string> {
  const file = await context.store.verified(source.file.sha256, source.file.size, `the source of ${what}`);
  if (source.kind === 'archive') await unpackArchive(context, { file, what }, directory);
  else await writeTree(mergeTars([{ file, what }], { usrMerge: false }), directory, context.signal);
  settle(directory);
  const top = source.kind === 'archive' ? onlyDirectory(directory, what) : directory;
  return descend(top, source.subdirectory, what);
}

async function unpackArchive(
  context: Context,
  { file, what }: { readonly file: string; readonly what: string },
  directory: string,
): Promise<void> {
  const kind = archiveKind(file);
  if (kind === undefined) throw invalid(what, 'its archive is neither tar (plain, gz, bz2, xz, zst) nor zip');
  if (kind === 'zip') return unzip(file, directory, what);
  const tar = `${directory}.tar`;
  try {
    await decompressToFile({ file, compression: kind, maxBytes: MAX_BYTES, what }, tar);
    await writeTree(mergeTars([{ file: tar, what }], { usrMerge: false }), directory, context.signal);
  } finally {
    await rm(tar, { force: true });
  }
}

function archiveKind(file: string): Compression | 'zip' | undefined {
  const head = Buffer.alloc(263);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, head, 0, head.length, 0);
  } finally {
    closeSync(descriptor);
  }
  const starts = (...bytes: readonly number[]): boolean => bytes.every((byte, index) => head[index] === byte);
  if (starts(0x1f, 0x8b)) return 'gz';
  if (starts(0x42, 0x5a, 0x68)) return 'bz2';
  if (starts(0xfd, 0x37, 0x7a, 0x58, 0x5a)) return 'xz';
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) return 'zst';
  if (starts(0x50, 0x4b, 0x03, 0x04)) return 'zip';
  return head.toString('latin1', 257, 262) === 'ustar' ? 'none' : undefined;
}

function unzip(file: string, directory: string, what: string): void {
  withZipFile(file, (zip) => {
    let total = 0;
    for (const entry of zip.entries) {
      total += entry.size;
      if (total > MAX_BYTES) throw invalid(what, `its archive holds more than ${MAX_BYTES} bytes`);
      const path = join(directory, entry.name);
      if (entry.type === 'directory') {
        mkdirSync(path, { recursive: true });
        continue;
      }
      mkdirSync(dirname(path), { recursive: true });
      const mode = ((entry.mode ?? 0) & 0o111) === 0 ? 0o644 : 0o755;
      writeFileSync(path, zip.readMember(entry, MAX_MEMBER), { flag: 'wx', mode });
    }
  });
}

function settle(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) settle(path);
    lutimesSync(path, BUILD_EPOCH, BUILD_EPOCH);
  }
}

function onlyDirectory(directory: string, what: string): string {
  const entries = readdirSync(directory, { withFileTypes: true }).filter(({ name }) => name !== 'pax_global_header');
  const [first] = entries;
  if (first === undefined) throw invalid(what, 'its archive is empty');
  return entries.length === 1 && first.isDirectory() ? join(directory, first.name) : directory;
}

/** Step by step, so that no symbolic link of the source leads out of it. */
function descend(top: string, subdirectory: string | undefined, what: string): string {
  let path = top;
  for (const segment of (subdirectory ?? '').split('/').filter((part) => part !== '' && part !== '.')) {
    const found = readdirSync(path, { withFileTypes: true }).find(({ name }) => name === segment);
    if (segment === '..' || found?.isDirectory() !== true) {
      throw invalid(what, `it has no directory ${subdirectory}`);
    }
    path = join(path, segment);
  }
  return path;
}

function invalid(what: string, problem: string): CogplanError {
  return new CogplanError('COGPLAN_BUILD_SOURCE', `${what} cannot be built: ${problem}`, {
    subject: what,
    hint: 'The source has to be a Python project that pip could build.',
  });
}
