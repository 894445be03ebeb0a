import type { FileEntry } from './entry.ts';

/**
 * Bytecode is compiled with unchecked hashes, so that of a module which a later layer replaces would be taken for the module: this takes it away.
 * Undefined for what is no module of the interpreter's own directories.
 */
export function staleBytecode(path: string, cacheTag: string): FileEntry | undefined {
  const match = /^(usr\/(?:local\/)?lib\/python3[^/]*\/(?:.*\/)?)([^/]+)\.py$/.exec(path);
  if (match === null) return undefined;
  return whiteout(`${match[1] ?? ''}__pycache__/${match[2] ?? ''}.${cacheTag}.pyc`, path);
}

/** The mark that takes `path` away from the layers below. */
export function whiteout(path: string, origin: string): FileEntry {
  const slash = path.lastIndexOf('/') + 1;
  return {
    type: 'file',
    path: `${path.slice(0, slash)}.wh.${path.slice(slash)}`,
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: 0,
    content: { kind: 'bytes', data: new Uint8Array(0) },
    origin,
    whiteout: true,
  };
}
