import { closeSync, lstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { compareBytes } from '../../canonical.ts';
import { readTarIndex, type TarMember } from '../../formats/archive/tar-reader.ts';
import type { LayerEntry } from '../layers/entry.ts';
import { staleBytecode, whiteout } from '../layers/stale-bytecode.ts';
import { standardMode } from '../layers/standard-modes.ts';
import type { RootChange } from '../sandbox/writable-root.ts';
import { isLeftOut } from './left-out.ts';

export interface StepOutcome {
  /** Directory of the root after the command. */
  readonly root: string;
  readonly changes: readonly RootChange[];
  /** Tars of the layers below, bottom first. */
  readonly below: readonly string[];
  /** Paths that the sandbox made to mount something on. */
  readonly mounted: readonly string[];
  readonly cacheTag: string;
  /** Names the step in messages. */
  readonly origin: string;
}

interface Before {
  readonly member: TarMember;
  readonly tar: string;
}

/**
 * The layer that turns what lies below a step into what the step left. A file written again with the bytes, mode and owner that it had is no change; what is
 * removed becomes a whiteout; caches, logs, bytecode, sockets and pipes are left out. Owners are those of what was there before, else 0:0.
 */
export function stepEntries(outcome: StepOutcome): readonly LayerEntry[] {
  const before = indexOf(outcome.below);
  const mounted = new Set(outcome.mounted.map((path) => path.replace(/^\//, '')));
  const entries = new Map<string, LayerEntry>();
  const removed = new Set(outcome.changes.filter(({ change }) => change === 'removed').map(({ path }) => path));
  for (const change of outcome.changes) {
    const { path } = change;
    if ((change.change !== 'removed' && isLeftOut(path)) || mounted.has(path)) continue;
    if (change.change === 'removed') {
      if (removed.has(parentOf(path)) || !isDirectory(outcome.root, parentOf(path))) continue;
      const mark = whiteout(path, outcome.origin);
      entries.set(mark.path, mark);
      continue;
    }
    const entry = entryOf(change, outcome, before.get(path));
    if (entry === undefined) continue;
    entries.set(entry.path, entry);
    const stale = entry.type === 'directory' ? undefined : staleBytecode(path, outcome.cacheTag);
    if (stale !== undefined && before.has(path)) entries.set(stale.path, stale);
  }
  for (const path of [...entries.keys()]) addParents(entries, path, outcome, before);
  return [...entries.values()].sort((a, b) => compareBytes(a.path, b.path));
}

function indexOf(tars: readonly string[]): ReadonlyMap<string, Before> {
  const found = new Map<string, Before>();
  for (const tar of tars) {
    const bodies = new Map<string, TarMember>();
    for (const member of readTarIndex(tar, tar)) {
      const body = member.type === 'hardlink' ? (bodies.get(member.linkname) ?? member) : member;
      bodies.set(member.path, body);
      found.set(member.path, { member: body, tar });
    }
  }
  return found;
}

function entryOf(change: RootChange, outcome: StepOutcome, before: Before | undefined): LayerEntry | undefined {
  const { path, type, mode = 0 } = change;
  const { uid = 0, gid = 0 } = before?.member ?? {};
  const base = { path, mode: modeOf(mode, type, before?.member), uid, gid, origin: outcome.origin };
  switch (type) {
    case 'directory':
      return before?.member.type === 'directory' && before.member.mode === base.mode
        ? undefined
        : { ...base, type: 'directory' };
    case 'symlink':
      if (before?.member.type === 'symlink' && before.member.linkname === change.target) return undefined;
      return { ...base, mode: 0o777, type: 'symlink', target: change.target ?? '' };
    case 'file': {
      const file = join(outcome.root, path);
      const size = change.size ?? 0;
      if (before !== undefined && before.member.mode === base.mode && hasContent(before, file, size)) return undefined;
      return { ...base, type: 'file', size, content: { kind: 'slice', file, offset: 0, length: size } };
    }
    default:
      return undefined;
  }
}

/** Unpacking gives files and directories of a root modes that their owner can work with: a mode that was left alone is the one before. */
function modeOf(mode: number, type: RootChange['type'], before: TarMember | undefined): number {
  if (before === undefined || before.type !== type) return mode;
  const unpacked = (before.mode & ~0o6000) | (type === 'directory' ? 0o700 : 0o400);
  return mode === unpacked ? before.mode : mode;
}

function hasContent({ member, tar }: Before, file: string, size: number): boolean {
  if (member.type !== 'file' || member.size !== size) return false;
  const [a, b] = [openSync(tar, 'r'), openSync(file, 'r')];
  try {
    const [left, right] = [Buffer.allocUnsafe(1024 * 1024), Buffer.allocUnsafe(1024 * 1024)];
    for (let done = 0; done < size; ) {
      const wanted = Math.min(left.length, size - done);
      const got = readSync(a, left, 0, wanted, member.offset + done);
      if (got === 0 || readSync(b, right, 0, got, done) !== got) return false;
      if (!left.subarray(0, got).equals(right.subarray(0, got))) return false;
      done += got;
    }
    return true;
  } finally {
    closeSync(a);
    closeSync(b);
  }
}

function addParents(
  entries: Map<string, LayerEntry>,
  path: string,
  { origin }: StepOutcome,
  before: ReadonlyMap<string, Before>,
): void {
  for (let parent = parentOf(path); parent !== ''; parent = parentOf(parent)) {
    if (entries.has(parent)) return;
    const known = before.get(parent)?.member;
    const own = known?.type === 'directory' ? known : { mode: standardMode(parent), uid: 0, gid: 0 };
    entries.set(parent, { type: 'directory', path: parent, mode: own.mode, uid: own.uid, gid: own.gid, origin });
  }
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash === -1 ? '' : path.slice(0, slash);
}

function isDirectory(root: string, path: string): boolean {
  return lstatSync(join(root, path), { throwIfNoEntry: false })?.isDirectory() === true;
}
