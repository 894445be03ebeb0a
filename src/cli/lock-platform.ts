import type { Platform } from '../lock/platform.ts';
import type { Lock } from '../lock/schema.generated.ts';
import { platformOf } from './session.ts';

interface Wishes {
  readonly platform?: string;
}

/** What a lock is made for: the platform named, else those of cogplan.yaml, else those of the lock before, else this machine's. */
export function lockPlatforms(
  previous: Lock | undefined,
  options: Wishes,
  settled: readonly Platform[] = [],
): readonly [Platform, ...Platform[]] {
  const locked = Object.keys(previous?.targets ?? {}) as Platform[];
  const [first, ...rest] = options.platform !== undefined ? [] : settled.length > 0 ? settled : locked;
  return first === undefined ? [platformOf(options)] : [first, ...rest];
}
