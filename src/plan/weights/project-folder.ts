import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { isAbsolute, join, posix, relative } from 'node:path';
import { canonicalJson } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { asSha256, type Sha256, sha256 } from '../../digest.ts';
import { CogplanError, type Where } from '../../errors.ts';
import { warn, withSpan } from '../../events.ts';
import { hashFile } from '../../hash-file.ts';
import { projectUrl } from '../../lock/project-url.ts';
import type { File } from '../../lock/schema.generated.ts';
import { isPointer } from '../files/odd-file.ts';

export interface FolderFile {
  /** Relative to the source. */
  readonly path: string;
  readonly file: File;
}

/** What belongs to tools, and is no weight. */
const SKIPPED: ReadonlySet<string> = new Set(['.cog', '.cogplan', '.git']);
/** Kind of derived results: what the files of a folder hash to, each with its stamp. */
const KIND = 'project-folder';
/** What was hashed is written down after so many bytes: who is stopped goes on from there. */
const NOTED_BYTES = 1024 * 1024 * 1024;
/** Smaller files are read in one call. */
const READ_AT_ONCE = 1024 * 1024;
/** A file written within this time of being read may be written again without its times changing. */
const UNSETTLED_MS = 50;

/**
 * The files of a folder of the project, or the one file that the path names. Only what `wanted` takes is read, and what did not change since the
 * last time is not read again. Errors: COGPLAN_WEIGHTS_MISSING, COGPLAN_WEIGHTS_FILE_KIND.
 */
export async function readProjectFolder(
  context: Context,
  { directory, path, where }: { readonly directory: string; readonly path: string; readonly where: Where },
  wanted: (path: string) => boolean,
): Promise<readonly FolderFile[]> {
  const root = inProject(directory, path, where);
  const info = lstatSync(join(directory, root), { throwIfNoEntry: false });
  if (info === undefined) {
    throw new CogplanError('COGPLAN_WEIGHTS_MISSING', `the weights ${path} do not exist in the project`, {
      subject: path,
      where,
      hint: 'Put the files there, or correct the source.',
    });
  }
  const files = info.isDirectory() ? walk(directory, root, where) : [root];
  const listed = files
    .map((file) => ({ file, path: info.isDirectory() ? posix.relative(root, file) : posix.basename(file) }))
    .filter((item) => wanted(item.path));
  const total = listed.length;
  return withSpan(
    context.host,
    'weights.hash',
    `Hashing ${path}`,
    async (span) => {
      const hashes = await openHashes(context, join(directory, root));
      try {
        const found: FolderFile[] = [];
        const pointers: string[] = [];
        for (const item of listed) {
          const file = {
            url: projectUrl(item.file),
            ...(await hashes.of(join(directory, item.file), item.file, where)),
          };
          if (isPointer(join(directory, item.file), file.size)) pointers.push(item.file);
          found.push({ path: item.path, file });
          span.progress(found.length, total, item.path);
        }
        const [pointer] = pointers;
        if (pointer !== undefined) {
          const others = pointers.length === 1 ? '' : `, and ${pointers.length - 1} more`;
          const text = `${pointer} is a pointer of Git LFS, not the file itself${others}: git lfs pull fetches them`;
          warn(context.host, 'lock.lfs-pointer', text);
        }
        return found;
      } finally {
        await hashes.write();
      }
    },
    { total, unit: 'items' },
  );
}

/** The path relative to the project. */
function inProject(directory: string, path: string, where: Where): string {
  const plain = path.replace(/^file:\/\//, '');
  const below = posix.normalize(isAbsolute(plain) ? relative(directory, plain) : plain).replace(/\/+$/, '');
  if (below === '..' || below.startsWith('../') || isAbsolute(below)) {
    throw new CogplanError('COGPLAN_WEIGHTS_MISSING', `the weights ${path} lie outside the project`, {
      subject: path,
      where,
      hint: 'Move or link them into the project: what a lock names must be found from the project alone.',
    });
  }
  return below;
}

function walk(directory: string, folder: string, where: Where): readonly string[] {
  return readdirSync(join(directory, folder), { withFileTypes: true }).flatMap((item): readonly string[] => {
    const path = folder === '.' ? item.name : `${folder}/${item.name}`;
    if (item.isDirectory()) return SKIPPED.has(item.name) ? [] : walk(directory, path, where);
    return [path];
  });
}

interface Hashes {
  of(absolute: string, path: string, where: Where): Promise<{ readonly sha256: Sha256; readonly size: number }>;
  write(): Promise<void>;
}

/** By path: stamp, hash and size. */
type Noted = Record<string, [stamp: string, sha256: string, size: number]>;

/** What is known of the files of a folder. One record for all: there may be many of them. */
async function openHashes(context: Context, folder: string): Promise<Hashes> {
  const key = sha256(canonicalJson([folder]));
  const before = (await context.store.getDerived<Noted>(KIND, key)) ?? {};
  const known = new Map(Object.entries(before));
  let unwritten = 0;
  let isChanged = false;

  const write = async (): Promise<void> => {
    if (isChanged) await context.store.putDerived(KIND, key, Object.fromEntries(known));
    unwritten = 0;
    isChanged = false;
  };

  const of: Hashes['of'] = async (absolute, path, where) => {
    const info = lstatSync(absolute, { bigint: true });
    if (!info.isFile()) throw noFile(path, info.isSymbolicLink(), where);
    const stamp = `${info.dev} ${info.ino} ${info.size} ${info.mtimeNs} ${info.ctimeNs}`;
    const noted = known.get(path);
    if (noted?.[0] === stamp) return { sha256: asSha256(noted[1]), size: noted[2] };
    context.signal.throwIfAborted();
    const started = context.now().getTime();
    const found = await hashOf(absolute, Number(info.size), context.signal);
    if (Number(info.ctimeMs) < started - UNSETTLED_MS) {
      known.set(path, [stamp, found.sha256, found.size]);
      isChanged = true;
      unwritten += found.size;
      if (unwritten >= NOTED_BYTES) await write();
    }
    return found;
  };

  return { of, write };
}

async function hashOf(
  path: string,
  size: number,
  signal: AbortSignal,
): Promise<{ readonly sha256: Sha256; readonly size: number }> {
  if (size > READ_AT_ONCE) return hashFile(path, { signal });
  const bytes = readFileSync(path);
  return { sha256: sha256(bytes), size: bytes.length };
}

function noFile(path: string, isLink: boolean, where: Where): CogplanError {
  const kind = isLink ? 'a symbolic link' : 'no regular file';
  return new CogplanError('COGPLAN_WEIGHTS_FILE_KIND', `${path} is ${kind}, not a weight file`, {
    subject: path,
    where,
    hint: 'Copy what it points to in its place, or exclude it.',
  });
}
