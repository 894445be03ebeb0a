import { closeSync, openSync, readSync } from 'node:fs';
import { mergeTars, type RootDirectory, type RootFile, type RootNode } from '../../apply/sandbox/root-tree.ts';

/** The files of a base as its layers lay them one over the other, read where the layers' tars lie. */
export interface BaseTree {
  /** What a path leads to, links followed inside the tree; undefined where nothing lies. */
  find(path: string): RootNode | undefined;
  /** Names in a directory, in no particular order. */
  list(path: string): readonly string[];
  /** The content of a file of at most `maxBytes`. */
  read(path: string, maxBytes: number): Buffer | undefined;
  /** The target of a link at the path itself. */
  linkAt(path: string): string | undefined;
}

const MAX_LINKS = 40;

/** `tars` bottom first. Fails with COGPLAN_ROOT_UNSAFE and COGPLAN_ARCHIVE_INVALID where a layer is hostile. */
export function openBaseTree(tars: readonly { readonly file: string; readonly what: string }[]): BaseTree {
  const root = mergeTars(tars, { usrMerge: false });
  const find = (path: string): RootNode | undefined => walk(root, path, true);
  return {
    find,
    list: (path) => {
      const node = find(path);
      return node?.type === 'directory' ? [...node.children.keys()] : [];
    },
    read: (path, maxBytes) => {
      const node = find(path);
      return node?.type === 'file' && node.size <= maxBytes ? readNode(node) : undefined;
    },
    linkAt: (path) => {
      const node = walk(root, path, false);
      return node?.type === 'symlink' ? node.target : undefined;
    },
  };
}

function walk(root: RootDirectory, path: string, follow: boolean): RootNode | undefined {
  let links = 0;
  let trail: RootNode[] = [root];
  let pending = path.split('/');
  while (pending.length > 0) {
    const [segment = '', ...rest] = pending;
    pending = rest;
    if (segment === '' || segment === '.') continue;
    if (segment === '..') {
      if (trail.length > 1) trail = trail.slice(0, -1);
      continue;
    }
    const here = trail.at(-1);
    const next = here?.type === 'directory' ? here.children.get(segment) : undefined;
    if (next === undefined) return undefined;
    if (next.type === 'symlink' && (follow || pending.some((part) => part !== ''))) {
      if (++links > MAX_LINKS) return undefined;
      if (next.target.startsWith('/')) trail = [root];
      pending = [...next.target.split('/'), ...pending];
    } else trail = [...trail, next];
  }
  return trail.at(-1);
}

function readNode({ tar, offset, size }: RootFile): Buffer {
  const buffer = Buffer.alloc(size);
  const descriptor = openSync(tar, 'r');
  try {
    for (let done = 0; done < size; ) {
      const got = readSync(descriptor, buffer, done, size - done, offset + done);
      if (got === 0) break;
      done += got;
    }
    return buffer;
  } finally {
    closeSync(descriptor);
  }
}
