import type { Json } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import type { PythonPackage } from '../../lock/schema.generated.ts';
import { remember } from '../../store/remember.ts';
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
  build?: string,
): Promise<readonly PythonPackage[]> {
  const asked = { environment, roots: roots.map(({ text }) => text), indexes, keep };
  const { packages } = await remember<Remembered>(
    store,
    {
      kind: KIND,
      inputs: asked as unknown as Json,
      holds: ({ at }) => {
        const age = now().getTime() - at;
        return age >= 0 && age < FRESH;
      },
      build,
    },
    async () => {
      const solved = await solve();
      return { at: now().getTime(), packages: solved };
    },
  );
  return packages;
}
