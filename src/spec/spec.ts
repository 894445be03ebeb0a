import type { Sha256 } from '../digest.ts';
import type { Where } from '../errors.ts';
import type { Marker } from '../formats/python/marker.ts';
import type { NormalizedName } from '../formats/python/name.ts';
import type { Specifier } from '../formats/python/specifier.ts';
import type { InstalledPackage, RunReading } from './run/run-reading.ts';
import type { Settings } from './settings.ts';

/** A value a person wrote, with the place where it stands. */
export interface Located<T> {
  readonly value: T;
  readonly where: Where;
}

/** Where the bytes of a requirement come from. */
export type RequirementSource =
  /** Indexes; the line's specifiers say which versions. */
  | { readonly kind: 'index' }
  | {
      readonly kind: 'url';
      /** http or https, without fragment. User info is for requests only; it may hold `${NAME}`, see `expandUserInfo`. */
      readonly url: string;
      readonly form: 'wheel' | 'archive';
      readonly subdirectory?: string;
    }
  | {
      /** A file of the project, whose bytes had this hash when the spec was read. */
      readonly kind: 'path';
      /** Relative to the project, with `/`. */
      readonly path: string;
      readonly form: 'wheel' | 'archive';
      readonly sha256: Sha256;
      readonly subdirectory?: string;
    }
  /** A folder of the project that holds `pyproject.toml` or `setup.py`; `.` is the project itself. */
  | { readonly kind: 'path'; readonly path: string; readonly form: 'directory'; readonly subdirectory?: string }
  | {
      readonly kind: 'vcs';
      readonly vcs: 'git';
      /** http, https, ssh or file, without `git+`, ref and fragment. User info as for `url`. */
      readonly url: string;
      /** Branch, tag or commit as written, never like an option; absent for the default branch. */
      readonly ref?: string;
      readonly subdirectory?: string;
    };

/** A line of a requirements file, an entry of `python_packages`, or what a command of build.run installs. */
export interface RequirementLine {
  /**
   * Normalised text without comments, options and line continuations, such as `numpy>=1.26 ; python_version < "3.12"`, by PEP 508
   * wherever the name is known; else the address, such as `git+https://h/r.git@v1` or `./vendor/r`.
   */
  readonly text: string;
  readonly where: Where;
  /** Hashes given with `--hash` or in a fragment, as `sha256:…`. */
  readonly hashes: readonly string[];
  /** Absent where only the metadata of what `source` names will tell. */
  readonly name?: NormalizedName;
  readonly extras: readonly string[];
  /** Empty unless `source` is an index. */
  readonly specifiers: readonly Specifier[];
  readonly marker?: Marker;
  readonly source: RequirementSource;
  /** Given with `-e`. */
  readonly editable?: boolean;
  /** Installed without what it asks for: `pip install --no-deps` of `build.run`. */
  readonly noDeps?: boolean;
  /** `KEY=VALUE` of `--config-settings`, for the build of this requirement. */
  readonly configSettings?: readonly string[];
  /** Of `--global-option`, for a build by setup.py. */
  readonly globalOptions?: readonly string[];
}

export interface Requirements {
  readonly requirements: readonly RequirementLine[];
  /** Lines of files named by `-c`. */
  readonly constraints: readonly RequirementLine[];
  /** `--index-url`, when given. */
  readonly indexUrl?: Located<string>;
  readonly extraIndexUrls: readonly Located<string>[];
  /** URLs, or paths of the project that start with `./`: a folder of files or an HTML page. */
  readonly findLinks: readonly Located<string>[];
  /** `--no-index`: packages come from `findLinks` only. */
  readonly noIndex?: Located<true>;
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

/** Where weights come from: a path of the project, or an address (`hf://owner/model@ref`, `https://…`, `s3://…`, `gs://…`). */
export interface WeightSource {
  readonly uri: string;
  /** Patterns as in .gitignore; empty takes everything. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly where: Where;
}

/** Weights that belong together, under one place of the image. */
export interface WeightSet {
  readonly name: string;
  /** Absolute, without a trailing slash. */
  readonly target: string;
  readonly place: 'image' | 'startup';
  /** Laid out as the cache of the Hugging Face libraries; absent: as the source has it. */
  readonly layout?: 'hub-cache';
  /** Later ones win where two have a file of one path. */
  readonly sources: readonly WeightSource[];
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
  /** Where `gpu` stands; absent for the default. */
  readonly gpuWhere?: Where;
  /** `3.11` or `3.11.4`. */
  readonly pythonVersion: Located<string>;
  readonly cuda?: Located<string>;
  readonly cudnn?: Located<string>;
  readonly sdkVersion?: Located<string>;
  readonly systemPackages: readonly InstalledPackage[];
  readonly requirements: Requirements;
  /** `build.run`, then `build.pre_install`, as Cog orders them. */
  readonly run: readonly RunCommand[];
  /** What those come to; the packages they install stand with the others in `requirements` and `systemPackages`. */
  readonly runReading: RunReading;
  /** `run:` or `predict:`; absent for a project without a predictor. */
  readonly predict?: PythonTarget;
  readonly train?: PythonTarget;
  readonly concurrency?: { readonly max: number; readonly where: Where };
  /** In byte-wise order of names. */
  readonly environment: readonly { readonly name: string; readonly value: string; readonly where: Where }[];
  readonly image?: Located<string>;
  readonly model?: Located<string>;
  readonly weights: readonly WeightSet[];
  readonly notices: readonly Notice[];
  /** The whole configuration as plain data, for the `run.cog.config` label. */
  readonly config: Readonly<Record<string, unknown>>;
}
