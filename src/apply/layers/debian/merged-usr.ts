/** Top-level directories that a merged /usr turns into links (https://wiki.debian.org/UsrMerge). */
export const MERGED_DIRECTORIES: readonly string[] = ['bin', 'lib', 'lib32', 'lib64', 'libo32', 'libx32', 'sbin'];

const FIRST_SEGMENT = /^(?:bin|sbin|lib|lib32|lib64|libo32|libx32)(?=\/|$)/;

/** Where a path of a package lies once /usr is merged. The links themselves keep their place: pass their type. */
export function mergeUsrPath(path: string, type: 'link' | 'other'): string {
  if (!FIRST_SEGMENT.test(path)) return path;
  return type === 'link' && !path.includes('/') ? path : `usr/${path}`;
}

/** The links that a tree of the architecture has even when no package ships them. */
export function requiredLinks(architecture: string): readonly string[] {
  // The x86-64 ABI fixes the loader at /lib64; arm64 has its own in /lib.
  return architecture === 'amd64' ? ['bin', 'lib', 'lib64', 'sbin'] : ['bin', 'lib', 'sbin'];
}
