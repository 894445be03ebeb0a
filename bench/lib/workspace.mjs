import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './measure.mjs';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const CLI = join(ROOT, 'dist/cli/main.js');

const HASH_IN_LOCK = /"sha256": ?"([0-9a-f]{64})"/g;

/**
 * Where the bench works: a store of its own, projects, outputs. The directory stays between runs, so that artifacts are downloaded
 * once; removing it costs nothing but that.
 */
export function openWorkspace(directory = join(tmpdir(), `cogplan-bench-${process.getuid()}`)) {
  const store = join(directory, 'store');
  const projects = join(directory, 'projects');
  mkdirSync(projects, { recursive: true });

  const cogplan = (args, options = {}) =>
    run(process.execPath, [CLI, ...args], { ...options, env: { COGPLAN_STORE: store, ...options.env } });

  /** A project of these files. */
  const project = (name, files) => {
    const path = join(projects, name);
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true });
    for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
    return path;
  };

  const workspace = {
    directory,
    store,
    blob: (file) => join(store, 'blobs/sha256', file.sha256),
    cogplan,
    project,
    /** A copy of an example. */
    example: (name) => {
      const path = join(projects, name);
      rmSync(path, { recursive: true, force: true });
      cpSync(join(ROOT, 'examples', name), path, {
        recursive: true,
        filter: (source) => !source.endsWith('/.cogplan'),
      });
      return path;
    },
    /** A copy of a project, lock and all. */
    copy: (from, name) => {
      const path = join(projects, name);
      rmSync(path, { recursive: true, force: true });
      cpSync(from, path, { recursive: true });
      return path;
    },
    /** An empty directory for outputs. */
    output: (name) => {
      const path = join(directory, 'outputs', name);
      rmSync(path, { recursive: true, force: true });
      mkdirSync(path, { recursive: true });
      return path;
    },
    /** Locks the project anew, and brings all that its lock names into the store, by applying it; `edit` may change the lock before. */
    async fill(path, { edit } = {}) {
      rmSync(join(path, 'cogplan.lock'), { force: true });
      await cogplan(['lock', path, '--yes', '--quiet']);
      edit?.(path);
      workspace.forgetDerived();
      await cogplan(['apply', path, '--json', '--quiet']);
    },
    /** Leaves what was downloaded, and nothing else. */
    tidy() {
      rmSync(join(directory, 'outputs'), { recursive: true, force: true });
      workspace.forgetDerived();
    },
    /**
     * Removes from the store all that is no locked artifact: layers, bytecode, inflated packages; but derived results of the kinds that are
     * kept. What was checked stays known.
     */
    forgetDerived({ keeping = [] } = {}) {
      const locked = new Set(
        readdirSync(projects)
          .map((name) => join(projects, name, 'cogplan.lock'))
          .filter((path) => existsSync(path))
          .flatMap((path) => [...readFileSync(path, 'utf8').matchAll(HASH_IN_LOCK)].map((match) => match[1])),
      );
      const derived = join(store, 'derived');
      mkdirSync(derived, { recursive: true });
      for (const kind of readdirSync(derived))
        if (!keeping.includes(kind)) rmSync(join(derived, kind), { recursive: true, force: true });
      const blobs = join(store, 'blobs/sha256');
      mkdirSync(blobs, { recursive: true });
      for (const name of readdirSync(blobs)) if (!locked.has(name)) unlinkSync(join(blobs, name));
    },
  };
  return workspace;
}

export function readLock(project) {
  return JSON.parse(readFileSync(join(project, 'cogplan.lock'), 'utf8'));
}

/** The target for this machine's processor. */
export function targetOf(lock) {
  return lock.targets[process.arch === 'x64' ? 'linux/amd64' : `linux/${process.arch}`];
}
