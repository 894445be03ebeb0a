import type { Json } from '../canonical.ts';
import { canonicalJson } from '../canonical.ts';
import { type Sha256, sha256 } from '../digest.ts';

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
  readonly scheme: InstallScheme;
  readonly wheels: readonly WheelInput[];
  /** Debs whose Python modules are compiled too: those below usr/lib/python3*. */
  readonly debs: readonly DebInput[];
  /** Wheels installed for the server only, below `serverScheme`. */
  readonly serverScheme: InstallScheme;
  readonly serverWheels: readonly WheelInput[];
}

export type Recipe = DebsRecipe | DebianConfigurationRecipe | WheelsRecipe | BytecodeRecipe;

/** The key of a recipe: the same inputs and rules give the same key on every machine. */
export function recipeKey(recipe: Recipe): Sha256 {
  return sha256(canonicalJson(recipe as unknown as Json));
}
