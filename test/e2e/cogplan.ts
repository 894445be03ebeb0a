import { cpSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { lockedFiles } from '../../src/lock/check-lock.ts';
import { parseLock } from '../../src/lock/read-lock.ts';
import type { Lock } from '../../src/lock/schema.generated.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const CLI = join(ROOT, 'dist/cli/main.js');

/** The store that end-to-end tests share, so that an artifact is fetched once: the user's own, unless the runner names one. */
export const SHARED_STORE =
  process.env.COGPLAN_STORE ??
  join(process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? '/root', '.cache'), 'cogplan');

export interface Result {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly store?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** A command that runs the rest of its line, such as `['unshare', '-n']`. */
  readonly prefix?: readonly string[];
  readonly node?: string;
  readonly killAfterMs?: number;
}

/** Runs the built command line as a process of its own. */
export async function cogplan(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const [program = '', ...rest] = [...(options.prefix ?? []), options.node ?? process.execPath, CLI, ...args];
  const child = execa(program, rest, {
    cwd: options.cwd ?? ROOT,
    env: { COGPLAN_STORE: options.store ?? SHARED_STORE, ...options.env },
    stdin: 'ignore',
    reject: false,
    stripFinalNewline: false,
    detached: true,
  });
  const timer =
    options.killAfterMs === undefined ? undefined : setTimeout(() => killGroup(child.pid), options.killAfterMs);
  const { exitCode, signal, stdout, stderr } = await child;
  clearTimeout(timer);
  return { status: exitCode ?? (signal === 'SIGKILL' ? 137 : 128), stdout, stderr };
}

/** The process and every child that it started: they share a group of their own. */
function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Runs with `--json`, expects success, and gives the document. */
export async function cogplanJson<T>(args: readonly string[], options: RunOptions = {}): Promise<T> {
  const result = await cogplan([...args, '--json'], options);
  if (result.status !== 0)
    throw new Error(`cogplan ${args.join(' ')} ended with ${result.status}:\n${result.stdout}\n${result.stderr}`);
  return JSON.parse(result.stdout) as T;
}

export interface Receipt {
  readonly imageId: string;
  readonly manifestDigest: string;
  readonly layers: readonly {
    readonly layer: string;
    readonly family: string;
    readonly diffId: string;
    readonly size: number;
  }[];
}

/** A private directory, removed after `work`. */
export async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'cogplan-e2e-'));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** A copy of an example project, without results of earlier runs. */
export function copyExample(name: string, to: string): string {
  const project = join(to, name);
  cpSync(join(ROOT, 'examples', name), project, { recursive: true, filter: (path) => !path.includes('/.cogplan') });
  return project;
}

export function readLock(project: string): Lock {
  return parseLock(readFileSync(join(project, 'cogplan.lock'), 'utf8'), 'cogplan.lock');
}

/**
 * Locks and applies a project in the shared store, refreshing a lock whose artifacts the archive has dropped since; says so.
 * Afterwards everything that the lock names lies in the shared store.
 */
export async function applyFresh(project: string): Promise<Receipt> {
  const first = await cogplan(['apply', project, '--json']);
  if (first.status === 0) return JSON.parse(first.stdout) as Receipt;
  const { error } = JSON.parse(first.stdout) as { error: { code: string; message: string } };
  if (error.code !== 'COGPLAN_ARTIFACT_GONE') throw new Error(`${error.code}: ${error.message}\n${first.stderr}`);
  console.log(`${error.message}: refreshing the lock`);
  await cogplanJson(['lock', project, '--refresh', '--yes']);
  return cogplanJson<Receipt>(['apply', project]);
}

/** A store that holds just the blobs a lock names, and nothing derived; hard links, so that it costs nothing. */
export function storeOf(lock: Lock, directory: string, order: 'forward' | 'backward' = 'forward'): string {
  const blobs = join(directory, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const names = [...new Set([...lockedFiles(lock)].map(({ file }) => file.sha256))];
  for (const name of order === 'forward' ? names : names.reverse()) {
    try {
      linkSync(join(SHARED_STORE, 'blobs/sha256', name), join(blobs, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return directory;
}
