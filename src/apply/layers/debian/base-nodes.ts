import { readTarIndex, type TarMember } from '../../../formats/archive/tar-reader.ts';
import type { ComposedNode } from './compose.ts';
import type { DebPackage } from './deb-package.ts';

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..opq';

/**
 * The tree that the layers of an image make, bottom first, as nodes that packages can be laid over. Whiteouts take away what lower layers gave, before
 * anything of their own layer. https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
 */
export function baseNodes(
  tars: readonly { readonly file: string; readonly what: string }[],
): Map<string, ComposedNode> {
  const nodes = new Map<string, ComposedNode>();
  for (const tar of tars) {
    const members = readTarIndex(tar.file, tar.what);
    const own: TarMember[] = [];
    for (const member of members) {
      const slash = member.path.lastIndexOf('/') + 1;
      const name = member.path.slice(slash);
      if (name === `${WHITEOUT}${OPAQUE}`) removeBelow(nodes, member.path.slice(0, Math.max(0, slash - 1)));
      else if (name.startsWith(WHITEOUT)) remove(nodes, `${member.path.slice(0, slash)}${name.slice(WHITEOUT.length)}`);
      else if (member.path !== '') own.push(member);
    }
    const owner = pseudoPackage(tar);
    for (const member of own) {
      const { path, type, mode, uid, gid, linkname } = member;
      const before = nodes.get(path);
      if (before?.type === 'directory' && type !== 'directory') removeBelow(nodes, path);
      const common = { path, mode, uid, gid, target: '', body: undefined, owner };
      if (type === 'hardlink') {
        const body = nodes.get(linkname);
        if (body !== undefined) nodes.set(path, { ...body, path });
      } else if (type === 'symlink') nodes.set(path, { ...common, type, target: linkname });
      else if (type === 'directory') nodes.set(path, { ...common, type });
      else nodes.set(path, { ...common, type, body: member });
    }
  }
  addImplied(nodes);
  return nodes;
}

/** Layers need not name the directories that their members lie in. */
function addImplied(nodes: Map<string, ComposedNode>): void {
  for (const path of [...nodes.keys()]) {
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const parent = path.slice(0, slash);
      if (nodes.has(parent)) break;
      const owner = undefined;
      nodes.set(parent, {
        path: parent,
        type: 'directory',
        mode: 0o755,
        uid: 0,
        gid: 0,
        target: '',
        body: undefined,
        owner,
      });
    }
  }
}

function pseudoPackage({ file, what }: { readonly file: string; readonly what: string }): DebPackage {
  return {
    input: { name: '', version: '', architecture: '', sha256: '' as DebPackage['input']['sha256'] },
    origin: what,
    dataFile: file,
    members: [],
    readControl: () => Promise.reject(new Error('a layer is no package')),
  };
}

function remove(nodes: Map<string, ComposedNode>, path: string): void {
  nodes.delete(path);
  removeBelow(nodes, path);
}

function removeBelow(nodes: Map<string, ComposedNode>, path: string): void {
  const start = path === '' ? '' : `${path}/`;
  for (const other of [...nodes.keys()]) if (other.startsWith(start) && other !== path) nodes.delete(other);
}
