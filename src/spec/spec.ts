import type { Where } from '../errors.ts';
import type { Settings } from './settings.ts';

/** A value a person wrote, with the place where it stands. */
export interface Located<T> {
  readonly value: T;
  readonly where: Where;
}

/** A line of a requirements file or an entry of `python_packages`, before PEP 508 is applied to it. */
export interface RequirementLine {
  /** Normalised text without comments, options and line continuations, such as `numpy>=1.26 ; python_version < "3.12"`. */
  readonly text: string;
  readonly where: Where;
  /** Hashes given with `--hash`, as `sha256:…`. */
  readonly hashes: readonly string[];
}

export interface Requirements {
  readonly requirements: readonly RequirementLine[];
  /** Lines of files named by `-c`. */
  readonly constraints: readonly RequirementLine[];
  /** `--index-url`, when given. */
  readonly indexUrl?: Located<string>;
  readonly extraIndexUrls: readonly Located<string>[];
  readonly findLinks: readonly Located<string>[];
  readonly pre: boolean;
  readonly noBinary: readonly string[];
  readonly onlyBinary: readonly string[];
  /** Project-relative paths of every requirements file that was read, with the sha256 of its bytes. */
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
}

export interface RunCommand {
  readonly command: string;
  readonly mounts: readonly { readonly type: 'secret'; readonly id: string; readonly target: string }[];
  readonly where: Where;
}

/** `predict.py:Predictor`. */
export interface PythonTarget {
  readonly file: string;
  readonly name: string;
  readonly where: Where;
}

/** Something worth telling about the input that does not stop the work: a retired key, a deprecated one. */
export interface Notice {
  /** `warn` when the image may differ from what the author expects. */
  readonly level: 'info' | 'warn';
  readonly code: string;
  readonly text: string;
  readonly where: Where;
}

/** What the user wrote, read and normalised. `where.file` is relative to `directory`. */
export interface Spec {
  /** Absolute path of the project. */
  readonly directory: string;
  /** The configuration file's name in `directory`: `cog.yaml`. */
  readonly file: string;
  /** `cogplan.yaml`. */
  readonly settings: Settings;
  readonly gpu: boolean;
  /** `3.11` or `3.11.4`. */
  readonly pythonVersion: Located<string>;
  readonly cuda?: Located<string>;
  readonly cudnn?: Located<string>;
  readonly sdkVersion?: Located<string>;
  readonly systemPackages: readonly Located<string>[];
  readonly requirements: Requirements;
  /** `build.run`, then `build.pre_install`, as Cog orders them. */
  readonly run: readonly RunCommand[];
  /** `run:` or `predict:`; absent for a project without a predictor. */
  readonly predict?: PythonTarget;
  readonly train?: PythonTarget;
  readonly concurrency?: { readonly max: number; readonly where: Where };
  /** In byte-wise order of names. */
  readonly environment: readonly { readonly name: string; readonly value: string; readonly where: Where }[];
  readonly image?: Located<string>;
  readonly model?: Located<string>;
  readonly weights: readonly Located<unknown>[];
  readonly notices: readonly Notice[];
  /** The whole configuration as plain data, for the `run.cog.config` label. */
  readonly config: Readonly<Record<string, unknown>>;
}
