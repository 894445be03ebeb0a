import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Layout } from './layout.ts';
import { formatIdentity, livenessOf, parseIdentity, thisProcess } from './process-identity.ts';
import type { Store } from './store.ts';

/** The lock that `gc` holds while it decides, and a lease while it is written. */
export const LEASE_LOCK = 'gc';

/** How long what belongs to a process on another machine is left alone. */
export const FOREIGN_AGE = 7 * 86_400_000;

/** Holds names (hashes of blobs, or `kind/key` of derived results) against `gc`, as long as this process lives. */
export async function holdNames(
  layout: Layout,
  exclusive: Store['exclusive'],
  names: readonly string[],
): Promise<{ release(): Promise<void> }> {
  const path = join(layout.leases, `${formatIdentity(thisProcess)}.${randomBytes(8).toString('hex')}`);
  await exclusive(LEASE_LOCK, () => writeFile(path, names.map((name) => `${name}\n`).join(''), { mode: 0o644 }));
  return { release: () => rm(path, { force: true }) };
}

/** All names that living processes hold. Leases of dead ones are removed. */
export async function readHeldNames(layout: Layout): Promise<ReadonlySet<string>> {
  const held = new Set<string>();
  for (const name of await readdir(layout.leases)) {
    const path = join(layout.leases, name);
    if (await isAbandoned(name, path)) await rm(path, { force: true });
    else for (const line of (await readFile(path, 'utf8').catch(() => '')).split('\n')) held.add(line);
  }
  return held;
}

/** True for a file named by an identity whose process is gone. */
export async function isAbandoned(name: string, path: string): Promise<boolean> {
  const identity = parseIdentity(name);
  const liveness = identity === undefined ? 'unknown' : livenessOf(identity);
  if (liveness !== 'unknown') return liveness === 'dead';
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > FOREIGN_AGE;
}
