import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { compareBytes } from '../../canonical.ts';
import type { Sha256 } from '../../digest.ts';
import { hashFile } from '../../hash-file.ts';

/** A directory that a container wrote to: its path here, and in the container. */
export interface Written {
  readonly host: string;
  readonly guest: string;
}

export interface Place {
  /** In the container. */
  readonly path: string;
  readonly host: string;
  readonly size: number;
  readonly executable: boolean;
}

export interface Places {
  /** Every regular file, by path. */
  readonly files: readonly Place[];
  /** Directories named as the hub's libraries name those of repositories. */
  readonly hubCaches: readonly string[];
  /** Files with these bytes, those of lasting places first. */
  holding(file: { readonly sha256: Sha256; readonly size: number }): Promise<readonly Place[]>;
}

const MOST_FILES = 200_000;

/** What lies in the directories that a container wrote to. Files are hashed only when they have the size of one that is looked for. */
export async function findPlaces(written: readonly Written[]): Promise<Places> {
  const files: Place[] = [];
  const hubCaches: string[] = [];
  for (const { host, guest } of written) await walk({ host, guest }, files, hubCaches);
  files.sort((a, b) => rank(a) - rank(b) || compareBytes(a.path, b.path));
  const hashes = new Map<string, Promise<Sha256>>();
  const hashOf = (place: Place): Promise<Sha256> => {
    const known = hashes.get(place.host) ?? hashFile(place.host).then(({ sha256 }) => sha256);
    hashes.set(place.host, known);
    return known;
  };
  return {
    files,
    hubCaches,
    holding: async ({ sha256, size }) => {
      const found: Place[] = [];
      for (const place of files) if (place.size === size && (await hashOf(place)) === sha256) found.push(place);
      return found;
    },
  };
}

/** Paths that no image keeps come last. */
function rank({ path }: Place): number {
  return isPassing(path) ? 1 : 0;
}

/** Whether a path lies where every container begins with nothing. */
export function isPassing(path: string): boolean {
  return /^\/(?:tmp|var\/tmp|run)\//.test(path);
}

async function walk(at: Written, files: Place[], hubCaches: string[]): Promise<void> {
  const items = await readdir(at.host, { withFileTypes: true }).catch(() => []);
  for (const item of items) {
    const [host, path] = [join(at.host, item.name), `${at.guest}/${item.name}`];
    if (item.isDirectory()) {
      // `.locks` has directories of the same names.
      if (/^(?:models|datasets)--/.test(item.name) && !at.guest.endsWith('/.locks')) hubCaches.push(path);
      await walk({ host, guest: path }, files, hubCaches);
    } else if (item.isFile() && files.length < MOST_FILES) {
      const { size, mode } = await lstat(host);
      files.push({ path, host, size, executable: (mode & 0o100) !== 0 });
    }
  }
}
