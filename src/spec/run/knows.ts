import { posix } from 'node:path';
import type { Placement } from './run-reading.ts';
import type { RunState } from './run-state.ts';

/** What lies at a path: `absent` only where nothing but the commands puts anything. */
export type Known = 'file' | 'directory' | 'absent' | 'unknown';

/** Top-level directories that packages of Debian own (FHS 3.0, section 3). Packages are kept from all others, and from those below (Debian Policy 9.1). */
const OWNED = new Set(
  'bin boot dev etc home lib lib32 lib64 libx32 media mnt opt proc root run sbin srv sys tmp usr var'.split(' '),
);
const LEFT_ALONE = ['/opt', '/srv', '/home', '/mnt', '/media', '/src', '/tmp', '/var/tmp', '/root'];
/** What a new root's home holds. */
const HOME_FILES = /^\/root\/\.(?:bashrc|profile|ssh|config|local)(?:\/|$)/;

/** What lies at an absolute path when the next command is run, links followed. */
export function knownAt(state: RunState, path: string, hops = 0): Known {
  const item = state.at(path);
  if (item?.kind === 'symlink') {
    return hops > 8 ? 'unknown' : knownAt(state, posix.resolve(posix.dirname(path), item.target ?? ''), hops + 1);
  }
  if (item !== undefined) return item.kind;
  // Which of those an image has depends on its processor, or on the project.
  const isSure = state.isStandard(path) && !/-linux-gnu$|^\/src$|^\/lib64$/.test(path);
  if (isSure || state.below(path).length > 0) return 'directory';
  const isNoProgram = PATH.includes(posix.dirname(path)) && hasProgram(state, posix.basename(path)) === false;
  return isNoProgram || isAbsent(state, path) ? 'absent' : 'unknown';
}

/** Whether nothing can lie at a path that no command is known to have put there. */
function isAbsent(state: RunState, path: string): boolean {
  const { onImage, foreignArchives, files } = state.surroundings;
  if (onImage || state.steps.length > 0 || isWithinOpaque(state, path)) return false;
  if (files.some((file) => isWithin(file.path, path) || (file.whole && isWithin(path, file.path)))) return false;
  // Where the project comes to lie.
  if (path === '/src') return false;
  const [, top = ''] = path.split('/');
  if (!OWNED.has(top)) return top !== '';
  if (foreignArchives && top === 'opt') return false;
  return LEFT_ALONE.some((folder) => isWithin(path, folder) && path !== folder) && !HOME_FILES.test(path);
}

/** In a directory whose files are not known: a tree, an unpacked archive, weights, or behind a link. */
function isWithinOpaque(state: RunState, path: string): boolean {
  if (state.weights.some((weights) => isWithin(path, weights.path) || isWithin(weights.path, path))) return true;
  for (let at = path; ; at = posix.dirname(at)) {
    const item = state.at(at);
    if (item !== undefined && isOpaque(item)) return true;
    // What one path holds may be what unpacking filled later: the directory of an archive may be placed by another line too.
    if (state.placements.some((other) => other.path === at && isOpaque(other))) return true;
    if (at === '/') return false;
  }
}

function isOpaque({ kind, git, unpack }: Placement): boolean {
  return kind === 'symlink' || git !== undefined || (unpack !== undefined && kind === 'directory');
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}

const PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
/** Programs of every image: Debian's essential packages, and the interpreter. */
const ALWAYS = new Set(
  'sh bash ls cat cp mv rm mkdir rmdir ln chmod chown touch tar gzip gunzip sed grep egrep find xargs head tail sort uniq wc cut tr echo printf test true false env id date dpkg apt-get python python3 pip pip3 perl base64 sha256sum md5sum uname ldconfig mktemp tee'.split(
    ' ',
  ),
);
/** Packages that hold a program of their own name. */
const BY_PACKAGE = new Set(
  'curl wget git ffmpeg unzip zip jq cmake make gcc g++ rsync sudo vim nano aria2 ninja-build git-lfs'.split(' '),
);
/** Programs of no package of Debian's. */
const OF_NO_PACKAGE = new Set(['pget']);

/** Whether a program is on the search path; undefined where that is not known. */
export function hasProgram(state: RunState, name: string): boolean | undefined {
  if (name.includes('/')) return undefined;
  for (const folder of PATH) {
    const item = state.at(posix.join(folder, name));
    if (item?.kind === 'file' && ((item.mode ?? 0o644) & 0o111) !== 0) return true;
    if (item !== undefined) return undefined;
  }
  if (ALWAYS.has(name)) return true;
  if (BY_PACKAGE.has(name) && state.systemPackages.some(({ value }) => value.replace(/[=/:].*$/, '') === name))
    return true;
  const { onImage, foreignArchives, files } = state.surroundings;
  const isPlaced = files.some(({ path, whole }) => whole || posix.basename(path) === name);
  const isInstalled = state.requirements.some(({ value }) => value.toLowerCase().startsWith(name));
  return OF_NO_PACKAGE.has(name) &&
    !onImage &&
    !foreignArchives &&
    !isPlaced &&
    !isInstalled &&
    !state.placements.some((item) => isOpaque(item) && (PATH.includes(item.path) || item.path === '/')) &&
    state.steps.length === 0
    ? false
    : undefined;
}
