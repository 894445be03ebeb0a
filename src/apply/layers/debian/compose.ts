import { compareBytes } from '../../../canonical.ts';
import { CogplanError } from '../../../errors.ts';
import type { TarMember } from '../../../formats/archive/tar-reader.ts';
import type { DebPackage } from './deb-package.ts';
import { MERGED_DIRECTORIES, mergeUsrPath, requiredLinks } from './merged-usr.ts';
import { resolveClash } from './resolve-clash.ts';

/** One path of the tree that packages make together. `owner` is absent for what only their layout implies. */
export interface ComposedNode {
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly owner: DebPackage | undefined;
  /** Target of a symlink, verbatim. */
  readonly target: string;
  /** The member that holds a file's bytes; the same member at several paths is one file with hard links. */
  readonly body: TarMember | undefined;
}

export interface ComposedTree {
  readonly nodes: ReadonlyMap<string, ComposedNode>;
}

export interface ComposeOptions {
  readonly architecture: string;
  readonly packages: readonly DebPackage[];
}

/**
 * The tree of unpacked packages with a merged /usr, as dpkg leaves it on an empty disk: each path once; of two packages with
 * one file the one that replaces the other wins, anything else is COGPLAN_DEB_CONFLICT; a directory keeps the owner and mode
 * that differ from root's 0755, if a package gives it any. Independent of the order of the packages.
 */
export async function composeTree({ architecture, packages }: ComposeOptions): Promise<ComposedTree> {
  const sorted = [...packages].sort((a, b) => compareBytes(a.input.name, b.input.name));
  const links = directoryLinks(sorted);
  const nodes = new Map<string, ComposedNode>();
  for (const name of requiredLinks(architecture)) addNode(nodes, impliedLink(name));
  for (const owner of sorted) {
    const bodies = bodiesOf(owner);
    for (const member of owner.members) {
      if (member.path === '') continue;
      const node = toNode(member, { owner, links, bodies });
      const before = nodes.get(node.path);
      if (before === undefined || before === node) addNode(nodes, node);
      else if (before.type === 'directory' && node.type === 'directory') addNode(nodes, mergeDirectories(before, node));
      else if (MERGED_DIRECTORIES.includes(node.path)) addNode(nodes, node.type === 'symlink' ? node : before);
      else for (const left of await resolveClash(before, node)) addNode(nodes, left);
    }
  }
  addParents(nodes);
  return { nodes };
}

/** Links to directories that some package ships as a directory: what that one puts below goes through the link, as in dpkg. */
function directoryLinks(packages: readonly DebPackage[]): ReadonlyMap<string, string> {
  const directories = new Set<string>();
  const symlinks = new Map<string, string>();
  for (const { members } of packages) {
    for (const { path, type, linkname } of members) {
      const merged = mergeUsrPath(path, type === 'symlink' ? 'link' : 'other');
      if (type === 'directory') directories.add(merged);
      else if (type === 'symlink') symlinks.set(merged, linkname);
    }
  }
  const links = new Map<string, string>();
  for (const [path, target] of symlinks) {
    const resolved = resolveTarget(path, target);
    if (directories.has(path) && resolved !== undefined) links.set(path, mergeUsrPath(resolved, 'other'));
  }
  return links;
}

/** The canonical path a link names, or `undefined` when it leaves the tree. */
function resolveTarget(path: string, target: string): string | undefined {
  const segments = target.startsWith('/') ? [] : path.split('/').slice(0, -1);
  for (const segment of target.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') segments.push(segment);
    else if (segments.pop() === undefined) return undefined;
  }
  return segments.join('/');
}

const MAX_LINKS = 20;

function followLinks(path: string, links: ReadonlyMap<string, string>, isDirectory: boolean): string {
  if (links.size === 0) return path;
  let current = path;
  for (let step = 0; step < MAX_LINKS; step++) {
    const next = followOnce(current, links, isDirectory);
    if (next === current) return current;
    current = next;
  }
  throw new CogplanError('COGPLAN_DEB_CONFLICT', `/${path} leads through links in a circle`, { subject: `/${path}` });
}

function followOnce(path: string, links: ReadonlyMap<string, string>, isDirectory: boolean): string {
  for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
    const target = links.get(path.slice(0, slash));
    if (target !== undefined) return target + path.slice(slash);
  }
  return (isDirectory ? links.get(path) : undefined) ?? path;
}

interface NodeFacts {
  readonly owner: DebPackage;
  readonly links: ReadonlyMap<string, string>;
  readonly bodies: ReadonlyMap<string, TarMember>;
}

function toNode(member: TarMember, { owner, links, bodies }: NodeFacts): ComposedNode {
  const { type } = member;
  const merged = mergeUsrPath(member.path, type === 'symlink' ? 'link' : 'other');
  const body = type === 'hardlink' ? bodies.get(member.linkname) : type === 'file' ? member : undefined;
  // The mode and owner of a hard link are those of its file.
  const { mode, uid, gid } = body ?? member;
  return {
    path: followLinks(merged, links, type === 'directory'),
    type: type === 'hardlink' ? 'file' : type,
    mode: type === 'symlink' ? 0o777 : mode,
    uid,
    gid,
    owner,
    target: type === 'symlink' ? member.linkname : '',
    body,
  };
}

function bodiesOf(owner: DebPackage): ReadonlyMap<string, TarMember> {
  const bodies = new Map<string, TarMember>();
  if (!owner.members.some(({ type }) => type === 'hardlink')) return bodies;
  for (const member of owner.members) {
    const body = member.type === 'file' ? member : member.type === 'hardlink' ? bodies.get(member.linkname) : undefined;
    if (body !== undefined) bodies.set(member.path, body);
  }
  return bodies;
}

function addNode(nodes: Map<string, ComposedNode>, node: ComposedNode): void {
  nodes.set(node.path, node);
}

function mergeDirectories(before: ComposedNode, node: ComposedNode): ComposedNode {
  if (isPlain(node)) return before;
  if (isPlain(before)) return node;
  // base-files lays down the hierarchy; otherwise the first by name has said so already.
  return node.owner?.input.name === 'base-files' ? node : before;
}

function isPlain({ mode, uid, gid }: ComposedNode): boolean {
  return mode === 0o755 && uid === 0 && gid === 0;
}

function impliedLink(name: string): ComposedNode {
  return { ...impliedDirectory(name), type: 'symlink', mode: 0o777, target: `usr/${name}` };
}

function impliedDirectory(path: string): ComposedNode {
  return { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, owner: undefined, target: '', body: undefined };
}

function addParents(nodes: Map<string, ComposedNode>): void {
  for (const name of MERGED_DIRECTORIES) {
    const link = nodes.get(name);
    const target = `usr/${name}`;
    if (link?.type === 'symlink' && !nodes.has(target)) nodes.set(target, impliedDirectory(target));
  }
  for (const path of [...nodes.keys()]) {
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const parent = path.slice(0, slash);
      const there = nodes.get(parent);
      if (there === undefined) nodes.set(parent, impliedDirectory(parent));
      else if (there.type === 'directory') break;
      else {
        throw new CogplanError('COGPLAN_DEB_CONFLICT', `/${parent} is no directory, but /${path} lies below it`, {
          subject: `/${path}`,
          hint: 'The packages cannot be installed together.',
        });
      }
    }
  }
}
