import { chmod, lstat, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Context } from '../../context.ts';
import { fromDigest, isSha256, sha256 } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { formatLock } from '../../lock/write-lock.ts';
import type { Applied } from '../apply.ts';
import { blobName, encodeIndex, encodeLayoutFile } from '../image/layout.ts';
import { encodeReceipt, receiptOf } from '../receipt.ts';
import { imageBlobs, platformOf } from './image-blobs.ts';

/** Lies in the layout beside `index.json`, and marks the directory as ours to replace. */
const RECEIPT = 'cogplan-receipt.json';
/** The lock that the image was made from, by the name that it has in projects. */
const LOCK = 'cogplan.lock';

/**
 * Writes an OCI image layout, with the receipt and the lock in it. Blobs are hard links into the store where the file system allows. A new layout appears as a
 * whole; an earlier one of ours is brought up to date, and shows the old image until `index.json` is replaced. Anything else than those and an
 * empty directory is COGPLAN_OUTPUT_OCCUPIED. https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export async function writeOciLayout(context: Context, applied: Applied, path: string): Promise<void> {
  const target = resolve(path);
  await context.store.exclusive(`output-${sha256(target)}`, async () => {
    if ((await checkFree(target)) === 'ours') return fill(context, applied, target);
    await mkdir(dirname(target), { recursive: true }).catch((error: Error) => throwUnmade(dirname(target), error));
    // A fixed name, so that what an interrupted run left behind is removed by the next one.
    const fresh = join(dirname(target), `.${basename(target)}.cogplan-new`);
    await rm(fresh, { recursive: true, force: true });
    try {
      await makeDirectory(fresh);
      await fill(context, applied, fresh);
      await rename(fresh, target);
    } finally {
      await rm(fresh, { recursive: true, force: true });
    }
  });
}

async function fill({ store, signal }: Context, applied: Applied, directory: string): Promise<void> {
  const blobs = imageBlobs(applied);
  const place = join(directory, 'blobs/sha256');
  for (const part of [join(directory, 'blobs'), place]) await makeDirectory(part);
  for (const { digest } of blobs.all) {
    signal.throwIfAborted();
    await store.link(fromDigest(digest), join(directory, blobName(digest)));
  }
  await writeDocument(join(directory, 'oci-layout'), encodeLayoutFile());
  await writeDocument(join(directory, RECEIPT), encodeReceipt(receiptOf(applied)));
  if (applied.lock !== undefined)
    await writeDocument(join(directory, LOCK), Buffer.from(formatLock(applied.lock), 'utf8'));
  await writeDocument(join(directory, 'index.json'), encodeIndex(blobs.manifest, platformOf(applied)));
  const current = new Set<string>(blobs.all.map(({ digest }) => fromDigest(digest)));
  for (const name of await readdir(place)) {
    if (current.has(name)) continue;
    if (isSha256(name)) await store.unlink(name, join(place, name));
    else await rm(join(place, name), { recursive: true, force: true });
  }
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
