import { chmod, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Context } from '../../context.ts';
import { sha256 } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import type { Span } from '../../events.ts';
import type { Applied } from '../apply.ts';
import { encodeReceipt, receiptOf } from '../receipt.ts';
import { imageArchive } from './image-archive.ts';

/**
 * Writes the image as a tar file, replacing a file there, and the receipt beside it as `PATH.receipt.json`. The file appears
 * as a whole. COGPLAN_OUTPUT_OCCUPIED where something else than a file stands.
 */
export async function writeTarFile(context: Context, applied: Applied, path: string, span: Span): Promise<void> {
  const target = resolve(path);
  await context.store.exclusive(`output-${sha256(target)}`, async () => {
    await checkReplaceable(target);
    await mkdir(dirname(target), { recursive: true });
    const archive = await imageArchive(context, applied);
    await writeWhole(target, tracked(archive.read(), archive.size, span, context.signal));
    await writeWhole(`${target}.receipt.json`, [encodeReceipt(receiptOf(applied))]);
  });
}

async function checkReplaceable(target: string): Promise<void> {
  const found = await lstat(target).catch(() => undefined);
  if (found === undefined || found.isFile()) return;
  throw new CogplanError('COGPLAN_OUTPUT_OCCUPIED', `${target} is not a plain file`, {
    subject: target,
    hint: 'Choose another path, or remove what is there.',
  });
}

async function* tracked(
  parts: AsyncIterable<Uint8Array>,
  total: number,
  span: Span,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let done = 0;
  for await (const part of parts) {
    signal.throwIfAborted();
    yield part;
    done += part.length;
    span.progress(done, total);
  }
}

async function writeWhole(target: string, parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
  const fresh = join(dirname(target), `.${basename(target)}.cogplan-new`);
  await rm(fresh, { force: true });
  try {
    const file = await open(fresh, 'wx', 0o644);
    try {
      for await (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await chmod(fresh, 0o644);
    await rename(fresh, target);
  } finally {
    await rm(fresh, { force: true });
  }
}
