import type { ConfiguredTree } from './configured-tree.ts';
import { mergeUsrPath } from './merged-usr.ts';

const INFO = '/var/lib/dpkg/info';

/** Which package of an image each file belongs to, by the file lists of its dpkg database; read when first asked. */
export class BaseOwners {
  readonly #tree: ConfiguredTree;
  #owners: Map<string, string[]> | undefined;

  constructor(tree: ConfiguredTree) {
    this.#tree = tree;
  }

  /** The package that ships a canonical path; undefined for what none does. */
  ownerOf(path: string): string | undefined {
    return this.#read().get(path)?.[0];
  }

  /** Paths, and files of the database, that no other package has. */
  onlyOf(names: ReadonlySet<string>): readonly string[] {
    const installed = this.#tree.list(INFO).filter((name) => names.has(packageOf(name)));
    // Lists of directories stand in every package's list; whether a path is one is for the caller to see.
    const shipped = [...this.#read()].flatMap(([path, owners]) =>
      owners.every((name) => names.has(name)) ? [path] : [],
    );
    return installed.length === 0 ? [] : [...shipped, ...installed.map((name) => `${INFO.slice(1)}/${name}`)];
  }

  #read(): Map<string, string[]> {
    if (this.#owners !== undefined) return this.#owners;
    const owners = new Map<string, string[]>();
    for (const file of this.#tree.list(INFO)) {
      if (!file.endsWith('.list')) continue;
      const owner = packageOf(file);
      for (const line of (this.#tree.readText(`${INFO}/${file}`) ?? '').split('\n')) {
        if (!line.startsWith('/') || line === '/.') continue;
        const path = mergeUsrPath(line.slice(1), 'other');
        const known = owners.get(path);
        if (known === undefined) owners.set(path, [owner]);
        else known.push(owner);
      }
    }
    this.#owners = owners;
    return owners;
  }
}

/** `libc6:amd64.list` -> `libc6`. */
function packageOf(file: string): string {
  return file.replace(/\.[a-z0-9]+$/, '').replace(/:[a-z0-9-]+$/, '');
}
