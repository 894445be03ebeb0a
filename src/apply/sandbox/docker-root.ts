import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { compareBytes } from '../../canonical.ts';

/** What a container needs to see a directory of the host as its root. */
export interface DockerRoot {
  /** A tar with the links and the empty mount points of the top level; the same for roots that differ only below it. */
  readonly skeleton: Buffer;
  /** Names at the top level to be mounted from the directory. */
  readonly mounts: readonly string[];
}

/** The engine, or the request's memory file systems, put something of their own here. */
const NOT_FROM_ROOT = new Set(['dev', 'proc', 'sys', 'tmp']);

/**
 * Splits a root directory into an image skeleton and mounts. So nothing of its content is copied into the engine, however large it is.
 */
export async function dockerRoot(root: string): Promise<DockerRoot> {
  const packer = pack();
  const mtime = new Date(0);
  const mounts: string[] = [];
  for (const name of readdirSync(root).sort(compareBytes)) {
    const path = join(root, name);
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) {
      packer.entry({ name, type: 'symlink', linkname: readlinkSync(path), mtime });
    } else if (stat.isDirectory() || stat.isFile()) {
      packer.entry({ name, type: stat.isDirectory() ? 'directory' : 'file', mode: 0o755, mtime });
      if (!NOT_FROM_ROOT.has(name)) mounts.push(name);
    }
  }
  packer.finalize();
  return { skeleton: await buffer(packer), mounts };
}
