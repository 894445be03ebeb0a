const SCHEME = 'project:';

/** The URL by which a lock names a file or directory of the project: its path from the project's root, with `/`. */
export function projectUrl(path: string): string {
  return `${SCHEME}${encodeURI(path)}`;
}

/** The path that such a URL names; undefined for every other URL. */
export function projectPath(url: string): string | undefined {
  if (!url.startsWith(SCHEME)) return undefined;
  const path = url.slice(SCHEME.length);
  try {
    return decodeURI(path);
  } catch {
    // No URL that cogplan writes: as it stands it names nothing that is there.
    return path;
  }
}
