import { compareBytes } from '../../../canonical.ts';
import { matchesPattern, readPattern } from '../../../formats/debian/effects/value.ts';
import type { ConfiguredTree, TreeNode } from './configured-tree.ts';
import { readSharedObject } from './elf.ts';
import { type CacheEntry, compareLibraries, encodeLoaderCache } from './loader-cache.ts';

/** `FLAG_ELF_LIBC6` with the ABI, by ELF machine and class: what each architecture's ldconfig lists. */
const FLAGS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  amd64: { '62/64': 0x0303, '62/32': 0x0803, '3/32': 0x0003 },
  arm64: { '183/64': 0x0a03, '40/32': 0x0b03 },
};

const MAX_INCLUDES = 8;

/**
 * What ldconfig(8) does for a tree: links from sonames to libraries that have none, and `/etc/ld.so.cache`. `glibc` is the
 * version of the package, such as `2.36-9+deb12u10`.
 */
export function writeLoaderCache(tree: ConfiguredTree, architecture: string, glibc: string): void {
  const entries: CacheEntry[] = [];
  const seen = new Set<string>();
  for (const directory of [...configuredDirectories(tree, '/etc/ld.so.conf', 0), '/lib', '/usr/lib']) {
    const resolved = tree.resolve(directory, true);
    if (seen.has(resolved) || !tree.isDirectory(directory)) continue;
    seen.add(resolved);
    const subdirectories = tree.list(`${directory}/glibc-hwcaps`);
    entries.push(...searchDirectory(tree, { directory, architecture, hwcaps: undefined }));
    for (const hwcaps of subdirectories) {
      entries.push(
        ...searchDirectory(tree, { directory: `${directory}/glibc-hwcaps/${hwcaps}`, architecture, hwcaps }),
      );
    }
  }
  tree.generate('/etc/ld.so.cache', encodeLoaderCache(entries, generatorOf(glibc)));
}

function generatorOf(glibc: string): string | undefined {
  const release = /^(?:\d+:)?(\d+)\.(\d+)/.exec(glibc);
  if (release === null) return undefined;
  // The extension section came with glibc 2.33.
  if (Number(release[1]) === 2 && Number(release[2]) < 33) return undefined;
  return `ldconfig (Debian GLIBC ${glibc}) stable release version ${release[1]}.${release[2]}`;
}

function configuredDirectories(tree: ConfiguredTree, path: string, depth: number): readonly string[] {
  const directories: string[] = [];
  for (const raw of (tree.readText(path) ?? '').split('\n')) {
    const line = raw.replace(/#.*$/, '').trim();
    const include = /^include\s+(\S+)$/.exec(line)?.[1];
    if (include !== undefined && depth < MAX_INCLUDES) {
      for (const file of expandPattern(tree, include))
        directories.push(...configuredDirectories(tree, file, depth + 1));
    } else if (line.startsWith('/')) {
      directories.push(line.split(/[\s,:=]/)[0]?.replace(/\/+$/, '') ?? '');
    }
  }
  return directories;
}

function expandPattern(tree: ConfiguredTree, pattern: string): readonly string[] {
  const slash = pattern.lastIndexOf('/');
  const directory = slash < 0 ? '/etc' : pattern.slice(0, slash);
  const tokens = readPattern(pattern.slice(slash + 1), false);
  return tree.list(directory).flatMap((name) => (matchesPattern(tokens, name) ? [`${directory}/${name}`] : []));
}

interface Library {
  readonly name: string;
  readonly isLink: boolean;
  readonly flags: number;
}

interface Search {
  readonly directory: string;
  readonly architecture: string;
  readonly hwcaps: string | undefined;
}

function searchDirectory(tree: ConfiguredTree, { directory, architecture, hwcaps }: Search): readonly CacheEntry[] {
  const libraries = new Map<string, Library>();
  for (const name of tree.list(directory)) {
    if (!/^(?:lib|ld-).*\.so/.test(name) || name.endsWith('-gdb.py')) continue;
    const library = readLibrary(tree, `${directory}/${name}`, architecture);
    if (library === undefined) continue;
    // A link counts as the soname only when it is named so, or is the bare name for the linker.
    const named = name === library.soname || (name.endsWith('.so') && library.soname.startsWith(name));
    const isLink = tree.get(`${directory}/${name}`)?.type === 'symlink' && named;
    const soname = isLink ? name : library.soname;
    const before = libraries.get(soname);
    const newer =
      before === undefined ||
      (!isLink && before.isLink) ||
      (isLink === before.isLink && compareLibraries(before.name, name) < 0);
    if (newer) libraries.set(soname, { name, isLink, flags: library.flags });
  }
  return [...libraries]
    .sort(([a], [b]) => compareBytes(a, b))
    .map(([soname, { name, isLink, flags }]) => {
      if (hwcaps === undefined && !isLink) linkSoname(tree, directory, { soname, name });
      return { soname, path: `${directory}/${hwcaps === undefined ? soname : name}`, flags, hwcaps };
    });
}

function readLibrary(tree: ConfiguredTree, path: string, architecture: string) {
  const node = tree.getTarget(path);
  if (node?.type !== 'file') return undefined;
  const object = readSharedObject((offset, length) => tree.readPart(node as TreeNode, offset, length));
  if (object === undefined) return undefined;
  const flags = FLAGS[architecture]?.[`${object.machine}/${object.is64 ? 64 : 32}`];
  const soname = object.soname ?? path.replace(/^.*\//, '');
  return flags === undefined || soname.includes('/') ? undefined : { soname, flags };
}

function linkSoname(tree: ConfiguredTree, directory: string, { soname, name }: { soname: string; name: string }): void {
  if (soname === name) return;
  const there = tree.get(`${directory}/${soname}`);
  if (there !== undefined && (there.type !== 'symlink' || tree.getTarget(`${directory}/${soname}`) !== undefined))
    return;
  tree.link(`${directory}/${soname}`, name, true);
}
