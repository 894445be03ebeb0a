import type { Context } from '../../context.ts';
import type { BuildsOutcome } from './built/compile-with-builds.ts';
import { compileFor, type SolveRequest } from './compile-for.ts';
import type { Unreachable } from './offer.ts';

/**
 * What a lock would be made of, or why there is nothing: the resolver's answer, with what has no wheel built on the way. Errors are those of building and of
 * the indexes.
 */
export async function ask(
  context: Context,
  request: SolveRequest,
  unreachable: Unreachable = new Map(),
): Promise<BuildsOutcome> {
  const { environment, asOf, builds, roots } = request;
  if (builds === undefined) {
    return { outcome: await compileFor(context, request, { unreachable }), roots, built: new Map() };
  }
  const { compileWithBuilds } = await import('./built/compile-with-builds.ts');
  return compileWithBuilds(context, {
    ...builds,
    environment,
    asOf,
    roots,
    misfits: request.misfits,
    sources: request.indexes,
    compile: ({ roots: given, ...change }) =>
      compileFor(context, { ...request, roots: given }, { ...change, unreachable }),
  });
}
