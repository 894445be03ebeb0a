import { createHash } from 'node:crypto';
import { type BigIntStats, constants, lstatSync } from 'node:fs';
import { chmod, copyFile, lstat, link as makeLink, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { compareBytes } from '../canonical.ts';
import { asSha256, sha256 as hashOf, isSha256, type Sha256 } from '../digest.ts';
import { CogplanError } from '../errors.ts';
import { hashInto } from '../hash-file.ts';
import { type BlobWriterInput, openBlobWriter } from './blob-writer.ts';
import { type Layout, makeDirectory, storeUnusable } from './layout.ts';
import type { Stamps } from './stamps.ts';
import type { BlobInfo, BlobWriter, Store } from './store.ts';

type BlobStore = Pick<Store, 'blobPath' | 'stat' | 'verified' | 'put' | 'writer' | 'link' | 'unlink' | 'list'> & {
  /** Reads a blob whatever its stamp says; a wrong one is moved to `quarantine/`. Returns the hash found. */
  reread(sha256: Sha256, onBytes?: (count: number) => void): Promise<string>;
};

export function createBlobs(layout: Layout, stamps: Stamps): BlobStore {
  const rereads = new Map<string, Promise<string>>();
  const blobPath = (sha256: Sha256): string => join(layout.blobs, sha256);

  const isPresent = (sha256: Sha256): boolean => {
    const found = statNow(blobPath(sha256));
    return found?.isFile() === true && stamps.matches(sha256, found);
  };
  const writerInput: BlobWriterInput = { layout, stamps, isPresent, blobPath };

  async function reread(sha256: Sha256, onBytes?: (count: number) => void): Promise<string> {
    const path = blobPath(sha256);
    const found = await hashFile(path, onBytes);
    if (found.sha256 === sha256) stamps.record(sha256, found.stat);
    else await setAside(path, sha256);
    return found.sha256;
  }

  async function setAside(path: string, sha256: Sha256): Promise<void> {
    await makeDirectory(layout.quarantine);
    const target = join(layout.quarantine, `${sha256}.${Date.now()}`);
    await rename(path, target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw storeUnusable(error, layout.root);
    });
  }

  function rereadOnce(sha256: Sha256): Promise<string> {
    const running = rereads.get(sha256);
    if (running !== undefined) return running;
    const started = reread(sha256).finally(() => rereads.delete(sha256));
    rereads.set(sha256, started);
    return started;
  }

  async function verified(sha256: Sha256, size: number | undefined, what: string): Promise<string> {
    const path = blobPath(sha256);
    const found = statNow(path);
    if (found === undefined) throw missing(sha256, what);
    if (found.isFile() && stamps.matches(sha256, found)) stamps.touch(sha256);
    else {
      const actual = await rereadOnce(sha256).catch((error: NodeJS.ErrnoException) => {
        throw error.code === 'ENOENT' ? missing(sha256, what) : storeUnusable(error, layout.root);
      });
      if (actual !== sha256) throw corrupt(sha256, actual, what);
    }
    if (size !== undefined && Number(found.size) !== size) {
      throw new CogplanError(
        'COGPLAN_HASH_MISMATCH',
        `${what}: the content of sha256 ${sha256} has ${found.size} bytes, not ${size}`,
        { subject: what, hint: 'The size was not written by cogplan: restore the lock, or run `cogplan lock`.' },
      );
    }
    return path;
  }

  async function put(
    data: Uint8Array | AsyncIterable<Uint8Array>,
    expected: { readonly sha256?: Sha256; readonly size?: number } = {},
  ): Promise<BlobInfo> {
    if (data instanceof Uint8Array && isPresent(hashOf(data))) {
      const info: BlobInfo = { sha256: hashOf(data), size: data.length };
      const asExpected = (expected.sha256 ?? info.sha256) === info.sha256 && (expected.size ?? info.size) === info.size;
      if (asExpected) {
        stamps.touch(info.sha256);
        return info;
      }
    }
    const writer = await openBlobWriter(writerInput);
    try {
      if (data instanceof Uint8Array) await writer.write(data);
      else for await (const chunk of data) await writer.write(chunk);
      return await writer.commit(expected);
    } finally {
      await writer.abort();
    }
  }

  async function link(sha256: Sha256, target: string): Promise<void> {
    const path = await verified(sha256, undefined, target);
    const before = lstatSync(path, { bigint: true });
    const there = statNow(target);
    if (there !== undefined && there.ino === before.ino && there.dev === before.dev) return;
    const temporary = join(dirname(target), `.${sha256}.${process.pid}.tmp`);
    await rm(temporary, { force: true });
    try {
      await makeLink(path, temporary).catch(async () => {
        await copyFile(path, temporary, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
        await chmod(temporary, 0o444);
      });
      await rename(temporary, target);
    } finally {
      await rm(temporary, { force: true });
    }
    recordUntouched(sha256, before);
  }

  async function unlink(sha256: Sha256, target: string): Promise<void> {
    const before = statNow(blobPath(sha256));
    const known = before !== undefined && stamps.matches(sha256, before);
    await rm(target, { force: true });
    if (known) recordUntouched(sha256, before);
  }

  /** Follows a change of the number of links, which moves the change time and nothing else. */
  function recordUntouched(sha256: Sha256, before: BigIntStats): void {
    const after = statNow(blobPath(sha256));
    const untouched = after?.ino === before.ino && after.mtimeNs === before.mtimeNs && after.size === before.size;
    if (after !== undefined && untouched) stamps.record(sha256, after);
  }

  async function* list(): AsyncGenerator<BlobInfo> {
    for (const name of (await readdir(layout.blobs)).sort(compareBytes)) {
      const found = isSha256(name) ? statNow(join(layout.blobs, name)) : undefined;
      if (found?.isFile()) yield { sha256: asSha256(name), size: Number(found.size) };
    }
  }

  return {
    blobPath,
    stat: async (sha256) => {
      const found = await lstat(blobPath(sha256)).catch(() => undefined);
      return found?.isFile() ? { sha256, size: found.size } : undefined;
    },
    verified,
    put,
    writer: (options): Promise<BlobWriter> => openBlobWriter(writerInput, options?.resume),
    link,
    unlink,
    list,
    reread,
  };
}

/** Synchronous on purpose: the fast path of `verified` is two system calls, and a promise costs more than both. */
function statNow(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

async function hashFile(
  path: string,
  onBytes: ((count: number) => void) | undefined,
): Promise<{ readonly sha256: string; readonly stat: BigIntStats }> {
  const stat = await lstat(path, { bigint: true });
  if (!stat.isFile()) return { sha256: 'none: not a regular file', stat };
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const opened = await file.stat({ bigint: true });
    const hash = createHash('sha256');
    await hashInto(hash, file, { onBytes });
    return { sha256: hash.digest('hex'), stat: opened };
  } finally {
    await file.close();
  }
}

function missing(sha256: Sha256, what: string): CogplanError {
  return new CogplanError('COGPLAN_BLOB_MISSING', `${what} (sha256 ${sha256}) is not in the store`, {
    subject: what,
    hint: 'Run `cogplan apply` with the network on: it fetches what is missing.',
    data: { sha256 },
  });
}

function corrupt(sha256: Sha256, actual: string, what: string): CogplanError {
  return new CogplanError(
    'COGPLAN_BLOB_CORRUPT',
    `${what}: the stored blob should have sha256 ${sha256} but has ${actual}; it was set aside in quarantine/`,
    {
      subject: what,
      hint: 'Run the command again with the network on to fetch it anew; if this repeats, check the disk.',
      data: { expected: sha256, actual },
    },
  );
}
