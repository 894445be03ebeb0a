import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compareBytes } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import type { Sha256 } from '../../digest.ts';
import { mergeTars, type TarInput } from './root-tree.ts';
import { writeTree } from './write-tree.ts';

export interface RootChange {
  /** Without leading slash. */
  readonly path: string;
  readonly change: 'added' | 'changed' | 'removed';
  /** Of what is there now; absent for what was removed. */
  readonly type?: 'file' | 'directory' | 'symlink' | 'other';
  readonly mode?: number;
  /** Bytes of a file. */
  readonly size?: number;
  /** Of a symbolic link. */
  readonly target?: string;
}

/** A root of one's own: what runs in it may write anywhere. */
export interface WritableRoot {
  readonly path: string;
  /**
   * What differs from the layers, byte-wise sorted, without what lies in `/proc`, `/dev` and `/tmp`. Times alone do not count for directories; a file that was written again
   * with the same content counts.
   */
  changes(): readonly RootChange[];
  dispose(): Promise<void>;
}

/** Longer than the clock that files are stamped with takes for a step. */
const SETTLE_MS = 20;
/** Mount points of the sandbox. */
const IGNORED = new Set(['dev', 'proc', 'sys', 'tmp']);

/** Unpacks layers, which are in the store, into a private directory. */
export async function openWritableRoot(
  context: Context,
  layers: readonly { readonly diffId: Sha256 }[],
): Promise<WritableRoot> {
  const tars: TarInput[] = [];
  for (const { diffId } of layers) {
    const what = `layer sha256:${diffId}`;
    tars.push({ file: await context.store.verified(diffId, undefined, what), what });
  }
  const scratch = await context.store.scratch('root');
  try {
    await writeTree(mergeTars(tars, { usrMerge: false }), scratch.path, context.signal);
    const before = snapshot(scratch.path);
    await sleep(SETTLE_MS);
    return {
      path: scratch.path,
      changes: () => compare(before, snapshot(scratch.path), scratch.path),
      dispose: scratch.dispose,
    };
  } catch (error) {
    await scratch.dispose();
    throw error;
  }
}

type Snapshot = ReadonlyMap<string, BigIntStats>;

function snapshot(root: string): Snapshot {
  const found = new Map<string, BigIntStats>();
  const visit = (directory: string): void => {
    for (const name of readdirSync(join(root, directory))) {
      if (directory === '' && IGNORED.has(name)) continue;
      const path = directory === '' ? name : `${directory}/${name}`;
      const stat = lstatSync(join(root, path), { bigint: true });
      found.set(path, stat);
      if (stat.isDirectory()) visit(path);
    }
  };
  visit('');
  return found;
}

function compare(before: Snapshot, after: Snapshot, root: string): readonly RootChange[] {
  const changes: RootChange[] = [];
  for (const [path, stat] of after) {
    const old = before.get(path);
    if (old === undefined) changes.push({ path, change: 'added', ...describe(stat, join(root, path)) });
    else if (isChanged(old, stat)) changes.push({ path, change: 'changed', ...describe(stat, join(root, path)) });
  }
  for (const path of before.keys()) if (!after.has(path)) changes.push({ path, change: 'removed' });
  return changes.sort((a, b) => compareBytes(a.path, b.path));
}

function isChanged(before: BigIntStats, after: BigIntStats): boolean {
  if (before.mode !== after.mode) return true;
  if (after.isDirectory()) return false;
  return before.ino !== after.ino || before.size !== after.size || before.ctimeNs !== after.ctimeNs;
}

function describe(stat: BigIntStats, path: string): Omit<RootChange, 'path' | 'change'> {
  const mode = Number(stat.mode & 0o7777n);
  if (stat.isDirectory()) return { type: 'directory', mode };
  if (stat.isSymbolicLink()) return { type: 'symlink', mode, target: readlinkSync(path) };
  if (stat.isFile()) return { type: 'file', mode, size: Number(stat.size) };
  return { type: 'other', mode };
}
