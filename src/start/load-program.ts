import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import { isMainThread } from 'node:worker_threads';
import { defaultStoreRoot } from '../store/store-root.ts';
import { type CodeCache, EMPTY, openCodeCache, writeCodeCache } from './code-cache.ts';

interface Program {
  /** Where the files lie that it was bundled into. */
  readonly directory: string;
  /** The file to start with. */
  readonly entry: string;
  /** Digest of all files. */
  readonly id: string;
}

interface LoadedFile {
  readonly exports: unknown;
}

interface Loaded {
  readonly scripts: ReadonlyMap<string, Script>;
  /** Names of those of which no compiled code was there. */
  readonly unknown: ReadonlySet<string>;
}

/** What Node gives to a CommonJS file, and, as compiled code cannot import by itself, the means to do so. */
const BEFORE = '(function (exports, require, module, __filename, __dirname, importModule) {';

/**
 * Runs a program that was bundled into CommonJS files. Node compiles the same code at each start, which takes longer than most commands work: what was
 * compiled is kept in the store, for this build of the program and this version of Node, and gathered anew when a run loads files that no run has loaded
 * together before.
 */
export function loadProgram({ directory, entry, id }: Program): void {
  const path = cachePath(id);
  const cache = path === undefined ? EMPTY : openCodeCache(path, process.getuid?.());
  const { scripts, unknown, load } = loader(directory, cache);
  if (path !== undefined && isMainThread) process.once('exit', () => keep(path, cache, { scripts, unknown }));
  load(entry);
}

/** Undefined where there is no store yet: that a program was started is no reason to make one. */
function cachePath(id: string): string | undefined {
  const derived = derivedDirectory();
  if (derived === undefined || !existsSync(derived)) return undefined;
  const { version, arch, execArgv, env } = process;
  const inputs = [id, version, arch, process.getuid?.() ?? null, execArgv, env.NODE_OPTIONS ?? null];
  return join(derived, 'compiled-code', createHash('sha256').update(JSON.stringify(inputs)).digest('hex'));
}

/** Undefined for a user without a home; whoever needs the store tells of it. */
function derivedDirectory(): string | undefined {
  try {
    return join(defaultStoreRoot(process.env), 'derived');
  } catch {
    return undefined;
  }
}

function loader(directory: string, cache: CodeCache) {
  const ofNode = createRequire(join(directory, 'program.cjs'));
  const scripts = new Map<string, Script>();
  const unknown = new Set<string>();
  const files = new Map<string, LoadedFile>();
  const load = (name: string): unknown => {
    const known = files.get(name);
    if (known !== undefined) return known.exports;
    const filename = join(directory, name);
    const cachedData = cache.code(name);
    if (cachedData === undefined) unknown.add(name);
    const script = new Script(`${BEFORE}${readFileSync(filename, 'utf8')}\n})`, {
      filename,
      columnOffset: -BEFORE.length,
      cachedData,
    });
    scripts.set(name, script);
    const module = { exports: {} };
    files.set(name, module);
    script.runInThisContext()(module.exports, requireOf, module, filename, directory, importModule);
    return module.exports;
  };
  const importModule = (id: string): Promise<unknown> => import(new URL(id, `${pathToFileURL(directory)}/`).href);
  const requireOf = (id: string): unknown => (id.startsWith('./') ? load(id.slice(2)) : ofNode(id));
  return { scripts, unknown, load };
}

/** Functions are compiled when they are first called: so what was compiled is gathered at the end. */
function keep(path: string, cache: CodeCache, { scripts, unknown }: Loaded): void {
  const names = [...scripts.keys()].sort();
  const run = createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 16);
  if (cache.runs.includes(run) && unknown.size === 0) return;
  writeCodeCache(path, () => {
    const code = new Map<string, Buffer>();
    for (const name of cache.names) {
      const known = scripts.has(name) ? undefined : cache.code(name);
      if (known !== undefined) code.set(name, known);
    }
    for (const [name, script] of scripts) code.set(name, script.createCachedData());
    return { code, runs: [...new Set([...cache.runs, run])] };
  });
}
