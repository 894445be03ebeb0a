import { buildId } from '../../build-id.ts';
import { canonicalJson, type Json } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { sha256 } from '../../digest.ts';
import type { PythonPackage } from '../../lock/schema.generated.ts';
import type { SolveRequest } from './compile-for.ts';

const KIND = 'server-packages';
/** As long as the index itself lets its pages be kept, and uv keeps them. */
const FRESH = 600_000;

interface Remembered {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly packages: readonly PythonPackage[];
}

/**
 * The server's packages, which are the same for every project with the same interpreter: what another project was given within the last ten
 * minutes, else what `solve` gives.
 */
export async function rememberServer(
  { store, now }: { readonly store: Pick<Context['store'], 'getDerived' | 'putDerived'>; readonly now: () => Date },
  { environment, roots, indexes, keep }: Pick<SolveRequest, 'environment' | 'roots' | 'indexes' | 'keep'>,
  solve: () => Promise<readonly PythonPackage[]>,
  build: string = buildId(),
): Promise<readonly PythonPackage[]> {
  // From source there is no build whose answers could be told from those of the next edit.
  if (build === 'source') return solve();
  const asked = { build, environment, roots: roots.map(({ text }) => text), indexes, keep };
  const key = sha256(canonicalJson(asked as unknown as Json));
  const known = await store.getDerived<Json & Remembered>(KIND, key);
  const age = known === undefined ? Number.NaN : now().getTime() - known.at;
  if (known !== undefined && age >= 0 && age < FRESH) return known.packages;
  const packages = await solve();
  await store.putDerived(KIND, key, { at: now().getTime(), packages } as unknown as Json);
  return packages;
}
