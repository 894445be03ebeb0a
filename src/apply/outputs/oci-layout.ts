import { chmod, lstat, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Context } from '../../context.ts';
import { type Digest, fromDigest, isSha256, sha256, toDigest } from '../../digest.ts';
import { bug, CogplanError } from '../../errors.ts';
import { formatLock } from '../../lock/write-lock.ts';
import type { Store } from '../../store/store.ts';
import type { Applied } from '../apply.ts';
import { encodeImageIndex } from '../image/image-index.ts';
import { blobName, encodeIndex, encodeIndexOfIndex, encodeLayoutFile } from '../image/layout.ts';
import { MANIFEST_TYPE } from '../image/manifest.ts';
import { encodeReceipt, encodeReceipts, receiptOf, receiptsOf } from '../receipt.ts';
import { imageBlobs, platformOf } from './image-blobs.ts';

/** Lies in the layout beside `index.json`, and marks the directory as ours to replace. */
const RECEIPT = 'cogplan-receipt.json';
/** The lock that the image was made from, by the name that it has in projects. */
const LOCK = 'cogplan.lock';

/**
 * Writes an OCI image layout, with the receipt and the lock in it; images of several platforms stand in an index. Blobs are hard links into the store where the file system allows. A new layout appears as a
 * whole; an earlier one of ours is brought up to date, and shows the old image until `index.json` is replaced. Anything else than those and an
 * empty directory is COGPLAN_OUTPUT_OCCUPIED. https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export async function writeOciLayout(context: Context, images: readonly Applied[], path: string): Promise<void> {
  const target = resolve(path);
  await context.store.exclusive(`output-${sha256(target)}`, async () => {
    if ((await checkFree(target)) === 'ours') return fill(context, images, target);
    await mkdir(dirname(target), { recursive: true }).catch((error: Error) => throwUnmade(dirname(target), error));
    // A fixed name, so that what an interrupted run left behind is removed by the next one.
    const fresh = join(dirname(target), `.${basename(target)}.cogplan-new`);
    await rm(fresh, { recursive: true, force: true });
    try {
      await makeDirectory(fresh);
      await fill(context, images, fresh);
      await rename(fresh, target);
    } finally {
      await rm(fresh, { recursive: true, force: true });
    }
  });
}

async function fill({ store, signal }: Context, images: readonly Applied[], directory: string): Promise<void> {
  const { blobs, top, receipt } = await contentsOf(store, images);
  const place = join(directory, 'blobs/sha256');
  for (const part of [join(directory, 'blobs'), place]) await makeDirectory(part);
  for (const digest of blobs) {
    signal.throwIfAborted();
    await store.link(fromDigest(digest), join(directory, blobName(digest)));
  }
  await writeDocument(join(directory, 'oci-layout'), encodeLayoutFile());
  await writeDocument(join(directory, RECEIPT), receipt);
  const lock = images.at(-1)?.lock;
  if (lock !== undefined) await writeDocument(join(directory, LOCK), Buffer.from(formatLock(lock), 'utf8'));
  await writeDocument(join(directory, 'index.json'), top);
  const current = new Set<string>(blobs.map(fromDigest));
  for (const name of await readdir(place)) {
    if (current.has(name)) continue;
    if (isSha256(name)) await store.unlink(name, join(place, name));
    else await rm(join(place, name), { recursive: true, force: true });
  }
}

interface LayoutContents {
  readonly blobs: readonly Digest[];
  /** `index.json`. */
  readonly top: Buffer;
  readonly receipt: Buffer;
}

async function contentsOf(store: Store, images: readonly Applied[]): Promise<LayoutContents> {
  const each = images.map((applied) => ({ applied, blobs: imageBlobs(applied) }));
  const digests = new Set(each.flatMap(({ blobs }) => blobs.all.map(({ digest }) => digest)));
  const [first] = each;
  if (first === undefined) throw bug('a layout of no image');
  if (each.length === 1) {
    const receipt = encodeReceipt(receiptOf(first.applied));
    return { blobs: [...digests], top: encodeIndex(first.blobs.manifest, platformOf(first.applied)), receipt };
  }
  const members = each.map(({ applied, blobs }) => ({
    mediaType: MANIFEST_TYPE,
    ...blobs.manifest,
    ...platformOf(applied),
  }));
  const bytes = encodeImageIndex(members);
  await store.put(bytes);
  const index = { digest: toDigest(sha256(bytes)), size: bytes.length };
  const receipt = encodeReceipts(receiptsOf(images, index.digest));
  return { blobs: [...digests, index.digest], top: encodeIndexOfIndex(index), receipt };
}

async function checkFree(target: string): Promise<'free' | 'ours'> {
  const found = await lstat(target).catch(() => undefined);
  if (found === undefined) return 'free';
  const names = found.isDirectory() ? await readdir(target) : undefined;
  // Renaming replaces an empty directory.
  if (names?.length === 0) return 'free';
  if (names?.includes(RECEIPT)) return 'ours';
  throw new CogplanError('COGPLAN_OUTPUT_OCCUPIED', `${target} holds something that cogplan did not write`, {
    subject: target,
    hint: 'Choose another path, or remove what is there.',
  });
}

/** The system's reason is left to the cause: a missing parent is what it may say of a read-only one. */
function throwUnmade(path: string, cause: Error): never {
  throw new CogplanError('COGPLAN_FILE_SYSTEM', `the directory ${path} for the image cannot be made`, {
    subject: path,
    hint: 'Name a place that can be written: -o oci:PATH.',
    cause,
  });
}

// The modes do not depend on the caller's umask.
async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  await chmod(path, 0o755);
}

async function writeDocument(path: string, data: Uint8Array): Promise<void> {
  const fresh = `${path}.new`;
  await rm(fresh, { force: true });
  await writeFile(fresh, data, { flag: 'wx', flush: true });
  await chmod(fresh, 0o644);
  await rename(fresh, path);
}
