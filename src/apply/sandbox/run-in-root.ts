import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Context } from '../../context.ts';
import type { Bind, Sandbox, SandboxRequest } from './sandbox.ts';

/** Seconds since the epoch that everything in an image carries: 1980-01-01T00:00:01Z. */
export const BUILD_EPOCH = 315_532_801;

/** What a command that builds something sees, on every machine. Nothing of the caller's environment is added. */
export const BUILD_ENVIRONMENT: Readonly<Record<string, string>> = {
  HOME: '/root',
  LANG: 'C.UTF-8',
  LC_ALL: 'C.UTF-8',
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  PYTHONHASHSEED: '0',
  SOURCE_DATE_EPOCH: String(BUILD_EPOCH),
  TERM: 'dumb',
  TZ: 'UTC',
};

/** A file that a command may read and that nothing of it is kept of. */
export interface SecretFile {
  /** Absolute path in the root. */
  readonly guest: string;
  readonly content: Uint8Array;
}

export interface RootCommand {
  readonly sandbox: Sandbox;
  /** Directory of the root. */
  readonly root: string;
  /** Whether the command may write anywhere in it; default: only to writable binds and memory file systems. */
  readonly writableRoot?: boolean;
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  /** On top of `BUILD_ENVIRONMENT`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly binds?: readonly Bind[];
  /** Beside `/tmp`, `/run` and `/root`. */
  readonly tmpfs?: readonly string[];
  readonly secrets?: readonly SecretFile[];
  /** Default: none. */
  readonly network?: SandboxRequest['network'];
  /** Let the command see one processor, so that nothing depends on how many there are. */
  readonly oneCpu?: boolean;
  /** Ends the command with SIGKILL; default: never. */
  readonly timeoutMs?: number;
  readonly onLog?: (text: string) => void;
}

export interface RootCommandResult {
  /** Exit code, or 128 + signal number. */
  readonly code: number;
  /** The end of what it wrote to its standard output and standard error, in the order in which it came. */
  readonly log: string;
  readonly timedOut: boolean;
}

const LOG_TAIL = 64 * 1024;
const WRITABLE = ['/tmp', '/run', '/root', '/var/tmp'];

/**
 * Runs one command in a root, with a fixed environment, host name, clock zone and locale, no input and, unless asked otherwise, no network. What it did is in its exit
 * code, its log, and the places it could write to. Fails with COGPLAN_SANDBOX_FAILED when it could not be started.
 */
export async function runInRoot(context: Context, command: RootCommand): Promise<RootCommandResult> {
  const scratch = await context.store.scratch('secrets');
  const timeout = command.timeoutMs === undefined ? undefined : AbortSignal.timeout(command.timeoutMs);
  try {
    const binds = [...(command.binds ?? []), ...(await writeSecrets(scratch.path, command.secrets ?? []))];
    const bound = new Set(binds.map(({ guest }) => guest));
    const tmpfs = command.writableRoot === true ? [] : WRITABLE.filter((path) => !bound.has(path));
    const process = await command.sandbox.start({
      root: command.root,
      ...(command.writableRoot === undefined ? {} : { writableRoot: command.writableRoot }),
      argv: command.oneCpu === true ? ['taskset', '-c', await firstCpu(), ...command.argv] : command.argv,
      env: { ...BUILD_ENVIRONMENT, ...command.env },
      cwd: command.cwd,
      binds,
      tmpfs: [...new Set([...tmpfs, ...(command.tmpfs ?? [])])],
      network: command.network ?? 'none',
      signal: timeout === undefined ? context.signal : AbortSignal.any([context.signal, timeout]),
    });
    process.stdin.end();
    const log = tailOf([process.stdout, process.stderr], command.onLog);
    const code = await process.exited;
    context.signal.throwIfAborted();
    return { code, log: await log, timedOut: timeout?.aborted ?? false };
  } finally {
    await scratch.dispose();
  }
}

async function writeSecrets(directory: string, secrets: readonly SecretFile[]): Promise<readonly Bind[]> {
  await mkdir(directory, { recursive: true });
  return Promise.all(
    secrets.map(async ({ guest, content }, index) => {
      const host = join(directory, String(index));
      await writeFile(host, content, { mode: 0o400, flag: 'wx' });
      return { host, guest, writable: false };
    }),
  );
}

/** The first processor that this process may use: another one could not be given. */
async function firstCpu(): Promise<string> {
  const status = await readFile('/proc/self/status', 'latin1').catch(() => '');
  return /^Cpus_allowed_list:\s*(\d+)/m.exec(status)?.[1] ?? '0';
}

async function tailOf(streams: readonly Readable[], onLog: RootCommand['onLog']): Promise<string> {
  let tail = '';
  await Promise.all(
    streams.map(async (stream) => {
      for await (const chunk of stream.setEncoding('utf8') as AsyncIterable<string>) {
        tail = (tail + chunk).slice(-LOG_TAIL);
        onLog?.(chunk);
      }
    }),
  );
  return tail;
}
