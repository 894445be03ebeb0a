import { posix } from 'node:path';
import { compareBytes } from '../../../canonical.ts';
import { CogplanError } from '../../../errors.ts';
import { readTarIndex, type TarMember } from '../../../formats/archive/tar-reader.ts';
import type { LayerEntry } from '../entry.ts';

/** Where the interpreter lies in the image. */
const PREFIX = 'usr/local';
/** Archives have either the installation alone, or it beside what it was built from. */
const ROOTS = ['python/install/', 'python/'];

/**
 * The files of an unpacked archive of python-build-standalone, at their places below /usr/local. Left out: bytecode, which is compiled anew; what `pip install` put there, whose packages would meet
 * the model's; and `python` and `python3`, which are links of the image's configuration. https://gregoryszorc.com/docs/python-build-standalone/main/distributions.html
 */
export function standaloneEntries(tar: string, what: string): readonly LayerEntry[] {
  const members = readTarIndex(tar, what);
  const root = ROOTS.find((prefix) => members.some(({ path }) => path.startsWith(`${prefix}bin/python3`)));
  if (root === undefined) {
    throw new CogplanError(
      'COGPLAN_INTERPRETER_INVALID',
      `${what} is no standalone build: it has no python/bin/python3`,
      {
        subject: what,
        hint: 'Archives have a directory python (or python/install) with bin, lib and include, as python-build-standalone makes them.',
      },
    );
  }
  const places = new Map<string, LayerEntry>();
  const originals = new Map<string, TarMember>();
  for (const member of members) {
    const path = member.path.startsWith(root) ? member.path.slice(root.length) : '';
    if (path === '' || isLeftOut(path)) continue;
    originals.set(member.path, member);
    const entry = toEntry(member, { path: `${PREFIX}/${path}`, root, what, tar, originals });
    places.set(entry.path, entry);
  }
  for (const path of [...places.keys()]) {
    for (let parent = posix.dirname(path); parent !== '.' && !places.has(parent); parent = posix.dirname(parent)) {
      places.set(parent, { type: 'directory', path: parent, mode: 0o755, uid: 0, gid: 0, origin: what });
    }
  }
  return [...places.values()].sort((a, b) => compareBytes(a.path, b.path));
}

function isLeftOut(path: string): boolean {
  return (
    /(?:^|\/)__pycache__(?:\/|$)/.test(path) ||
    path.endsWith('.pyc') ||
    /^lib\/python3\.\d+\/site-packages\//.test(path) ||
    /^bin\/(?:python|python3|pip[\d.]*|easy_install[-\d.]*|wheel)$/.test(path)
  );
}

function toEntry(
  member: TarMember,
  {
    path,
    root,
    what,
    tar,
    originals,
  }: {
    readonly path: string;
    readonly root: string;
    readonly what: string;
    readonly tar: string;
    readonly originals: ReadonlyMap<string, TarMember>;
  },
): LayerEntry {
  const base = { path, uid: 0, gid: 0, origin: what } as const;
  if (member.type === 'directory') return { ...base, type: 'directory', mode: 0o755 };
  if (member.type === 'symlink') {
    const target = member.linkname;
    const leads = posix.join(posix.dirname(path), target);
    if (posix.isAbsolute(target) || !leads.startsWith(`${PREFIX}/`)) throw unsafe(what, path);
    return { ...base, type: 'symlink', mode: 0o777, target };
  }
  // A hard link becomes a file of its own: its first name may be one that is left out.
  const source = member.type === 'hardlink' ? originals.get(member.linkname) : member;
  if (source?.type !== 'file' || !member.path.startsWith(root)) throw unsafe(what, path);
  const mode = (source.mode & 0o111) === 0 ? 0o644 : 0o755;
  const content = { kind: 'slice', file: tar, offset: source.offset, length: source.size } as const;
  return { ...base, type: 'file', mode, size: source.size, content };
}

function unsafe(what: string, path: string): CogplanError {
  return new CogplanError('COGPLAN_INTERPRETER_INVALID', `${path} of ${what} is a link that leads out of it`, {
    subject: what,
    hint: 'Nothing was unpacked. Take another build.',
  });
}
