import { createHash, randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Compiled code of the files of a program, and which sets of files it was gathered from. */
export interface CodeCache {
  /** Of the files that there is code of. */
  readonly names: readonly string[];
  /** What a file was compiled to; undefined when that is not known, or damaged. */
  readonly code: (name: string) => Buffer | undefined;
  /** Names for runs whose code is in it, each for the files that were loaded. */
  readonly runs: readonly string[];
}

export interface Gathered {
  readonly code: ReadonlyMap<string, Buffer>;
  readonly runs: readonly string[];
}

export const EMPTY: CodeCache = { names: [], code: () => undefined, runs: [] };

interface Head {
  readonly runs: readonly string[];
  readonly code: readonly (readonly [name: string, size: number, sha256: string])[];
}

const DIGEST_SIZE = 32;
/** Before the head: its digest, and its length as four bytes. */
const START = DIGEST_SIZE + 4;
const MAX_HEAD = 1024 * 1024;
const MOST_RUNS = 64;
/** Files of other builds of the program, and of other versions of Node, that stay beside a new one. */
const MOST_FILES = 8;

/**
 * Opens a cache; its code is read as it is asked for, as most runs use little of it. V8 runs compiled code as it finds it, so what does not have its digest,
 * or could have been written by somebody else than `owner`, is not there; neither is what cannot be read.
 */
export function openCodeCache(path: string, owner: number | undefined): CodeCache {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return EMPTY;
  }
  const cache = readHead(file, owner);
  if (cache === undefined) closeSync(file);
  return cache ?? EMPTY;
}

/**
 * Puts what `gather` gives in the place of a cache, in a directory whose parent is there. It saves time only: where it cannot be written, nothing is
 * gathered, and nothing fails.
 */
export function writeCodeCache(path: string, gather: () => Gathered): void {
  const directory = dirname(path);
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    if (!existsSync(directory)) mkdirSync(directory, { mode: 0o755 });
    accessSync(directory, constants.W_OK);
    writeFileSync(temporary, format(gather()), { flag: 'wx', mode: 0o600 });
    renameSync(temporary, path);
    removeOldest(directory, basename(path));
  } catch {
    discard(temporary);
  }
}

function readHead(file: number, owner: number | undefined): CodeCache | undefined {
  try {
    const { uid, mode } = fstatSync(file);
    if (uid !== owner || (mode & 0o022) !== 0) return undefined;
    const start = readAt(file, 0, START);
    const length = start?.readUInt32LE(DIGEST_SIZE) ?? 0;
    const text = length > MAX_HEAD ? undefined : readAt(file, START, length);
    if (start === undefined || text === undefined || !sha256(text).equals(start.subarray(0, DIGEST_SIZE)))
      return undefined;
    const { runs, code } = JSON.parse(text.toString()) as Head;
    const places = new Map<string, { readonly offset: number; readonly size: number; readonly digest: string }>();
    let offset = START + length;
    for (const [name, size, digest] of code) {
      places.set(name, { offset, size, digest });
      offset += size;
    }
    return {
      runs,
      names: [...places.keys()],
      code: (name) => {
        const place = places.get(name);
        const bytes = place === undefined ? undefined : readAt(file, place.offset, place.size);
        return bytes !== undefined && sha256(bytes).toString('hex') === place?.digest ? bytes : undefined;
      },
    };
  } catch {
    return undefined;
  }
}

function readAt(file: number, offset: number, size: number): Buffer | undefined {
  const bytes = Buffer.allocUnsafe(size);
  return readSync(file, bytes, 0, size, offset) === size ? bytes : undefined;
}

function format({ code, runs }: Gathered): Buffer {
  const parts = [...code];
  const head: Head = {
    runs: runs.slice(-MOST_RUNS),
    code: parts.map(([name, part]) => [name, part.length, sha256(part).toString('hex')]),
  };
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([sha256(text), length, text, ...parts.map(([, part]) => part)]);
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function removeOldest(directory: string, own: string): void {
  const others = readdirSync(directory)
    .filter((name) => name !== own)
    .map((name) => ({ path: join(directory, name), modified: statSync(join(directory, name)).mtimeMs }))
    .sort((a, b) => b.modified - a.modified);
  for (const { path } of others.slice(MOST_FILES)) discard(path);
}

function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Where nothing can be written, nothing was.
  }
}
