import type { Context } from '../../context.ts';
import { isCogplanError } from '../../errors.ts';
import type { Located } from '../../spec/spec.ts';
import type { ResolveInput, SystemResolution } from '../families.ts';
import { ask } from './ask.ts';
import { buildable } from './built/buildable.ts';
import type { SolveRequest } from './compile-for.ts';
import type { Root } from './roots.ts';

/** A change of a project, as what the resolvers would be asked. */
export interface Trial {
  readonly request: SolveRequest;
  /** Instead of the project's `build.python_version`; `request` has its environment already. */
  readonly python?: Located<string>;
}

/**
 * `yes`: the project would lock. `packages`: its wheels can be had; what the change asks of the system could not be found out, for want of a network.
 * `sources`: so it is with its wheels, but the project names sources that have to be built as well. `builds`: its wheels alone will not do.
 */
export type Verdict = 'yes' | 'no' | 'packages' | 'sources' | 'builds';

/** Tries changes as locking would, but writes and tells nothing. */
export class Trials {
  readonly #input: ResolveInput | undefined;
  readonly #systems = new Map<string, Promise<SystemResolution>>();

  /** Without `input` only wheels are tried: there is no system to build for. */
  constructor(input: ResolveInput | undefined) {
    this.#input = input;
  }

  /** Builds nothing. */
  async withoutBuilds(context: Context, trial: Trial): Promise<Verdict> {
    const { builds: _, ...request } = trial.request;
    const isThere = await isResolved(context, request);
    if (!isThere) return this.#mayBuild ? 'builds' : 'no';
    if (request.roots.some(isSource)) return this.#mayBuild ? 'sources' : 'no';
    return this.#systemOf(context, trial);
  }

  /** With all that the project needs. */
  async withBuilds(context: Context, trial: Trial): Promise<Verdict> {
    const input = this.#input;
    if (input === undefined) return 'no';
    if (!this.#movesSystem(trial)) return (await isResolved(context, trial.request)) ? 'yes' : 'no';
    const system = await this.#systemOf(context, trial);
    if (system !== 'yes') return 'no';
    const changed = { ...this.#changed(input, trial), system: () => this.#resolveSystem(context, trial) };
    const { builds: _, ...plain } = trial.request;
    const { environment } = await changed.system();
    const { request } = buildable(context, changed, { ...plain, environment });
    return (await isResolved(context, request)) ? 'yes' : 'no';
  }

  get #mayBuild(): boolean {
    return this.#input?.system !== undefined;
  }

  /** Debian's packages, and the interpreter, are others than those that were resolved already. */
  #movesSystem({ request, python }: Trial): boolean {
    return python !== undefined || request.asOf !== (this.#input?.options.asOf ?? null);
  }

  async #systemOf(context: Context, trial: Trial): Promise<Verdict> {
    if (this.#input?.systemFor === undefined || !this.#movesSystem(trial)) return 'yes';
    try {
      await this.#resolveSystem(context, trial);
      return 'yes';
    } catch (error) {
      context.signal.throwIfAborted();
      if (!isCogplanError(error)) throw error;
      return OUT_OF_REACH.has(error.code) ? 'packages' : 'no';
    }
  }

  #resolveSystem(context: Context, trial: Trial): Promise<SystemResolution> {
    const { request, python } = trial;
    const key = `${python?.value ?? ''} ${request.asOf ?? ''}`;
    const known = this.#systems.get(key);
    if (known !== undefined) return known;
    if (this.#input?.systemFor === undefined) throw new Error('there is no system to resolve');
    const resolving = this.#input.systemFor(context, this.#changed(this.#input, trial));
    this.#systems.set(key, resolving);
    return resolving;
  }

  #changed(input: ResolveInput, { request, python }: Trial): ResolveInput {
    const spec = python === undefined ? input.spec : { ...input.spec, pythonVersion: python };
    return { ...input, spec, options: { ...input.options, asOf: request.asOf } };
  }
}

const OUT_OF_REACH: ReadonlySet<string> = new Set([
  'COGPLAN_NETWORK',
  'COGPLAN_OFFLINE',
  'COGPLAN_HTTP_STATUS',
  'COGPLAN_AS_OF_UNAVAILABLE',
]);

function isSource({ source, wheel, requirement }: Root): boolean {
  return source !== undefined || (wheel === undefined && requirement.url !== undefined);
}

async function isResolved(context: Context, request: SolveRequest): Promise<boolean> {
  try {
    // With the bounds of Python that indexes tell, all of them.
    const bounded = { ...request, misfits: request.misfits ?? new Map() };
    return (await ask(context, bounded)).outcome.kind === 'resolved';
  } catch (error) {
    context.signal.throwIfAborted();
    if (isCogplanError(error)) return false;
    throw error;
  }
}
