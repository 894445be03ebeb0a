import { closeSync, openSync, readSync } from 'node:fs';
import { compareBytes } from '../../../canonical.ts';
import { bug, CogplanError } from '../../../errors.ts';
import type { TarMember } from '../../../formats/archive/tar-reader.ts';
import type { LayerEntry } from '../entry.ts';
import type { ComposedNode } from './compose.ts';
import type { DebPackage } from './deb-package.ts';

/** One path of the configured tree. Content is `data`, or the body that `owner` ships. */
export interface TreeNode {
  readonly type: 'file' | 'directory' | 'symlink';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly target: string;
  readonly data: Buffer | undefined;
  readonly body: TarMember | undefined;
  readonly owner: DebPackage | undefined;
  /** What put it there last, for messages. */
  readonly origin: string;
}

export interface WriteOptions {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

const MAX_LINKS = 40;
const MAX_FILE = 64 * 1024 * 1024;

/**
 * The tree that packages make, changed the way installing them would change it. Paths are given absolute, or canonical
 * without the leading slash; links on the way are followed inside the tree. Only what differs from the packages becomes a
 * layer.
 */
export class ConfiguredTree {
  readonly #nodes = new Map<string, TreeNode>();
  readonly #children = new Map<string, Set<string>>();
  readonly #packaged = new Set<string>();
  readonly #changed = new Set<string>();
  /** Named in entries made from now on. */
  origin = 'configuration';

  constructor(packaged: ReadonlyMap<string, ComposedNode>) {
    for (const [path, node] of packaged) {
      this.#packaged.add(path);
      this.#set(path, { ...node, data: undefined, origin: node.owner?.origin ?? 'merged /usr' });
    }
  }

  /** The canonical path of what `path` names: links in its directories are followed, and the last one with `follow`. */
  resolve(path: string, follow: boolean): string {
    let links = 0;
    let resolved: string[] = [];
    let pending = segmentsOf(path);
    while (pending.length > 0) {
      const [segment, ...rest] = pending;
      pending = rest;
      if (segment === undefined || segment === '.') continue;
      if (segment === '..') {
        resolved = resolved.slice(0, -1);
        continue;
      }
      const node = this.#nodes.get([...resolved, segment].join('/'));
      if (node?.type === 'symlink' && (follow || pending.length > 0)) {
        if (++links > MAX_LINKS) throw this.#error(path, 'leads through links in a circle');
        if (node.target.startsWith('/')) resolved = [];
        pending = [...segmentsOf(node.target), ...pending];
      } else resolved = [...resolved, segment];
    }
    return resolved.join('/');
  }

  /** What lies at a path, itself; `undefined` where nothing does. The root is no node. */
  get(path: string): TreeNode | undefined {
    return this.#nodes.get(this.resolve(path, false));
  }

  /** What a path leads to, through links. */
  getTarget(path: string): TreeNode | undefined {
    return this.#nodes.get(this.resolve(path, true));
  }

  isDirectory(path: string): boolean {
    const resolved = this.resolve(path, true);
    return resolved === '' || this.#nodes.get(resolved)?.type === 'directory';
  }

