import { buildId } from '../build-id.ts';
import { canonicalJson, type Json } from '../canonical.ts';
import { sha256 } from '../digest.ts';
import type { Store } from './store.ts';

export interface Memory<T> {
  readonly kind: string;
  /** All that the answer follows from. */
  readonly inputs: Json;
  /** Whether a remembered answer still holds; absent: it does. */
  readonly holds?: (known: T) => boolean;
  /** Whether an answer is to be remembered; absent: it is. */
  readonly keeps?: (answer: T) => boolean;
  /** The build of the program, whose answers are not taken for another's. */
  readonly build?: string | undefined;
}

/** What the store remembers for the same inputs, else what `work` gives. Only plain JSON can be remembered; failures are not. */
export async function remember<T>(
  store: Pick<Store, 'getDerived' | 'putDerived'>,
  { kind, inputs, holds = () => true, keeps = () => true, build = buildId() }: Memory<T>,
  work: () => Promise<T>,
): Promise<T> {
  // From source there is no build whose answers could be told from those of the next edit.
  if (build === 'source') return work();
  const key = sha256(canonicalJson({ build, inputs }));
  const known = await store.getDerived<Json & T>(kind, key);
  if (known !== undefined && holds(known)) return known;
  const answer = await work();
  if (keeps(answer)) await store.putDerived(kind, key, answer as Json);
  return answer;
}
