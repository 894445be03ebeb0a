import { compareBytes } from '../../canonical.ts';
import { bug, CogplanError } from '../../errors.ts';
import type { LayerEntry } from './entry.ts';

/**
 * Holds a layer's entries to the contract of `LayerBuilder` before a byte is written: canonical paths in byte-wise order, each once,
 * below directories of the same layer; hardlinks that name an earlier file and repeat its metadata. Names that OCI layers reserve for
 * deletions are refused with COGPLAN_LAYER_NAME; everything else is a bug of the builder.
 */
export function checkEntries(entries: readonly LayerEntry[]): void {
  const seen = new Map<string, LayerEntry>();
  let previous: LayerEntry | undefined;
  for (const entry of entries) {
    checkPath(entry);
    if (previous !== undefined && compareBytes(previous.path, entry.path) >= 0) {
      const problem = previous.path === entry.path ? 'stands twice in' : 'breaks the byte-wise order of';
      throw bug(`${entry.path} (${entry.origin}) ${problem} the layer, after ${previous.path} (${previous.origin})`);
    }
    checkParent(entry, seen);
    if (entry.type === 'hardlink') checkHardlink(entry, seen.get(entry.target));
    seen.set(entry.path, entry);
    previous = entry;
  }
}

function checkPath(entry: LayerEntry): void {
  if (entry.path.includes('\0') || ('target' in entry && (entry.target === '' || entry.target.includes('\0')))) {
    throw bug(`${entry.path} (${entry.origin}) has a name or a target that tar cannot hold`);
  }
  const segments = entry.path.split('/');
  for (const [index, segment] of segments.entries()) {
    if (segment === '' || segment === '.' || segment === '..') {
      throw bug(`${JSON.stringify(entry.path)} (${entry.origin}) is not a canonical path`);
    }
    // https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
    const isWhiteout = entry.type === 'file' && entry.whiteout === true && index === segments.length - 1;
    if (segment.startsWith('.wh.') && !isWhiteout) {
      throw new CogplanError('COGPLAN_LAYER_NAME', `${entry.origin} holds ${entry.path}, a name that images reserve`, {
        subject: entry.path,
        hint: 'A name that begins with ".wh." means "deleted" in an image layer. Rename the file or leave it out.',
      });
    }
  }
}

function checkParent(entry: LayerEntry, seen: ReadonlyMap<string, LayerEntry>): void {
  const slash = entry.path.lastIndexOf('/');
  if (slash === -1) return;
  const parent = seen.get(entry.path.slice(0, slash));
  if (parent?.type !== 'directory') {
    throw bug(`${entry.path} (${entry.origin}) lies below ${parent === undefined ? 'nothing' : `a ${parent.type}`}`);
  }
}

function checkHardlink(link: LayerEntry & { readonly type: 'hardlink' }, target: LayerEntry | undefined): void {
  if (target?.type !== 'file') {
    throw bug(`hardlink ${link.path} (${link.origin}) names ${link.target}, which is no earlier file`);
  }
  // Unpackers set mode and owner from the link's own header too, so a difference would change the file.
  if (link.mode !== target.mode || link.uid !== target.uid || link.gid !== target.gid) {
    throw bug(`hardlink ${link.path} (${link.origin}) differs from ${link.target} in mode or owner`);
  }
}