  /** Names in a directory, byte-wise sorted; none where there is no directory. */
  list(path: string): readonly string[] {
    return [...(this.#children.get(this.resolve(path, true)) ?? [])].sort(compareBytes);
  }

  /** Canonical paths of all that a directory holds, links among them but not what they lead to; parents first. */
  below(path: string): readonly string[] {
    const top = this.resolve(path, true);
    const inner = [...(this.#children.get(top) ?? [])].sort(compareBytes);
    return inner
      .map((name) => (top === '' ? name : `${top}/${name}`))
      .flatMap((child) => {
        return this.#nodes.get(child)?.type === 'directory' ? [child, ...this.below(child)] : [child];
      });
  }

  /** Canonical paths with their nodes, in no particular order. */
  entries(): Iterable<readonly [string, TreeNode]> {
    return this.#nodes;
  }

  read(path: string): Buffer | undefined {
    const node = this.getTarget(path);
    if (node?.type !== 'file') return undefined;
    if (node.body === undefined) return node.data ?? Buffer.alloc(0);
    if (node.body.size > MAX_FILE) throw this.#error(path, 'is too large to be read');
    return this.readPart(node, 0, node.body.size);
  }

  readText(path: string): string | undefined {
    return this.read(path)?.toString('utf8');
  }

  /** Bytes of a file, cut off at its end. */
  readPart(node: TreeNode, offset: number, length: number): Buffer {
    if (node.body === undefined) return (node.data ?? Buffer.alloc(0)).subarray(offset, offset + length);
    const { body, owner } = node;
    if (owner === undefined) throw bug('a packaged file without a package');
    const wanted = Math.max(0, Math.min(length, body.size - offset));
    const buffer = Buffer.alloc(wanted);
    const fd = openSync(owner.dataFile, 'r');
    try {
      const read = readSync(fd, buffer, 0, wanted, body.offset + offset);
      return buffer.subarray(0, read);
    } finally {
      closeSync(fd);
    }
  }

  /** Writes a file through links; a new one gets 0644 and root unless told otherwise, an old one keeps what it has. */
  write(path: string, content: Buffer | string, options: WriteOptions = {}): void {
    const resolved = this.resolve(path, true);
    const before = this.#nodes.get(resolved);
    if (before?.type === 'directory') throw this.#error(path, 'is a directory');
    this.#change(resolved, {
      type: 'file',
      mode: options.mode ?? before?.mode ?? 0o644,
      uid: options.uid ?? before?.uid ?? 0,
      gid: options.gid ?? before?.gid ?? 0,
      target: '',
      data: Buffer.from(content),
      body: undefined,
      owner: undefined,
      origin: this.origin,
    });
  }

  /** Writes a file that is generated for the whole tree, with the directories it lies in. */
  generate(path: string, content: Buffer | string, options: WriteOptions = {}): void {
    this.makeDirectory(path.slice(0, path.lastIndexOf('/')), { parents: true });
    this.write(path, content, options);
  }

  append(path: string, content: string): void {
    this.write(path, Buffer.concat([this.read(path) ?? Buffer.alloc(0), Buffer.from(content)]));
  }

  /** A copy of a file with its mode and owner; a link is copied as what it leads to. */
  copy(from: string, to: string): void {
    const node = this.getTarget(from);
    if (node?.type !== 'file') throw this.#error(from, 'is copied, but is no file');
    const target = this.isDirectory(to) ? `${to}/${from.replace(/^.*\//, '')}` : to;
    this.#change(this.resolve(target, true), { ...node, origin: this.origin });
  }

  move(from: string, to: string): void {
    const source = this.resolve(from, false);
    const node = this.#nodes.get(source);
    if (node === undefined || node.type === 'directory') throw this.#error(from, 'is moved, but is no file');
    this.#change(this.resolve(to, false), { ...node, origin: this.origin });
    this.#delete(source);
  }

  /** A symbolic link; without `force`, something that is there already stays. A directory that has the name gets the link inside. */
  link(path: string, target: string, force: boolean): void {
    const resolved = this.resolve(path, false);
    const before = this.#nodes.get(resolved);
    if (before?.type === 'directory') {
      this.link(`${path}/${target.replace(/^.*\//, '')}`, target, force);
      return;
    }
    if (before !== undefined && !force) throw this.#error(path, 'is linked, but is there already');
    this.#change(resolved, { ...newNode('symlink', this.origin), mode: 0o777, target });
  }

  /** Does nothing where a directory is, so its mode stays. */
  makeDirectory(
    path: string,
    { parents, mode }: { readonly parents: boolean; readonly mode?: number | undefined },
  ): void {
    if (this.isDirectory(path)) {
      if (!parents) throw this.#error(path, 'is made, but is there already');
      return;
    }
    const resolved = this.resolve(path, true);
    const segments = resolved.split('/');
    for (let count = 1; count < segments.length; count++) {
      const parent = segments.slice(0, count).join('/');
      if (this.#nodes.has(parent)) continue;
      if (!parents) throw this.#error(path, 'lies in no directory');
      this.#change(parent, newNode('directory', this.origin));
    }
    this.#change(resolved, { ...newNode('directory', this.origin), mode: mode ?? 0o755 });
  }

  chmod(path: string, change: (mode: number, type: TreeNode['type']) => number): void {
    const [resolved, node] = this.#required(path, true);
    const mode = change(node.mode, node.type);
    if (mode !== node.mode) this.#change(resolved, { ...node, mode });
  }

  chown(path: string, { uid, gid }: { readonly uid?: number | undefined; readonly gid?: number | undefined }): void {
    const [resolved, node] = this.#required(path, true);
    const owner = { uid: uid ?? node.uid, gid: gid ?? node.gid };
    if (owner.uid !== node.uid || owner.gid !== node.gid) this.#change(resolved, { ...node, ...owner });
  }

  /** Removes a file or link, or a directory with `recursive` or when it is empty. What is not there, or not empty, stays so. */
  remove(path: string, recursive: boolean): void {
    const resolved = this.resolve(path, false);
    const node = this.#nodes.get(resolved);
    if (node === undefined) return;
    const children = this.#children.get(resolved);
    if (node.type === 'directory' && children !== undefined && children.size > 0) {
      if (!recursive) return;
      for (const name of [...children]) this.remove(`${resolved}/${name}`, true);
    }
    this.#delete(resolved);
  }

  /**
   * Entries of the layer that turns the packages' files into this tree. What a package ships cannot be taken away by a layer
   * on top of it, only replaced: COGPLAN_DEB_REMOVAL.
   */
  changes(): readonly LayerEntry[] {
    for (const path of this.#packaged) if (!this.#nodes.has(path)) this.#refuseRemoval(path);
    const chosen = new Set<string>();
    for (const path of this.#changed) {
      for (let current = path; current !== '' && !chosen.has(current); current = parentOf(current)) chosen.add(current);
    }
    return [...chosen].sort(compareBytes).map((path) => this.#toEntry(path));
  }

  #toEntry(path: string): LayerEntry {
    const node = this.#nodes.get(path);
    if (node === undefined) throw bug(`/${path} has changed, but is not there`);
    const { mode, uid, gid, origin, body, owner } = node;
    const base = { path, mode, uid, gid, origin };
    if (node.type === 'directory') return { ...base, type: 'directory' };
    if (node.type === 'symlink') return { ...base, type: 'symlink', target: node.target };
    if (body === undefined || owner === undefined) {
      const data = node.data ?? Buffer.alloc(0);
      return { ...base, type: 'file', size: data.length, content: { kind: 'bytes', data } };
    }
    const content = { kind: 'slice', file: owner.dataFile, offset: body.offset, length: body.size } as const;
    return { ...base, type: 'file', size: body.size, content };
  }

  #refuseRemoval(path: string): void {
    // A directory that became a link or file takes what was below it away by itself.
    for (let parent = parentOf(path); parent !== ''; parent = parentOf(parent)) {
      const node = this.#nodes.get(parent);
      if (node !== undefined && node.type !== 'directory') return;
    }
    throw new CogplanError(
      'COGPLAN_DEB_REMOVAL',
      `installing the packages would remove /${path}, which one of them ships`,
      {
        subject: `/${path}`,
        hint: 'Leave out the package that removes it, or the one that ships it.',
      },
    );
  }

  #required(path: string, follow: boolean): readonly [string, TreeNode] {
    const resolved = this.resolve(path, follow);
    const node = this.#nodes.get(resolved);
    if (node === undefined) throw this.#error(path, 'is changed, but is not there');
    return [resolved, node];
  }

  #change(path: string, node: TreeNode): void {
    if (path === '') throw this.#error('/', 'is the root');
    const parent = parentOf(path);
    if (parent !== '' && this.#nodes.get(parent)?.type !== 'directory') throw this.#error(path, 'lies in no directory');
    this.#set(path, node);
    this.#changed.add(path);
  }

  #set(path: string, node: TreeNode): void {
    this.#nodes.set(path, node);
    const parent = parentOf(path);
    const names = this.#children.get(parent);
    const name = path.slice(parent === '' ? 0 : parent.length + 1);
    if (names === undefined) this.#children.set(parent, new Set([name]));
    else names.add(name);
  }

  #delete(path: string): void {
    this.#nodes.delete(path);
    this.#changed.delete(path);
    this.#children.get(parentOf(path))?.delete(path.replace(/^.*\//, ''));
  }

  #error(path: string, problem: string): CogplanError {
    const shown = path.startsWith('/') ? path : `/${path}`;
    return new CogplanError('COGPLAN_DEB_EFFECT', `${this.origin}: ${shown} ${problem}`, {
      subject: shown,
      hint: 'The packages cannot be configured together without running their scripts.',
    });
  }
}

function newNode(type: TreeNode['type'], origin: string): TreeNode {
  return { type, mode: 0o755, uid: 0, gid: 0, target: '', data: undefined, body: undefined, owner: undefined, origin };
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}
