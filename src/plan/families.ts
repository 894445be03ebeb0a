import type { Context } from '../context.ts';
import type { Platform } from '../lock/platform.ts';
import type { Archive, Lock, Python, Runtime, System, Target, Tool, Toolchain } from '../lock/schema.generated.ts';
import type { Spec } from '../spec/spec.ts';
import type { Held } from './holds.ts';

/** What resolving may do to an existing lock. */
export interface ResolveOptions {
  /** Keep what is locked unless what is asked forces a change (default), or take the newest of everything. */
  readonly mode: 'keep' | 'upgrade' | 'refresh';
  readonly asOf: string | null;
  /** Packages to take anew even in mode `keep`: names of locked Python or Debian packages. */
  readonly upgradePackages?: readonly string[];
  /** As few locked Python packages move as can be, and those by as little as can be, rather than to the newest version. */
  readonly minimal?: boolean;
}

/** What every family's resolver gets. `previous` is the same target of the lock on disk, if any. */
export interface ResolveInput {
  readonly spec: Spec;
  readonly platform: Platform;
  readonly previous: Target | undefined;
  /** Tools of the lock on disk. */
  readonly previousTools?: readonly Tool[];
  readonly options: ResolveOptions;
  /** What has to stay as it is locked; absent: nothing. */
  readonly held?: Held;
  /** Base, interpreter and system packages of this resolution, for what needs more of them than the environment. */
  readonly system?: () => Promise<SystemResolution>;
  /** Called when the resolver of Python packages works, and this process has time for other things. */
  readonly onAsked?: () => void;
  /** What those would be for another input; absent: nobody can tell. */
  readonly systemFor?: (context: Context, input: ResolveInput) => Promise<SystemResolution>;
}

/** The interpreter that wheels are chosen for. */
export interface PythonTargetEnvironment {
  /** `3.11.2`. */
  readonly version: string;
  /** Absolute path in the image. */
  readonly path: string;
  readonly platform: Platform;
  /** glibc of the base, such as `2.36`. */
  readonly glibc: string;
}

export interface SystemResolution {
  readonly base: Target['base'];
  readonly interpreter: Target['interpreter'];
  readonly system: System;
  /** Debian packages of the sandbox (bubblewrap and its closure) for this platform, as tools. */
  readonly tools: readonly Tool[];
  readonly environment: PythonTargetEnvironment;
}

/** `src/plan/system/resolve.ts`: base, interpreter and system packages, all of them .debs of one suite. */
export type ResolveSystem = (context: Context, input: ResolveInput) => Promise<SystemResolution>;

export interface PythonResolution {
  /** What the wheels bring for the GPU. */
  readonly accelerator: Target['accelerator'];
  readonly python: Python;
  readonly runtime: Runtime;
  readonly tools: readonly Tool[];
  /** What wheels were built with; absent when none were. */
  readonly toolchain?: Toolchain;
  /** Archives that vouch for the toolchain beside those of the system. */
  readonly toolchainArchives?: readonly Archive[];
}

/** `src/plan/python/resolve.ts`: the model's wheels, and the server's, for one target environment. */
export type ResolvePython = (
  context: Context,
  input: ResolveInput,
  environment: PythonTargetEnvironment,
) => Promise<PythonResolution>;

/** `src/plan/resolve.ts`: the whole lock. */
export type ResolveLock = (
  context: Context,
  spec: Spec,
  previous: Lock | undefined,
  options: ResolveOptions,
) => Promise<Lock>;
