import { canonicalJson, compareBytes, type Json } from '../../canonical.ts';
import { type Sha256, sha256 } from '../../digest.ts';
import { wheelFilename } from '../../formats/python/wheel-filename.ts';
import type { Platform } from '../../lock/platform.ts';
import type { BuildRequirement, BuiltSource, SystemPackage, Target } from '../../lock/schema.generated.ts';

/**
 * Number of the rules by which sources become wheels: the surroundings of the build, the program that drives it, and the way in which its result is packed. Part of every recipe.
 */
export const WHEEL_BUILD_RULES = 1;

/** What wheels are built for and with. */
export interface BuildPlace {
  /** Only its base, interpreter and system packages count. */
  readonly target: Pick<Target, 'base' | 'interpreter' | 'system'>;
  readonly toolchain: readonly SystemPackage[];
  readonly platform: Platform;
}

export interface WheelBuild {
  /** For messages: `demo 1.0`. */
  readonly what: string;
  readonly source: BuiltSource;
  readonly requires: readonly BuildRequirement[];
  /** `KEY=VALUE` for the build backend. */
  readonly settings?: readonly string[] | undefined;
  readonly place: BuildPlace;
}

/** sha256 over everything that decides the bytes of a wheel that is built. */
export function buildRecipe({ source, requires, settings = [], place }: WheelBuild): Sha256 {
  const { target, toolchain, platform } = place;
  const debs = [...target.system.packages, ...toolchain].map(({ file }) => file.sha256);
  const recipe: Json = {
    rules: WHEEL_BUILD_RULES,
    platform,
    // The config names the base's layers and its environment.
    ...(target.base.kind === 'image' ? { base: target.base.config.sha256 } : {}),
    interpreter: { path: target.interpreter.path, file: target.interpreter.file?.sha256 ?? null },
    debs: [...new Set(debs)].sort(compareBytes),
    source: {
      kind: source.kind,
      sha256: source.file.sha256,
      subdirectory: source.subdirectory ?? null,
      version: source.version ?? null,
    },
    requires: requires.map(({ file }) => ({ filename: wheelFilename(file), sha256: file.sha256 })),
    ...(settings.length === 0 ? {} : { settings: [...settings] }),
  };
  return sha256(canonicalJson(recipe));
}
