import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { lockPath } from './exclusive.ts';
import type { Layout } from './layout.ts';
import { formatIdentity, livenessOf, parseIdentity, thisProcess } from './process-identity.ts';
import type { Store } from './store.ts';

/** The lock that `gc` holds from before it reads leases until it has removed what it will. */
export const LEASE_LOCK = 'gc';

/** How long what belongs to a process on another machine is left alone. */
export const FOREIGN_AGE = 7 * 86_400_000;

/**
 * Names in use: hashes of blobs, or `kind/key` of derived results. A lease is written first and then waits for a
 * collection that is under way, so that a collection has either seen it or is over.
 */
export interface Leases {
  /** Until released, or until this process ends. */
  hold(names: readonly string[]): Promise<{ release(): Promise<void> }>;
  /** Until this process ends. */
  holdForGood(name: string): Promise<void>;
}

export function createLeases(layout: Layout, exclusive: Store['exclusive']): Leases {
  const own = formatIdentity(thisProcess);
  const forGood = new Set<string>();
  const lock = lockPath(layout, LEASE_LOCK);
  if (isMainThread) removedAtExit.add(layout.leases);

  async function afterCollection(): Promise<void> {
    if (existsSync(lock)) await exclusive(LEASE_LOCK, async () => {});
  }

  return {
    hold: async (names) => {
      const path = join(layout.leases, `${own}.${randomBytes(8).toString('hex')}`);
      await writeFile(path, formatNames(names), { mode: 0o644 });
      await afterCollection();
      return { release: () => rm(path, { force: true }) };
    },
    holdForGood: async (name) => {
      if (!forGood.has(name)) {
        appendFileSync(join(layout.leases, `${own}.held`), formatNames([name]), { mode: 0o644 });
        forGood.add(name);
      }
      await afterCollection();
    },
  };
}

function formatNames(names: readonly string[]): string {
  return names.map((name) => `${name}\n`).join('');
}

/** Lease directories of which this process clears its own files when it ends; worker threads leave that to the main one. */
const removedAtExit = new Set<string>();
process.once('exit', () => {
  const own = `${formatIdentity(thisProcess)}.`;
  for (const directory of removedAtExit) {
    try {
      for (const name of readdirSync(directory)) if (name.startsWith(own)) rmSync(join(directory, name));
    } catch {
      // A later collection sees that their owner is gone.
    }
  }
});

export interface HeldNames {
  readonly names: ReadonlySet<string>;
  /** Other processes hold some of them. */
  readonly byOthers: boolean;
}

/** All names that living processes hold. Leases of dead ones are removed. */
export async function readHeldNames(layout: Layout): Promise<HeldNames> {
  const own = `${formatIdentity(thisProcess)}.`;
  const names = new Set<string>();
  let byOthers = false;
  for (const name of await readdir(layout.leases)) {
    const path = join(layout.leases, name);
    if (await isAbandoned(name, path)) {
      await rm(path, { force: true });
      continue;
    }
    for (const line of (await readFile(path, 'utf8').catch(() => '')).split('\n')) names.add(line);
    byOthers ||= !name.startsWith(own);
  }
  return { names, byOthers };
}

/** True for a file named by an identity whose process is gone. */
export async function isAbandoned(name: string, path: string): Promise<boolean> {
  const identity = parseIdentity(name);
  const liveness = identity === undefined ? 'unknown' : livenessOf(identity);
  if (liveness !== 'unknown') return liveness === 'dead';
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > FOREIGN_AGE;
}
