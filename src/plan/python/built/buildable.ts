import type { Context } from '../../../context.ts';
import type { ResolveInput } from '../../families.ts';
import { compileFor, type SolveRequest } from '../compile-for.ts';
import { solve } from '../solve.ts';
import { type OpenBuilder, openBuilder } from './open-builder.ts';

/** A request whose packages may be built, where there is a system to build them for. */
export function buildable(
  context: Context,
  input: ResolveInput,
  request: SolveRequest,
): { readonly request: SolveRequest; readonly builder: OpenBuilder | undefined } {
  if (input.system === undefined) return { request, builder: undefined };
  const builder = openBuilder(context, input, request, { solve, ask: compileFor });
  const { requirements, directory } = input.spec;
  const noBinary = requirements.noBinary.filter((name) => name !== ':none:');
  return {
    request: { ...request, builds: { builder: builder.options, projectDirectory: directory, noBinary } },
    builder,
  };
}
