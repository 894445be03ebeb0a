import { CogplanError } from '../../errors.ts';
import { readTarIndex, type TarMember } from '../../formats/archive/tar-reader.ts';
import type { LayerEntry } from '../layers/entry.ts';

/** A tar file to unpack, and its name in messages. */
export interface TarInput {
  readonly file: string;
  readonly what: string;
}

export interface RootDirectory {
  readonly type: 'directory';
  readonly mode: number;
  readonly children: Map<string, RootNode>;
}
/** Bytes of a tar. Hard links are one node under several names. */
export interface RootFile {
  readonly type: 'file';
  readonly mode: number;
  readonly tar: string;
  readonly offset: number;
  readonly size: number;
}
export interface RootSymlink {
  readonly type: 'symlink';
  readonly target: string;
}
export type RootNode = RootDirectory | RootFile | RootSymlink;

export interface MergeOptions {
  /** The tars are contents of Debian packages: what they have in `bin`, `lib` … goes below `usr`, with links in its place. */
  readonly usrMerge: boolean;
}

const MERGED = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'];
const MERGED_PATH = new RegExp(`^(?:${MERGED.join('|')})(?=/|$)`);
const IMPLIED_MODE = 0o755;
// https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
const WHITEOUT = '.wh.';
const OPAQUE = '.wh..opq';

/**
 * What unpacking tars one over the other leads to, without touching a file system: a later entry replaces an earlier one of any
 * type, directories are joined, whiteouts of layers take away what lies below them. An entry below something that is not a directory is refused with COGPLAN_ROOT_UNSAFE, so
 * no link can redirect what is unpacked after it.
 */
export function mergeTars(tars: readonly TarInput[], options: MergeOptions): RootDirectory {
  const root = newDirectory(IMPLIED_MODE);
  for (const tar of tars) {
    const members = readTarIndex(tar.file, tar.what);
    if (!options.usrMerge) for (const member of members) takeAway(root, member);
    for (const member of members) {
      if (!options.usrMerge && isWhiteout(member)) continue;
      if (!options.usrMerge) {
        insert(root, member, tar);
      } else if (!(member.type === 'symlink' && MERGED.includes(member.path))) {
        insert(root, usrMerged(member), tar);
      }
    }
  }
  if (options.usrMerge) linkMerged(root);
  return root;
}

/** Puts plain files, links and directories into a tree, as an unpacked layer would. */
export function addEntries(root: RootDirectory, entries: readonly LayerEntry[]): void {
  for (const entry of entries) {
    const tar = {
      file: entry.type === 'file' && entry.content.kind === 'slice' ? entry.content.file : '',
      what: entry.origin,
    };
    const { path, mode } = entry;
    const member = {
      path,
      mode,
      uid: 0,
      gid: 0,
      uname: '',
      gname: '',
      mtime: 0,
      type: entry.type,
      size: entry.type === 'file' ? entry.size : 0,
      offset: entry.type === 'file' && entry.content.kind === 'slice' ? entry.content.offset : 0,
      linkname: entry.type === 'symlink' || entry.type === 'hardlink' ? entry.target : '',
    };
    insert(root, member, tar);
  }
}

function usrMerged(member: TarMember): TarMember {
  const path = member.path.replace(MERGED_PATH, 'usr/$&');
  const linkname = member.type === 'hardlink' ? member.linkname.replace(MERGED_PATH, 'usr/$&') : member.linkname;
  return path === member.path && linkname === member.linkname ? member : { ...member, path, linkname };
}

function linkMerged(root: RootDirectory): void {
  const usr = root.children.get('usr');
  if (usr?.type !== 'directory') return;
  for (const name of MERGED) {
    if (usr.children.has(name)) root.children.set(name, { type: 'symlink', target: `usr/${name}` });
  }
}

function isWhiteout({ path }: TarMember): boolean {
  return path.slice(path.lastIndexOf('/') + 1).startsWith(WHITEOUT);
}

/** Carries out a whiteout on what lower layers gave, which comes before anything of its own layer. */
function takeAway(root: RootDirectory, member: TarMember): void {
  if (!isWhiteout(member)) return;
  const segments = member.path.split('/');
  const name = (segments.pop() ?? '').slice(WHITEOUT.length);
  let directory: RootNode | undefined = root;
  for (const segment of segments)
    directory = directory?.type === 'directory' ? directory.children.get(segment) : undefined;
  if (directory?.type !== 'directory') return;
  if (name === OPAQUE) directory.children.clear();
  else directory.children.delete(name);
}

function insert(root: RootDirectory, member: TarMember, tar: TarInput): void {
  if (member.path === '') return;
  const segments = member.path.split('/');
  const name = segments.pop() ?? '';
  if (name.startsWith(WHITEOUT)) throw unsafe(member, tar, 'is a deletion mark, which only layers of images have');
  const parent = directoryAt(root, segments, member, tar);
  const before = parent.children.get(name);
  switch (member.type) {
    case 'directory': {
      const children = before?.type === 'directory' ? before.children : new Map<string, RootNode>();
      parent.children.set(name, { type: 'directory', mode: member.mode, children });
      return;
    }
    case 'symlink':
      parent.children.set(name, { type: 'symlink', target: member.linkname });
      return;
    case 'hardlink':
      parent.children.set(name, fileAt(root, member, tar));
      return;
    case 'file': {
      const { mode, offset, size } = member;
      parent.children.set(name, { type: 'file', mode, tar: tar.file, offset, size });
    }
  }
}

function directoryAt(
  root: RootDirectory,
  segments: readonly string[],
  member: TarMember,
  tar: TarInput,
): RootDirectory {
  let directory = root;
  for (const segment of segments) {
    let next = directory.children.get(segment);
    if (next === undefined) {
      next = newDirectory(IMPLIED_MODE);
      directory.children.set(segment, next);
    }
    if (next.type !== 'directory') throw unsafe(member, tar, `lies below ${segment}, which is a ${next.type}`);
    directory = next;
  }
  return directory;
}

function fileAt(root: RootDirectory, member: TarMember, tar: TarInput): RootFile {
  let node: RootNode | undefined = root;
  for (const segment of member.linkname.split('/')) {
    node = node?.type === 'directory' ? node.children.get(segment) : undefined;
  }
  if (node?.type !== 'file') throw unsafe(member, tar, `is a hard link to ${member.linkname}, which is not a file`);
  return node;
}

function newDirectory(mode: number): RootDirectory {
  return { type: 'directory', mode, children: new Map() };
}

function unsafe(member: TarMember, tar: TarInput, problem: string): CogplanError {
  return new CogplanError('COGPLAN_ROOT_UNSAFE', `${member.path} of ${tar.what} ${problem}`, {
    subject: member.path,
    hint: 'Nothing was unpacked. A layer that cogplan wrote has no such entry: try "cogplan store verify".',
    data: { origin: tar.what },
  });
}
