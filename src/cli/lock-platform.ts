import type { Platform } from '../lock/platform.ts';
import type { Lock } from '../lock/schema.generated.ts';
import { platformOf } from './session.ts';

/** An existing lock's only platform, unless another is named. */
export function lockPlatform(previous: Lock | undefined, options: { readonly platform?: string }): Platform {
  const locked = Object.keys(previous?.targets ?? {});
  return platformOf(
    options.platform === undefined && locked.length === 1 && locked[0] !== undefined
      ? { platform: locked[0] }
      : options,
  );
}
