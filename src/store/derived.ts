import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { chmod, lstat, mkdir, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Json } from '../canonical.ts';
import { type Sha256, sha256 } from '../digest.ts';
import { bug } from '../errors.ts';
import { type Layout, makeDirectory, storeUnusable } from './layout.ts';
import type { Leases } from './leases.ts';
import { removeTree } from './remove-tree.ts';
import type { Store } from './store.ts';

const TOUCH_AFTER = 3_600_000;

/** Results lie at `derived/<kind>/<key>.json` (a line with the hash of the rest, then JSON) and `derived/<kind>/<key>/`. */
export function createDerived({
  layout,
  exclusive,
  leases,
  now,
}: {
  readonly layout: Layout;
  readonly exclusive: Store['exclusive'];
  readonly leases: Leases;
  readonly now: () => Date;
}): Pick<Store, 'getDerived' | 'putDerived' | 'derivedDirectory' | 'scratch'> {
  async function touch(path: string, { mtimeMs }: { readonly mtimeMs: number }): Promise<void> {
    const time = now();
    if (time.getTime() - mtimeMs > TOUCH_AFTER) await utimes(path, time, time).catch(() => {});
  }

  async function getDerived<T extends Json>(kind: string, key: Sha256): Promise<T | undefined> {
    const path = `${derivedPath(layout, kind, key)}.json`;
    const found = readSmall(path);
    if (found === undefined) return undefined;
    const json = found.text.slice(65);
    if (found.text[64] !== '\n' || sha256(json) !== found.text.slice(0, 64)) return undefined;
    await touch(path, found);
    return JSON.parse(json) as T;
  }

  async function putDerived(kind: string, key: Sha256, value: Json): Promise<void> {
    const path = derivedPath(layout, kind, key);
    const json = JSON.stringify(value);
    try {
      await makeDirectory(join(layout.derived, kind));
      const temporary = await layout.temporaryPath('derived');
      await writeFile(temporary, `${sha256(json)}\n${json}`, { flag: 'wx' });
      await chmod(temporary, 0o644);
      await rename(temporary, `${path}.json`);
    } catch (error) {
      throw storeUnusable(error, layout.root);
    }
  }

  async function scratch(prefix: string): Promise<{ readonly path: string; dispose(): Promise<void> }> {
    try {
      const path = await layout.temporaryPath(prefix.replace(/[^A-Za-z0-9._-]+/g, '-'));
      await mkdir(path, { mode: 0o700 });
      await chmod(path, 0o700);
      return { path, dispose: () => removeTree(path) };
    } catch (error) {
      throw storeUnusable(error, layout.root);
    }
  }

  async function derivedDirectory(
    kind: string,
    key: Sha256,
    build: (directory: string) => Promise<void>,
  ): Promise<string> {
    const path = derivedPath(layout, kind, key);
    await leases.holdForGood(`${kind}/${key}`);
    if (await isDirectory(path)) {
      await touch(path, await stat(path));
      return path;
    }
    return exclusive(`${kind}-${key}`, async () => {
      if (await isDirectory(path)) return path;
      const place = await scratch('derive');
      try {
        const directory = join(place.path, 'content');
        await mkdir(directory);
        await chmod(directory, 0o755);
        await build(directory);
        await chmod(directory, 0o755);
        await makeDirectory(join(layout.derived, kind));
        await rename(directory, path);
        await utimes(path, now(), now());
        return path;
      } catch (error) {
        throw storeUnusable(error, layout.root);
      } finally {
        await place.dispose();
      }
    });
  }

  return { getDerived, putDerived, derivedDirectory, scratch };
}

/** At once: a lock reads one of these for each of its wheels, and waiting in turn for four threads takes longer than the reading. */
function readSmall(path: string): { readonly text: string; readonly mtimeMs: number } | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    return { text: readFileSync(file, 'utf8'), mtimeMs: fstatSync(file).mtimeMs };
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}

function derivedPath(layout: Layout, kind: string, key: Sha256): string {
  if (!/^[a-z0-9][a-z0-9._-]*$/.test(kind)) throw bug(`not a kind of derived result: ${kind}`);
  return join(layout.derived, kind, key);
}

async function isDirectory(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isDirectory() === true;
}
