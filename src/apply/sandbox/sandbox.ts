import type { Readable, Writable } from 'node:stream';

export interface Bind {
  /** Path on the host. */
  readonly host: string;
  /** Absolute path inside. */
  readonly guest: string;
  readonly writable: boolean;
}

export interface SandboxRequest {
  /** Directory that becomes `/`, bound read-only. */
  readonly root: string;
  readonly argv: readonly [string, ...string[]];
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly binds: readonly Bind[];
  /** Guest paths that become empty writable memory file systems. */
  readonly tmpfs: readonly string[];
  readonly network: 'none' | 'host';
  readonly hostname?: string;
  /** Address-space and open-file limits; undefined means none. */
  readonly limits?: { readonly openFiles?: number; readonly processes?: number };
  readonly signal?: AbortSignal;
}

export interface SandboxProcess {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Exit code, or 128 + signal number. */
  readonly exited: Promise<number>;
  kill(signal: NodeJS.Signals): void;
}

/** Runs one command in a root file system. Nothing of the host is visible but what the request names. */
export interface Sandbox {
  readonly kind: 'bubblewrap' | 'docker';
  start(request: SandboxRequest): Promise<SandboxProcess>;
}
