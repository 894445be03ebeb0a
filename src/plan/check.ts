import { canonicalJson, type Json } from '../canonical.ts';
import type { Lock, PythonPackage } from '../lock/schema.generated.ts';
import type { Spec } from '../spec/spec.ts';
import { type AskedChange, askedOf, compareAsked } from './asked.ts';
import { imageOf } from './image.ts';

/** What a lock is held against: the project, and the `cog` wheel that this version of cogplan brings. */
export interface Wanted {
  readonly spec: Spec;
  readonly sdk: PythonPackage;
}

/**
 * Is a lock in step with what its project asks? Pure: no network, no file. Returns each family and key that is not; an
 * image configuration that cog.yaml would now give otherwise counts under the family `image`, another `cog` module under `runtime`.
 */
export function staleKeys(lock: Lock, { spec, sdk }: Wanted): readonly AskedChange[] {
  const changes = [...compareAsked(lock.asked, askedOf(spec))];
  const locked = Object.values(lock.targets).find(({ runtime }) => runtime.sdk.file.sha256 !== sdk.file.sha256)?.runtime
    .sdk;
  if (locked !== undefined) {
    changes.push({ family: 'runtime', key: 'cog', before: describe(locked), after: describe(sdk) });
  }
  if (changes.some((change) => change.family === 'image')) return changes;
  for (const target of Object.values(lock.targets)) {
    const image = imageOf(spec, target.runtime.sdk.version, target);
    for (const key of Object.keys(image) as (keyof typeof image)[]) {
      const [before, after] = [target.image[key] as Json, image[key] as Json];
      if (canonicalJson(before) !== canonicalJson(after)) changes.push({ family: 'image', key, before, after });
    }
  }
  return changes;
}

function describe({ version, file }: PythonPackage): string {
  return `${version} (sha256 ${file.sha256})`;
}
