import type { Where } from '../../errors.ts';
import type { Located } from '../spec.ts';

/** As the lock's `targets` names platforms. */
export type RunPlatform = 'linux/amd64' | 'linux/arm64';

/** Said of what holds for images of one platform only. */
export interface ForPlatform {
  readonly platform?: RunPlatform;
}

/** What became of a part of a command. */
export type RunClass = 'python' | 'system' | 'file' | 'git' | 'weights' | 'none' | 'step';

export interface RunPart extends ForPlatform {
  readonly class: RunClass;
  /** The part as it was written. */
  readonly text: string;
  /** What it became, or why it is run. */
  readonly why: string;
}

export interface ReadCommand {
  /** `build.run[0]`. */
  readonly from: string;
  readonly command: string;
  readonly where: Where;
  readonly parts: readonly RunPart[];
}

export interface GitSource {
  readonly url: string;
  /** Branch, tag or commit; absent: the default branch. */
  readonly ref?: string;
  readonly submodules?: true;
  /** False: files that LFS holds stay pointers. */
  readonly lfs?: false;
}

export type UnpackFormat = 'tar' | 'tar.gz' | 'tar.xz' | 'tar.bz2' | 'tar.zst' | 'zip' | 'gz' | 'xz' | 'bz2' | 'zst';

/** Something that a command puts at a place of the image. URLs may hold `MACHINE` and `ARCHITECTURE`. */
export interface Placement extends ForPlatform {
  readonly order: number;
  readonly from: string;
  readonly where: Where;
  /** Absolute, canonical. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink';
  /** Permission bits; absent: 0644 and 0755. */
  readonly mode?: number;
  readonly url?: string;
  /** Other addresses of the same bytes. */
  readonly mirrors?: readonly string[];
  readonly sha256?: string;
  readonly text?: string;
  readonly target?: string;
  readonly git?: GitSource;
  readonly unpack?: { readonly format: UnpackFormat; readonly strip: number };
}

/** A command, or the end of one, that is run. */
export interface RunStep extends ForPlatform {
  readonly order: number;
  readonly from: string;
  readonly where: Where;
  readonly command: string;
  readonly why: string;
  readonly secrets: readonly { readonly id: string; readonly target: string }[];
}

/** A line as in a requirements file, that a command installs. */
export interface InstalledRequirement extends Located<string> {
  readonly from: string;
  /** `pip install --no-deps`: without what it asks for. */
  readonly noDeps?: boolean;
}

/** A requirements file in a git tree, which can be read once the tree is there. */
export interface TreeRequirements extends ForPlatform {
  readonly git: GitSource;
  /** Relative to the tree. */
  readonly path: string;
  readonly where: Where;
  /** `pip install --no-deps`. */
  readonly noDeps?: boolean;
}

/** `hf://owner/model`, and where it goes. */
export interface RunWeights {
  readonly uri: string;
  readonly path: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly from: string;
  readonly where: Where;
}

/** A system package that a command installs. */
export interface InstalledPackage extends Located<string>, ForPlatform {}

/** What the commands of `build.run` come to. */
export interface RunReading {
  readonly commands: readonly ReadCommand[];
  readonly placements: readonly Placement[];
  readonly steps: readonly RunStep[];
  /** Lines as in a requirements file. */
  readonly requirements: readonly InstalledRequirement[];
  readonly treeRequirements: readonly TreeRequirements[];
  readonly systemPackages: readonly InstalledPackage[];
  readonly weights: readonly RunWeights[];
  readonly warnings: readonly Located<string>[];
}

export const NOTHING_RUN: RunReading = {
  commands: [],
  placements: [],
  steps: [],
  requirements: [],
  treeRequirements: [],
  systemPackages: [],
  weights: [],
  warnings: [],
};

/** Stands for what `uname -m` prints on the target: `x86_64`, `aarch64`. */
export const MACHINE = '\uE000';
/** Stands for what `dpkg --print-architecture` prints on the target: `amd64`, `arm64`. */
export const ARCHITECTURE = '\uE001';
