import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { clearAbandoned } from './clear-abandoned.ts';
import type { Layout } from './layout.ts';
import { LEASE_LOCK, readHeldNames } from './leases.ts';
import { removeTree } from './remove-tree.ts';
import type { Stamps } from './stamps.ts';
import type { Store } from './store.ts';

export interface GarbageInput {
  readonly layout: Layout;
  readonly stamps: Stamps;
  readonly exclusive: Store['exclusive'];
  readonly list: Store['list'];
  readonly blobPath: Store['blobPath'];
  readonly now: () => Date;
}

interface Tally {
  removed: number;
  bytes: number;
}

/** A partial file that changed within this time may be growing: its writer need not hold a lease. */
const PARTIAL_IDLE = 3_600_000;

/** Milliseconds: who works with leases has also made blobs, and read some, that no lease names; a use is noted to the day. */
const WORK = 86_400_000;

/**
 * Removes blobs, derived results, cached responses, quarantined and partial files that nobody kept, holds or used
 * lately, and what dead processes left in `tmp/`. While other processes are at work, what was used within a day stays. The lock it holds is the one
 * that new leases wait for.
 */
export async function collectGarbage(
  input: GarbageInput,
  options: { readonly keep: ReadonlySet<string>; readonly olderThanMs: number; readonly dryRun?: boolean },
): Promise<{ readonly removed: number; readonly bytes: number }> {
  const tally: Tally = { removed: 0, bytes: 0 };
  const dryRun = options.dryRun === true;
  const now = input.now().getTime();
  const trash = await input.layout.temporaryPath('trash');
  const discarded: string[] = [];

  async function discard(path: string, bytes: number): Promise<void> {
    tally.removed += 1;
    tally.bytes += bytes;
    if (dryRun) return;
    const place = `${trash}-${discarded.length}`;
    await rename(path, place);
    discarded.push(place);
  }

  await input.exclusive(LEASE_LOCK, async () => {
    const held = await readHeldNames(input.layout);
    const before = now - (held.byOthers ? Math.max(options.olderThanMs, WORK) : options.olderThanMs);
    const isKept = (name: string): boolean => held.names.has(name) || options.keep.has(name);
    const present = new Set<string>();
    for await (const { sha256, size } of input.list()) {
      const used = input.stamps.lastUsed(sha256) ?? (await modified(input.blobPath(sha256)));
      if (isKept(sha256) || used > before) present.add(sha256);
      else await discard(input.blobPath(sha256), size);
    }
    if (!dryRun) input.stamps.compact(present);
    for (const { path, name, size } of await listDerived(input.layout))
      if (!isKept(name) && (await modified(path)) <= before) await discard(path, size);
    const idleSince = Math.min(before, now - PARTIAL_IDLE);
    for (const path of await listFiles(input.layout.partial))
      if (!isKept(basename(path, '.part')) && (await modified(path)) <= idleSince)
        await discard(path, await sizeOf(path));
    for (const directory of [input.layout.quarantine, input.layout.responses])
      for (const path of await listFiles(directory))
        if ((await modified(path)) <= before) await discard(path, await sizeOf(path));
  });
  if (dryRun) return tally;
  for (const path of discarded) await removeTree(path);
  await clearAbandoned(input.layout);
  await rm(trash, { force: true, recursive: true });
  return tally;
}

async function listDerived(
  layout: Layout,
): Promise<readonly { readonly path: string; readonly name: string; readonly size: number }[]> {
  const found = [];
  for (const kind of await readdir(layout.derived)) {
    for (const entry of await readdir(join(layout.derived, kind)).catch(() => [])) {
      const path = join(layout.derived, kind, entry);
      found.push({ path, name: `${kind}/${entry.replace(/\.json$/, '')}`, size: await sizeOf(path) });
    }
  }
  return found;
}

async function listFiles(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function modified(path: string): Promise<number> {
  return (await lstat(path).catch(() => undefined))?.mtimeMs ?? Number.POSITIVE_INFINITY;
}

async function sizeOf(path: string): Promise<number> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return 0;
  if (!found.isDirectory()) return found.size;
  let total = 0;
  for (const name of await readdir(path).catch(() => [])) total += await sizeOf(join(path, name));
  return total;
}
