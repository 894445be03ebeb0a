import { chmod, lstat, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Context } from '../../context.ts';
import { fromDigest, sha256 } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import type { Applied } from '../apply.ts';
import { blobName, encodeIndex, encodeLayoutFile } from '../image/layout.ts';
import { encodeReceipt, receiptOf } from '../receipt.ts';
import { imageBlobs, platformOf } from './image-blobs.ts';

/** Lies in the layout beside `index.json`, and marks the directory as ours to replace. */
const RECEIPT = 'cogplan-receipt.json';

/**
 * Writes an OCI image layout, with the receipt in it, as a directory that appears as a whole. Blobs are hard links into the store where the file
 * system allows. An earlier layout of ours and an empty directory are replaced; anything else is COGPLAN_OUTPUT_OCCUPIED.
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export async function writeOciLayout(context: Context, applied: Applied, path: string): Promise<void> {
  const target = resolve(path);
  await context.store.exclusive(`output-${sha256(target)}`, async () => {
    await checkFree(target);
    await mkdir(dirname(target), { recursive: true });
    // Fixed names, so that what an interrupted run left behind is removed by the next one.
    const fresh = join(dirname(target), `.${basename(target)}.cogplan-new`);
    const old = join(dirname(target), `.${basename(target)}.cogplan-old`);
    await removeAll(fresh);
    await removeAll(old);
    try {
      await fill(context, applied, fresh);
      if (await exists(target)) await rename(target, old);
      await rename(fresh, target);
    } finally {
      await removeAll(fresh);
      await removeAll(old);
    }
  });
}

async function fill({ store, signal }: Context, applied: Applied, directory: string): Promise<void> {
  const blobs = imageBlobs(applied);
  for (const part of [directory, join(directory, 'blobs'), join(directory, 'blobs/sha256')]) await makeDirectory(part);
  for (const blob of blobs.all) {
    signal.throwIfAborted();
    await store.link(fromDigest(blob.digest), join(directory, blobName(blob.digest)));
  }
  await writePlainFile(join(directory, 'oci-layout'), encodeLayoutFile());
  await writePlainFile(join(directory, 'index.json'), encodeIndex(blobs.manifest, platformOf(applied)));
  await writePlainFile(join(directory, RECEIPT), encodeReceipt(receiptOf(applied)));
}

async function checkFree(target: string): Promise<void> {
  const found = await lstat(target).catch(() => undefined);
  if (found === undefined) return;
  if (found.isDirectory()) {
    const names = await readdir(target);
    if (names.length === 0 || names.includes(RECEIPT)) return;
  }
  throw new CogplanError('COGPLAN_OUTPUT_OCCUPIED', `${target} holds something that cogplan did not write`, {
    subject: target,
    hint: 'Choose another path, or remove what is there.',
  });
}

// The modes do not depend on the caller's umask.
async function makeDirectory(path: string): Promise<void> {
  await mkdir(path);
  await chmod(path, 0o755);
}

async function writePlainFile(path: string, data: Uint8Array): Promise<void> {
  await writeFile(path, data, { flag: 'wx', flush: true });
  await chmod(path, 0o644);
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

async function removeAll(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}
