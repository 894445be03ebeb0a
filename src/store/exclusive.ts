import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { CogplanError } from '../errors.ts';
import { acquireFileLock } from './file-lock.ts';
import { type Layout, storeUnusable } from './layout.ts';
import type { ExclusiveOptions, Store } from './store.ts';

/** Queues within the process first, so that only one of its tasks waits on the file. */
export function createExclusive(layout: Layout): Store['exclusive'] {
  const tails = new Map<string, Promise<void>>();

  return async function exclusive<T>(name: string, work: () => Promise<T>, options: ExclusiveOptions = {}): Promise<T> {
    const before = tails.get(name) ?? Promise.resolve();
    let finish = (): void => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const tail = before.then(() => finished);
    tails.set(name, tail);
    try {
      await untilAborted(before, options.signal);
      const release = await acquireFileLock(lockPath(layout, name), layout.temporaryPath, options).catch((error) => {
        throw storeUnusable(error, layout.root);
      });
      try {
        return await work();
      } finally {
        await release();
      }
    } finally {
      finish();
      if (tails.get(name) === tail) tails.delete(name);
    }
  };
}

/** Readable where the name allows it, and never two names for one file. */
export function lockPath(layout: Layout, name: string): string {
  const readable = name.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 80);
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 16);
  return join(layout.locks, `${readable}.${hash}`);
}

async function untilAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return promise;
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () =>
      reject(new CogplanError('COGPLAN_INTERRUPTED', 'interrupted while waiting for a lock', { cause: signal.reason }));
  });
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort);
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
