import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { asSha256, type Sha256 } from '../digest.ts';
import { CogplanError } from '../errors.ts';
import { hashInto } from '../hash-file.ts';
import { type Layout, storeUnusable } from './layout.ts';
import type { Stamps } from './stamps.ts';
import type { BlobInfo, BlobWriter } from './store.ts';

const BUFFER_SIZE = 512 * 1024;
const ZEROS = Buffer.alloc(BUFFER_SIZE);

export interface BlobWriterInput {
  readonly layout: Layout;
  readonly stamps: Stamps;
  /** True when the blob lies in the store and is known to be right. */
  readonly isPresent: (sha256: Sha256) => boolean;
  readonly blobPath: (sha256: Sha256) => string;
}

/** Opens a writer on a new temporary file, or on the partial file of `resume`. */
export async function openBlobWriter(input: BlobWriterInput, resume?: Sha256): Promise<BlobWriter> {
  try {
    if (resume === undefined) {
      const path = await input.layout.temporaryPath('blob');
      return createWriter(input, { path, file: await open(path, 'wx', 0o600), hash: createHash('sha256'), size: 0 });
    }
    return createWriter(input, await openPartial(`${input.layout.partial}/${resume}.part`), true);
  } catch (error) {
    throw storeUnusable(error, input.layout.root);
  }
}

interface Target {
  readonly path: string;
  readonly file: FileHandle;
  readonly hash: Hash;
  readonly size: number;
}

async function openPartial(path: string): Promise<Target> {
  let file: FileHandle;
  try {
    file = await open(path, 'r+');
  } catch {
    await rm(path, { force: true, recursive: true });
    return { path, file: await open(path, 'wx', 0o600), hash: createHash('sha256'), size: 0 };
  }
  const hash = createHash('sha256');
  return { path, file, hash, size: await hashInto(hash, file) };
}

/** Hashing runs here while the previous buffer goes to the disk. */
function createWriter(input: BlobWriterInput, target: Target, keeps = false): BlobWriter {
  const { path, file, hash } = target;
  let state: 'open' | 'closed' = 'open';
  let size = target.size;
  let flushed = target.size;
  let buffer: Buffer = Buffer.allocUnsafe(BUFFER_SIZE);
  let spare: Buffer | undefined;
  let used = 0;
  let writing: Promise<void> = Promise.resolve();
  let endsInHole = false;

  async function flush(): Promise<void> {
    if (used === 0) return;
    const full = buffer;
    const bytes = full.subarray(0, used);
    hash.update(bytes);
    await writing;
    // Zeros are left out of the file: weights that are sparse where they come from are so in the store, and in layers.
    endsInHole = bytes.equals(ZEROS.subarray(0, used));
    writing = (endsInHole ? Promise.resolve() : writeFully(file, bytes, flushed)).then(() => {
      spare = full;
    });
    writing.catch(() => {});
    flushed += used;
    buffer = spare ?? Buffer.allocUnsafe(BUFFER_SIZE);
    spare = undefined;
    used = 0;
  }

  async function write(chunk: Uint8Array): Promise<void> {
    if (state !== 'open') throw new TypeError('the writer is closed');
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + buffer.length - used);
      buffer.set(part, used);
      used += part.length;
      size += part.length;
      at += part.length;
      if (used === buffer.length) await flush();
    }
  }

  /** Everything is in the file, whose length holds for a hole at its end too. */
  async function settle(): Promise<void> {
    await flush();
    await writing;
    if (endsInHole) await file.truncate(flushed);
  }

  async function close(keep: boolean): Promise<void> {
    if (state === 'closed') return;
    state = 'closed';
    await writing.catch(() => {});
    await file.close();
    if (!keep) await rm(path, { force: true });
  }

  async function commit(expected: { readonly sha256?: Sha256; readonly size?: number } = {}): Promise<BlobInfo> {
    if (state !== 'open') throw new TypeError('the writer is closed');
    await settle();
    const info: BlobInfo = { sha256: asSha256(hash.digest('hex')), size };
    checkExpected(info, expected);
    if (input.isPresent(info.sha256)) {
      input.stamps.touch(info.sha256);
      await close(false);
      return info;
    }
    await file.chmod(0o444);
    await file.sync();
    const before = await file.stat({ bigint: true });
    await rename(path, input.blobPath(info.sha256));
    const after = await file.stat({ bigint: true });
    if (after.mtimeNs === before.mtimeNs && after.size === BigInt(size)) input.stamps.record(info.sha256, after);
    await close(true);
    return info;
  }

  async function guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await close(false);
      throw storeUnusable(error, input.layout.root);
    }
  }

  return {
    get size() {
      return size;
    },
    write: (chunk) => guarded(() => write(chunk)),
    commit: (expected) => guarded(() => commit(expected)),
    abort: () => close(false),
    suspend: async () => {
      if (state === 'open' && keeps) await settle();
      await close(keeps && size > 0);
    },
  };
}

function checkExpected(actual: BlobInfo, expected: { readonly sha256?: Sha256; readonly size?: number }): void {
  const sizeDiffers = expected.size !== undefined && expected.size !== actual.size;
  const hashDiffers = expected.sha256 !== undefined && expected.sha256 !== actual.sha256;
  if (!sizeDiffers && !hashDiffers) return;
  const wanted = [
    expected.sha256 && `sha256 ${expected.sha256}`,
    expected.size !== undefined && `${expected.size} bytes`,
  ];
  throw new CogplanError(
    'COGPLAN_HASH_MISMATCH',
    `expected ${wanted.filter(Boolean).join(', ')}; got sha256 ${actual.sha256}, ${actual.size} bytes`,
    { subject: expected.sha256, data: { expected, actual } },
  );
}

async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}
