import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Names one process for good: a pid alone is reused. `boot` and `namespace` say whether a pid can be looked up from here
 * at all; they are `0` where the system does not tell.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot. */
  readonly start: string;
  readonly boot: string;
  readonly namespace: string;
  /** Hash of the host's name. */
  readonly host: string;
}

export const thisProcess: ProcessIdentity = {
  pid: process.pid,
  start: readProcess(process.pid)?.start ?? '0',
  boot: tryRead(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').replace(/[^0-9a-f]/g, '')) ?? '0',
  namespace: tryRead(() => readlinkSync('/proc/self/ns/pid').replace(/\D/g, '')) ?? '0',
  host: createHash('sha256').update(hostname()).digest('hex').slice(0, 12),
};

/** One word without slashes: fit for a file name. */
export function formatIdentity(identity: ProcessIdentity): string {
  return [identity.pid, identity.start, identity.boot, identity.namespace, identity.host].join('.');
}

/** Reads what `formatIdentity` wrote, at the start of `text`; anything after a further dot is ignored. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  const match = /^(\d{1,10})\.(\d+)\.([0-9a-f]+)\.(\d+)\.([0-9a-f]+)(?:\.|$)/.exec(text);
  if (match === null) return undefined;
  const [, pid = '', start = '', boot = '', namespace = '', host = ''] = match;
  return { pid: Number(pid), start, boot, namespace, host };
}

/** `unknown`: it belongs to another machine or container, whose processes cannot be seen from here. */
export function livenessOf(identity: ProcessIdentity): 'alive' | 'dead' | 'unknown' {
  if (identity.boot === thisProcess.boot && identity.namespace === thisProcess.namespace) {
    if (identity.boot === '0' && identity.host !== thisProcess.host) return 'unknown';
    return isRunning(identity) ? 'alive' : 'dead';
  }
  return identity.boot !== thisProcess.boot && identity.host === thisProcess.host ? 'dead' : 'unknown';
}

function isRunning(identity: ProcessIdentity): boolean {
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const found = readProcess(identity.pid);
  return found === undefined || (found.start === identity.start && !found.defunct);
}

/** Fields of proc_pid_stat(5); the command in parentheses may itself hold parentheses and spaces. */
function readProcess(pid: number): { readonly start: string; readonly defunct: boolean } | undefined {
  const text = tryRead(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { start: fields[19] ?? '0', defunct: fields[0] === 'Z' || fields[0] === 'X' };
}

function tryRead(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
