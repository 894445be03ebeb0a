import type { Context } from '../context.ts';

type Work = (context: Context) => Promise<unknown>;

/**
 * Runs pieces of work side by side under a signal of their own. When one fails, the others are stopped, and all have ended before the
 * first error is thrown: nothing goes on behind the caller's back.
 */
export async function runTogether<const W extends readonly Work[]>(
  context: Context,
  pieces: W,
): Promise<{ readonly [K in keyof W]: Awaited<ReturnType<W[K]>> }> {
  const stop = new AbortController();
  const inner = { ...context, signal: AbortSignal.any([context.signal, stop.signal]) };
  let failure: { readonly error: unknown } | undefined;
  const results = await Promise.all(
    pieces.map(async (work) => {
      try {
        return await work(inner);
      } catch (error) {
        failure ??= { error };
        stop.abort(error);
        return undefined;
      }
    }),
  );
  if (failure !== undefined) throw failure.error;
  return results as { readonly [K in keyof W]: Awaited<ReturnType<W[K]>> };
}
