import type { Readable, Writable } from 'node:stream';

export interface Bind {
  /** Path on the host. */
  readonly host: string;
  /** Absolute path inside. */
  readonly guest: string;
  readonly writable: boolean;
}

export interface SandboxRequest {
  /** Directory that becomes `/`, bound read-only unless `writableRoot`. Mount points that it lacks are made in it. */
  readonly root: string;
  /** The root is bound to be written to; it must be the caller's own. */
  readonly writableRoot?: boolean;
  readonly argv: readonly [string, ...string[]];
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly binds: readonly Bind[];
  /** Guest paths that become empty writable memory file systems. */
  readonly tmpfs: readonly string[];
  readonly network: 'none' | 'host';
  /** GPUs to show, as Docker's `--gpus` says it: `all`, a number or `device=…`. Only the Docker Engine has them. */
  readonly gpus?: string | undefined;
  readonly hostname?: string;
  /** The command is process 1 of its namespace and reaps orphans itself, as `tini` does; otherwise a reaper is put before it. */
  readonly init?: boolean;
  /** Limits on open files and on processes of the user; undefined means the caller's own. */
  readonly limits?: { readonly openFiles?: number; readonly processes?: number };
  readonly signal?: AbortSignal;
}

export interface SandboxProcess {
  /** Of the process that holds the sandbox, on the host. */
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Exit code, or 128 + signal number. Fails with COGPLAN_SANDBOX_FAILED when the command could not be started. */
  readonly exited: Promise<number>;
  /** SIGKILL ends everything in the sandbox; another signal goes to the command. */
  kill(signal: NodeJS.Signals): void;
}

/** Runs one command in a root file system. Nothing of the host is visible but what the request names. */
export interface Sandbox {
  readonly kind: 'bubblewrap' | 'docker';
  start(request: SandboxRequest): Promise<SandboxProcess>;
}
