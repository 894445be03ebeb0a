import type { Context } from '../../context.ts';
import { type CogplanError, isCogplanError } from '../../errors.ts';
import type { Located } from '../../spec/spec.ts';
import type { ResolveInput, SystemResolution } from '../families.ts';
import { ask } from './ask.ts';
import { buildable } from './built/buildable.ts';
import type { BuildsOutcome } from './built/compile-with-builds.ts';
import type { SolveRequest } from './compile-for.ts';
import type { Root } from './roots.ts';

/** A change of a project, as what the resolvers would be asked. */
export interface Trial {
  readonly request: SolveRequest;
  /** Instead of the project's `build.python_version`; `request` has its environment already. */
  readonly python?: Located<string>;
  /** Beside the project's own. */
  readonly systemPackages?: readonly Located<string>[];
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
  async withBuilds(context: Context, trial: Trial): Promise<'yes' | 'no'> {
    return (await this.failureOf(context, trial)) === undefined ? 'yes' : 'no';
  }

  /** What stands in the way of a change, with all that the project needs; undefined: nothing does. */
  async failureOf(context: Context, trial: Trial): Promise<Failure | undefined> {
    const input = this.#input;
    if (input === undefined) return {};
    return attempt(context, async () => {
      if (!this.#movesSystem(trial)) return askBounded(context, trial.request);
      if (input.systemFor === undefined) return undefined;
      const changed = { ...this.#changed(input, trial), system: () => this.#resolveSystem(context, trial) };
      const { builds: _, ...plain } = trial.request;
      const { environment } = await changed.system();
      const { request, builder } = buildable(context, changed, { ...plain, environment });
      try {
        return await askBounded(context, request);
      } finally {
        await builder?.close();
      }
    });
  }

  get #mayBuild(): boolean {
    return this.#input?.system !== undefined;
  }

  /** Debian's packages, and the interpreter, are others than those that were resolved already. */
  #movesSystem({ request, python, systemPackages }: Trial): boolean {
    return python !== undefined || systemPackages !== undefined || request.asOf !== (this.#input?.options.asOf ?? null);
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
    const { request, python, systemPackages = [] } = trial;
    const key = [python?.value ?? '', request.asOf ?? '', ...systemPackages.map(({ value }) => value)].join(' ');
    const known = this.#systems.get(key);
    if (known !== undefined) return known;
    if (this.#input?.systemFor === undefined) throw new Error('there is no system to resolve');
    const resolving = this.#input.systemFor(context, this.#changed(this.#input, trial));
    this.#systems.set(key, resolving);
    return resolving;
  }

  #changed(input: ResolveInput, { request, python, systemPackages = [] }: Trial): ResolveInput {
    const pythonVersion = python ?? input.spec.pythonVersion;
    const spec = {
      ...input.spec,
      pythonVersion,
      systemPackages: [...input.spec.systemPackages, ...systemPackages],
    };
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

/** Empty when no error tells. */
interface Failure {
  readonly error?: CogplanError;
}

async function isResolved(context: Context, request: SolveRequest): Promise<boolean> {
  return (await attempt(context, () => askBounded(context, request))) === undefined;
}

/** With the bounds of Python that indexes tell, all of them. */
function askBounded(context: Context, request: SolveRequest): Promise<BuildsOutcome> {
  return ask(context, { ...request, misfits: request.misfits ?? new Map() });
}

async function attempt(context: Context, work: () => Promise<BuildsOutcome | undefined>): Promise<Failure | undefined> {
  try {
    return (await work())?.outcome.kind === 'resolved' ? undefined : {};
  } catch (error) {
    context.signal.throwIfAborted();
    if (isCogplanError(error)) return { error };
    throw error;
  }
}
