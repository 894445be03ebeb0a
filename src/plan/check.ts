import { canonicalJson, type Json } from '../canonical.ts';
import type { Lock } from '../lock/schema.generated.ts';
import type { Spec } from '../spec/spec.ts';
import { type AskedChange, askedOf, compareAsked } from './asked.ts';
import { imageOf } from './image.ts';

/**
 * Is a lock in step with what its project asks? Pure: no network, no file. Returns each family and key that is not; an
 * image configuration that cog.yaml would now give otherwise counts under the family `image`.
 */
export function staleKeys(lock: Lock, spec: Spec): readonly AskedChange[] {
  const changes = [...compareAsked(lock.asked, askedOf(spec))];
  if (changes.some((change) => change.family === 'image')) return changes;
  for (const target of Object.values(lock.targets)) {
    const image = imageOf(spec, target.runtime.sdk.version);
    for (const key of Object.keys(image) as (keyof typeof image)[]) {
      const [before, after] = [target.image[key] as Json, image[key] as Json];
      if (canonicalJson(before) !== canonicalJson(after)) changes.push({ family: 'image', key, before, after });
    }
  }
  return changes;
}
