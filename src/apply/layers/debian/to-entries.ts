import { compareBytes } from '../../../canonical.ts';
import type { TarMember } from '../../../formats/archive/tar-reader.ts';
import type { LayerEntry } from '../entry.ts';
import type { ComposedNode } from './compose.ts';

/**
 * Entries for some nodes of a tree and for the directories they lie in, byte-wise sorted by path. Of several paths with one
 * body the first is the file and the others are hard links to it.
 */
export function toEntries(
  nodes: ReadonlyMap<string, ComposedNode>,
  kept: readonly ComposedNode[],
): readonly LayerEntry[] {
  const chosen = new Map(kept.map((node) => [node.path, node]));
  for (const { path } of kept) {
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const parent = path.slice(0, slash);
      const node = nodes.get(parent);
      if (node === undefined || chosen.has(parent)) break;
      chosen.set(parent, node);
    }
  }
  const firsts = new Map<TarMember, string>();
  return [...chosen.values()]
    .sort((a, b) => compareBytes(a.path, b.path))
    .map((node) => {
      const first = node.body === undefined ? undefined : firsts.get(node.body);
      if (node.body !== undefined && first === undefined) firsts.set(node.body, node.path);
      return toEntry(node, first);
    });
}

function toEntry(node: ComposedNode, first: string | undefined): LayerEntry {
  const { path, mode, uid, gid, owner, body } = node;
  const base = { path, mode, uid, gid, origin: owner?.origin ?? 'merged /usr' };
  if (node.type === 'directory') return { ...base, type: 'directory' };
  if (node.type === 'symlink') return { ...base, type: 'symlink', target: node.target };
  if (first !== undefined) return { ...base, type: 'hardlink', target: first };
  return {
    ...base,
    type: 'file',
    size: body?.size ?? 0,
    content: { kind: 'slice', file: owner?.dataFile ?? '', offset: body?.offset ?? 0, length: body?.size ?? 0 },
    ...(body?.capability === undefined ? {} : { capability: body.capability }),
  };
}
