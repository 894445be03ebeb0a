import { createHash, randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CogplanError } from '../errors.ts';
import { formatIdentity, livenessOf, parseIdentity, thisProcess } from './process-identity.ts';
import type { ExclusiveOptions } from './store.ts';

const NOTICE_AFTER = 1_000;
const LONGEST_PAUSE = 50;
const HEARTBEAT = 10_000;
/** An owner on another machine cannot be asked whether it lives; its lock must at least be touched. */
const FOREIGN_SILENCE = 300_000;

interface Holder {
  /** Differs for every acquisition. */
  readonly token: string;
  readonly identity: string;
  readonly description: string;
}

/**
 * Takes the lock file at `path`, waiting for a living owner and taking over from a dead one. Returns its release.
 *
 * The file appears with its content in one step (`link`). A dead owner's file is replaced, not removed, and only under a
 * second lock named after that owner's token: of many waiters one replaces it, and none can replace a newer owner's.
 */
export async function acquireFileLock(
  path: string,
  temporaryPath: (prefix: string) => Promise<string>,
  options: ExclusiveOptions = {},
): Promise<() => Promise<void>> {
  const mine: Holder = {
    token: randomUUID(),
    identity: formatIdentity(thisProcess),
    description: `process ${process.pid} on ${hostname()}`,
  };
  const candidate = await temporaryPath('lock');
  await writeFile(candidate, JSON.stringify(mine), { mode: 0o644 });
  try {
    const started = performance.now();
    let noticed = false;
    for (let pause = 2; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      if (await tryLink(candidate, path)) break;
      const holder = await readHolder(path);
      if (holder === undefined) continue;
      if ((await isDead(holder, path)) && (await takeOver({ path, candidate, holder, temporaryPath, options }))) break;
      if (!noticed && performance.now() - started > NOTICE_AFTER) {
        noticed = true;
        options.onWait?.(holder.description);
      }
      await pauseFor(pause * (0.5 + Math.random() / 2), options.signal);
    }
  } finally {
    await rm(candidate, { force: true });
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, HEARTBEAT);
  heartbeat.unref();
  return async () => {
    clearInterval(heartbeat);
    if ((await readHolder(path))?.token === mine.token) await rm(path, { force: true });
  };
}

async function takeOver(input: {
  readonly path: string;
  readonly candidate: string;
  readonly holder: Holder;
  readonly temporaryPath: (prefix: string) => Promise<string>;
  readonly options: ExclusiveOptions;
}): Promise<boolean> {
  const name = createHash('sha256').update(`${input.path}\0${input.holder.token}`).digest('hex').slice(0, 32);
  const release = await acquireFileLock(join(dirname(input.path), `${name}.take`), input.temporaryPath, input.options);
  try {
    if ((await readHolder(input.path))?.token !== input.holder.token) return false;
    await rename(input.candidate, input.path);
    return true;
  } finally {
    await release();
  }
}

async function tryLink(candidate: string, path: string): Promise<boolean> {
  try {
    await link(candidate, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { token, identity, description } = JSON.parse(text) as Partial<Record<keyof Holder, unknown>>;
    return { token: String(token), identity: String(identity), description: String(description) };
  } catch {
    // The content was lost when the machine went down, and the owner with it.
    return { token: `lost ${text}`, identity: '', description: 'a process that is gone' };
  }
}

async function isDead(holder: Holder, path: string): Promise<boolean> {
  const identity = parseIdentity(holder.identity);
  if (identity === undefined) return true;
  const liveness = livenessOf(identity);
  if (liveness !== 'unknown') return liveness === 'dead';
  const touched = await stat(path).catch(() => undefined);
  return touched !== undefined && Date.now() - touched.mtimeMs > FOREIGN_SILENCE;
}

async function pauseFor(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    throw new CogplanError('COGPLAN_INTERRUPTED', 'interrupted while waiting for another process', { cause });
  }
}
