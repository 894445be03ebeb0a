import { lstatSync } from 'node:fs';
import { canonicalJson } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { type Digest, sha256, toDigest } from '../../digest.ts';
import { CogplanError, isCogplanError } from '../../errors.ts';
import { listSourceTree, type SourceEntry, sourceTreeDigest } from '../../spec/source-tree.ts';
import type { BuiltLayer, LayerEntry } from './entry.ts';
import { writeLayer } from './write-layer.ts';

export interface BuiltSource {
  /** Digest over path, mode, type and content of everything in the tree. */
  readonly treeDigest: Digest;
  readonly files: number;
  /** Bytes of all files. */
  readonly size: number;
  readonly layer: BuiltLayer;
}

/** Where the project lies in the image. */
const ROOT = 'src';
/** Kind of derived results: what a tree with these stamps came to. */
const KIND = 'source';
/** A file written within this time of being read may be written again without its times changing. */
const UNSETTLED_MS = 50;

/**
 * The project's source as a layer at /src, without the files in `leaveOut`. A tree in which no file's size, times or inode changed since the last time costs one look at each file.
 * COGPLAN_SOURCE_CHANGED when a file changes while it is read.
 */
export async function buildSource(
  context: Context,
  directory: string,
  options: { readonly leaveOut?: ReadonlySet<string> } = {},
): Promise<BuiltSource> {
  const { store, signal } = context;
  const listed = await listSourceTree(directory);
  const entries = listed.filter(({ path }) => options.leaveOut?.has(path) !== true);
  const stamps = stampsOf(entries);
  const key = sha256(canonicalJson(stamps.map(({ stamp }) => stamp)));
  const known = await store.getDerived<{ treeDigest: Digest; layer: { diffId: BuiltLayer['diffId']; size: number } }>(
    KIND,
    key,
  );
  const files = entries.filter((entry) => entry.type === 'file');
  const facts = { files: files.length, size: files.reduce((sum, file) => sum + file.size, 0) };
  if (known !== undefined && (await isIntact(context, known.layer))) return { ...facts, ...known };

  const started = context.now().getTime();
  const treeDigest = toDigest(await sourceTreeDigest(entries));
  const layer = await writeLayer(layerEntries(entries), store, signal);
  const after = stampsOf(entries);
  const changed = stamps.find(({ stamp }, index) => stamp !== after[index]?.stamp);
  if (changed !== undefined) throw changedWhileRead(changed.path);
  const result = { treeDigest, layer: { ...layer } };
  const settled = stamps.every(({ changedMs }) => changedMs < started - UNSETTLED_MS);
  if (settled) await store.putDerived(KIND, key, result);
  return { ...facts, ...result };
}

async function isIntact({ store }: Context, layer: BuiltLayer): Promise<boolean> {
  try {
    await store.verified(layer.diffId, layer.size, 'the source layer');
    return true;
  } catch (error) {
    if (isCogplanError(error, 'COGPLAN_BLOB_MISSING') || isCogplanError(error, 'COGPLAN_BLOB_CORRUPT')) return false;
    throw error;
  }
}

interface Stamp {
  readonly path: string;
  readonly stamp: string;
  /** Time of the last change of content or metadata. */
  readonly changedMs: number;
}

function stampsOf(entries: readonly SourceEntry[]): readonly Stamp[] {
  return entries.map((entry) => {
    const found = lstatSync(entry.absolute, { bigint: true, throwIfNoEntry: false });
    if (found === undefined) throw changedWhileRead(entry.path);
    // Directories change with every file that comes or goes, which the list itself shows.
    const times =
      entry.type === 'directory' ? '' : `${found.dev} ${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
    const target = entry.type === 'symlink' ? entry.target : '';
    const stamp = canonicalJson([entry.path, entry.type, entry.mode, target, times]);
    return { path: entry.path, stamp, changedMs: times === '' ? 0 : Number(found.ctimeMs) };
  });
}

function layerEntries(entries: readonly SourceEntry[]): readonly LayerEntry[] {
  const base = { uid: 0, gid: 0, origin: 'the project' };
  const root: LayerEntry = { ...base, type: 'directory', path: ROOT, mode: 0o755 };
  const below = entries.map((entry): LayerEntry => {
    const common = { ...base, path: `${ROOT}/${entry.path}`, mode: entry.mode };
    if (entry.type === 'directory') return { ...common, type: 'directory' };
    if (entry.type === 'symlink') return { ...common, type: 'symlink', target: entry.target };
    const content = { kind: 'slice', file: entry.absolute, offset: 0, length: entry.size } as const;
    return { ...common, type: 'file', size: entry.size, content };
  });
  return [root, ...below];
}

function changedWhileRead(path: string): CogplanError {
  return new CogplanError('COGPLAN_SOURCE_CHANGED', `${path} changed while the source was read`, {
    subject: path,
    hint: 'Run again when nothing writes to the project, or leave the file out by .dockerignore.',
  });
}
