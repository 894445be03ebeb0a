import type { Json } from '../canonical.ts';
import { canonicalJson } from '../canonical.ts';
import { type Digest, type Sha256, sha256 } from '../digest.ts';
import type { PlacedFile } from '../lock/schema.generated.ts';

/** A .deb as recipes name it. */
export interface DebInput {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly sha256: Sha256;
}

/** A wheel as recipes name it; the file name carries tags and the distribution's spelling. */
export interface WheelInput {
  readonly filename: string;
  readonly sha256: Sha256;
}

/** Unpacked .debs of one group, without any generated file. */
export interface DebsRecipe {
  readonly kind: 'debs';
  readonly assembler: 1;
  readonly architecture: string;
  /** True for the group that brings the usr-merge links. */
  readonly root: boolean;
  readonly debs: readonly DebInput[];
  /** Debs of lower layers: for Replaces, diversions and links to directories. */
  readonly below: readonly DebInput[];
}

/** What installing all the .debs would have generated: loader cache, alternatives, accounts, CA bundle, dpkg database, `python` links. */
export interface DebianConfigurationRecipe {
  readonly kind: 'debian-configuration';
  readonly assembler: 1;
  readonly architecture: string;
  readonly suite: string;
  readonly debs: readonly DebInput[];
  /** Interpreter that `python` and `python3` in /usr/local/bin name, such as /usr/bin/python3.11. */
  readonly interpreter: string;
  /** Names of debs that are left unconfigured, for a step above to run their scripts; absent: none. */
  readonly sealed?: readonly string[];
}

/** Where a wheel's parts go, as absolute paths without the leading slash. */
export interface InstallScheme {
  readonly purelib: string;
  readonly platlib: string;
  readonly scripts: string;
  readonly headers: string;
  readonly data: string;
  /** Interpreter in the shebang of console scripts, absolute. */
  readonly interpreter: string;
}

export interface WheelsRecipe {
  readonly kind: 'wheels';
  readonly assembler: 1;
  readonly scheme: InstallScheme;
  readonly wheels: readonly WheelInput[];
}

/**
 * Bytecode of the modules that `units` install, compiled by the interpreter whose root is made of `rootLayers`. A unit is one wheel,
 * or the interpreter's own library.
 */
export interface BytecodeRecipe {
  readonly kind: 'bytecode';
  readonly assembler: 1;
  readonly interpreter: string;
  /** Debs whose contents the compiling interpreter runs from: decides the bytes. */
  readonly rootDebs: readonly DebInput[];
  /** In their place on an image base: its layers, bottom first. */
  readonly rootLayers?: readonly Digest[];
  /** The compiling interpreter, when it is a standalone one. */
  readonly rootArchive?: { readonly version: string; readonly sha256: Sha256 };
  /** Whether the modules of that interpreter are compiled. */
  readonly archive?: true;
  readonly scheme: InstallScheme;
  readonly wheels: readonly WheelInput[];
  /** Debs whose Python modules are compiled too: those below usr/lib/python3*. */
  readonly debs: readonly DebInput[];
  /** Wheels installed for the server only, below `serverScheme`. */
  readonly serverScheme: InstallScheme;
  readonly serverWheels: readonly WheelInput[];
}

/** Something put at a path of the image, without where it comes from. */
export interface FileInput {
  /** Canonical, without leading slash. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink';
  /** Permission bits of a file or directory. */
  readonly mode: number;
  readonly sha256?: Sha256;
  readonly text?: string;
  /** Of a symlink. */
  readonly target?: string;
  readonly unpack?: { readonly format: UnpackFormat; readonly strip: number };
}

export type UnpackFormat = NonNullable<NonNullable<PlacedFile['unpack']>['format']>;

/** Files, links and unpacked archives, in the order in which they are put there. */
export interface FilesRecipe {
  readonly kind: 'files';
  readonly assembler: 1;
  readonly files: readonly FileInput[];
  /** The interpreter's cache tag: bytecode of modules that are replaced is taken away. Absent: nothing is replaced. */
  readonly cacheTag?: string;
}

/** What a command leaves behind when it is run on the layers below it. */
export interface StepRecipe {
  readonly kind: 'step';
  readonly assembler: 1;
  readonly architecture: string;
  /** Keys of the recipes that the command runs on, bottom first. */
  readonly below: readonly Sha256[];
  readonly command: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly network: 'none' | 'recorded';
  readonly secrets: readonly { readonly id: string; readonly target: string }[];
  readonly fetched: readonly {
    readonly url: string;
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly sha256: Sha256;
  }[];
  readonly cacheTag: string;
}

/** What installing .debs changes in an image base, files and configuration together. */
export interface DebsOnImageRecipe {
  readonly kind: 'debs-on-image';
  readonly assembler: 1;
  readonly architecture: string;
  readonly suite: string;
  /** DiffIDs of the base's layers, bottom first. */
  readonly base: readonly Digest[];
  readonly debs: readonly DebInput[];
  /** Names of debs that are left unconfigured, for a step above to run their scripts; absent: none. */
  readonly sealed?: readonly string[];
}

/** A standalone interpreter, by its archive. */
export interface StandaloneRecipe {
  readonly kind: 'standalone-python';
  readonly assembler: 1;
  readonly version: string;
  readonly sha256: Sha256;
}

/** A layer of an image base, as it is. */
export interface ImageLayerRecipe {
  readonly kind: 'image-layer';
  readonly assembler: 1;
  readonly diffId: Digest;
}

export type Recipe =
  | ImageLayerRecipe
  | DebsOnImageRecipe
  | DebsRecipe
  | DebianConfigurationRecipe
  | WheelsRecipe
  | StandaloneRecipe
  | BytecodeRecipe
  | FilesRecipe
  | StepRecipe;

/** What is made from locked files alone, without running anything. */
export type PureRecipe = Exclude<Recipe, BytecodeRecipe | StepRecipe | ImageLayerRecipe>;

/** The key of a recipe: the same inputs and rules give the same key on every machine. */
export function recipeKey(recipe: Recipe): Sha256 {
  return sha256(canonicalJson(recipe as unknown as Json));
}
