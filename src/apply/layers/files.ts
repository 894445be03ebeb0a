import { compareBytes } from '../../canonical.ts';
import { CogplanError } from '../../errors.ts';
import type { FileInput, FilesRecipe } from '../recipe.ts';
import type { BuildEnvironment, LayerBuilder } from './builder.ts';
import type { FileEntry, LayerEntry } from './entry.ts';
import { staleBytecode } from './stale-bytecode.ts';
import { standardMode } from './standard-modes.ts';
import { unpackedEntries, unpackedFile } from './unpack.ts';

/**
 * Files put at places of the image, in order: a later one replaces what an earlier one put at the same path, directories are joined. Everything belongs to 0:0.
 * COGPLAN_FILES_CONFLICT when something lies below a path that is a file or a link.
 */
export const buildFilesLayer: LayerBuilder<FilesRecipe> = async (recipe, environment) => {
  const entries = new Map<string, LayerEntry>();
  const parents = new Set<string>();
  for (const input of recipe.files) {
    for (const entry of await entriesOf(input, environment)) put(entries, parents, entry);
  }
  for (const path of [...entries.keys()]) addParents(entries, path);
  for (const entry of [...entries.values()]) {
    if (recipe.cacheTag === undefined || entry.type === 'directory') continue;
    const stale = staleBytecode(entry.path, recipe.cacheTag);
    if (stale === undefined || entries.has(stale.path)) continue;
    entries.set(stale.path, stale);
    addParents(entries, stale.path);
  }
  return [...entries.values()].sort((a, b) => compareBytes(a.path, b.path));
};

async function entriesOf(input: FileInput, environment: BuildEnvironment): Promise<readonly LayerEntry[]> {
  const { path, kind, mode } = input;
  const base = { path, mode, uid: 0, gid: 0, origin: path };
  if (kind === 'symlink') return [{ ...base, mode: 0o777, type: 'symlink', target: input.target ?? '' }];
  if (kind === 'directory') {
    const directories: readonly LayerEntry[] = path === '' ? [] : [{ ...base, type: 'directory' }];
    if (input.sha256 === undefined || input.unpack === undefined) return directories;
    return [
      ...directories,
      ...(await unpackedEntries({ ...input, sha256: input.sha256, unpack: input.unpack }, environment)),
    ];
  }
  const content = await contentOf(input, environment);
  const size = content.kind === 'bytes' ? content.data.length : content.length;
  return [{ ...base, type: 'file', size, content }];
}

async function contentOf(input: FileInput, environment: BuildEnvironment): Promise<FileEntry['content']> {
  if (input.sha256 === undefined) return { kind: 'bytes', data: Buffer.from(input.text ?? '', 'utf8') };
  return unpackedFile({ path: input.path, sha256: input.sha256, format: input.unpack?.format }, environment);
}

function put(entries: Map<string, LayerEntry>, parents: Set<string>, entry: LayerEntry): void {
  if (entry.type !== 'directory' && parents.has(entry.path)) {
    // What lay in a directory goes with it.
    for (const path of [...entries.keys()]) if (path.startsWith(`${entry.path}/`)) entries.delete(path);
  }
  entries.set(entry.path, entry);
  for (let slash = entry.path.lastIndexOf('/'); slash > 0; slash = entry.path.lastIndexOf('/', slash - 1)) {
    const parent = entry.path.slice(0, slash);
    if (parents.has(parent)) return;
    parents.add(parent);
  }
}

function addParents(entries: Map<string, LayerEntry>, path: string): void {
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    const parent = path.slice(0, slash);
    const known = entries.get(parent);
    if (known === undefined) {
      const base = { path: parent, uid: 0, gid: 0, origin: path };
      entries.set(parent, { ...base, type: 'directory', mode: standardMode(parent) });
    } else if (known.type !== 'directory') {
      throw new CogplanError('COGPLAN_FILES_CONFLICT', `/${path} lies below /${parent}, which is a ${known.type}`, {
        subject: `/${path}`,
        hint: 'Two lines of build.run put different things at one place.',
      });
    }
  }
}
