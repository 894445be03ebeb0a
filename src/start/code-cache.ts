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
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Compiled code of the files of a program, and which sets of files it was gathered from. */
export interface CodeCache {
  /** By the name of the file. */
  readonly code: ReadonlyMap<string, Buffer>;
  /** Names for runs whose code is in it, each for the files that were loaded. */
  readonly runs: readonly string[];
}

export const EMPTY: CodeCache = { code: new Map(), runs: [] };

interface Head {
  readonly runs: readonly string[];
  readonly code: readonly (readonly [name: string, size: number])[];
}

const DIGEST_SIZE = 32;
const MOST_RUNS = 64;
/** Files of other builds of the program, and of other versions of Node, that stay beside a new one. */
const MOST_FILES = 8;

/**
 * Reads a cache. V8 runs compiled code as it finds it, so what is not whole, or could have been written by somebody else, is no cache: neither is
 * what cannot be read.
 */
export function readCodeCache(path: string, owner: number | undefined): CodeCache {
  try {
    const file = openSync(path, 'r');
    let bytes: Buffer;
    try {
      const { uid, mode } = fstatSync(file);
      if (uid !== owner || (mode & 0o022) !== 0) return EMPTY;
      bytes = readFileSync(file);
    } finally {
      closeSync(file);
    }
    return parse(bytes) ?? EMPTY;
  } catch {
    return EMPTY;
  }
}

/**
 * Puts what `gather` gives in the place of a cache, in a directory whose parent is there. It saves time only: where it cannot be written, nothing is
 * gathered, and nothing fails.
 */
export function writeCodeCache(path: string, gather: () => CodeCache): void {
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

function format({ code, runs }: CodeCache): Buffer {
  const parts = [...code];
  const head: Head = { runs: runs.slice(-MOST_RUNS), code: parts.map(([name, part]) => [name, part.length]) };
  const body = Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ...parts.map(([, part]) => part)]);
  return Buffer.concat([digest(body), body]);
}

function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Where nothing can be written, nothing was.
  }
}

function parse(bytes: Buffer): CodeCache | undefined {
  const body = bytes.subarray(DIGEST_SIZE);
  if (!digest(body).equals(bytes.subarray(0, DIGEST_SIZE))) return undefined;
  const end = body.indexOf('\n');
  const head = JSON.parse(body.subarray(0, end).toString()) as Head;
  const code = new Map<string, Buffer>();
  let offset = end + 1;
  for (const [name, size] of head.code) {
    code.set(name, body.subarray(offset, offset + size));
    offset += size;
  }
  return { code, runs: head.runs };
}

function digest(body: Buffer): Buffer {
  return createHash('sha256').update(body).digest();
}

function removeOldest(directory: string, own: string): void {
  const others = readdirSync(directory)
    .filter((name) => name !== own)
    .map((name) => ({ path: join(directory, name), modified: statSync(join(directory, name)).mtimeMs }))
    .sort((a, b) => b.modified - a.modified);
  for (const { path } of others.slice(MOST_FILES)) discard(path);
}
