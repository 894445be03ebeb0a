import {
  chmodSync,
  closeSync,
  fchmodSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { CogplanError } from '../../errors.ts';
import type { RootDirectory, RootFile } from './root-tree.ts';

const BUFFER = 4 * 1024 * 1024;
/** Entries between two looks at the signal; in between, this thread does nothing else. */
const BATCH = 256;
// The unpacked files belong to the caller, who must be able to remove them again; nobody gains rights by running one.
const DIRECTORY_ALWAYS = 0o700;
const FILE_ALWAYS = 0o400;
const NEVER = 0o6000;

interface Writer {
  readonly buffer: Buffer;
  readonly tars: Map<string, number>;
  readonly umask: number;
  /** Where files with several names were written first. */
  readonly written: Map<RootFile, string>;
  readonly signal: AbortSignal | undefined;
  count: number;
}

/**
 * Writes a merged tree into an empty directory, as the calling user: modes without setuid and setgid, no owners, no times. Every path is made
 * new below directories that were made new, so nothing that exists is followed or replaced.
 */
export async function writeTree(tree: RootDirectory, directory: string, signal?: AbortSignal): Promise<void> {
  const buffer = Buffer.allocUnsafe(BUFFER);
  const writer: Writer = { buffer, tars: new Map(), umask: process.umask(), written: new Map(), signal, count: 0 };
  try {
    await writeChildren(writer, tree, directory);
  } finally {
    for (const descriptor of writer.tars.values()) closeSync(descriptor);
  }
}

async function writeChildren(writer: Writer, tree: RootDirectory, directory: string): Promise<void> {
  for (const [name, node] of tree.children) {
    if (++writer.count % BATCH === 0) {
      await setImmediate();
      writer.signal?.throwIfAborted();
    }
    const path = `${directory}/${name}`;
    switch (node.type) {
      case 'symlink':
        symlinkSync(node.target, path);
        break;
      case 'file':
        writeFile(writer, node, path);
        break;
      case 'directory':
        mkdirSync(path, 0o700);
        await writeChildren(writer, node, path);
        chmodSync(path, (node.mode & ~NEVER) | DIRECTORY_ALWAYS);
    }
  }
}

function writeFile(writer: Writer, file: RootFile, path: string): void {
  const earlier = writer.written.get(file);
  if (earlier !== undefined) {
    linkSync(earlier, path);
    return;
  }
  const mode = (file.mode & ~NEVER) | FILE_ALWAYS;
  const target = openSync(path, 'wx', mode);
  try {
    if ((mode & writer.umask) !== 0) fchmodSync(target, mode);
    const source = descriptorOf(writer, file.tar);
    for (let done = 0; done < file.size; ) {
      const got = readSync(source, writer.buffer, 0, Math.min(BUFFER, file.size - done), file.offset + done);
      if (got === 0)
        throw new CogplanError('COGPLAN_CONTENT_CHANGED', `${file.tar} became shorter`, { subject: file.tar });
      for (let sent = 0; sent < got; ) sent += writeSync(target, writer.buffer, sent, got - sent);
      done += got;
    }
  } finally {
    closeSync(target);
  }
  writer.written.set(file, path);
}

function descriptorOf(writer: Writer, tar: string): number {
  const known = writer.tars.get(tar);
  if (known !== undefined) return known;
  const opened = openSync(tar, 'r');
  writer.tars.set(tar, opened);
  return opened;
}
