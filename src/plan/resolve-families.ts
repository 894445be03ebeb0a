import { canonicalJson, type Json } from '../canonical.ts';
import type { Context } from '../context.ts';
import { type Sha256, sha256 } from '../digest.ts';
import { CogplanError, isCogplanError } from '../errors.ts';
import { withSpan } from '../events.ts';
import { Signal } from '../signal.ts';
import { fixesOf } from '../spec/edit-spec.ts';
import { imageBaseOf } from './base/image-base.ts';
import { isSameEnvironment } from './environment.ts';
import type { PythonResolution, PythonTargetEnvironment, ResolveInput, SystemResolution } from './families.ts';

const KIND = 'python-environment';

export interface Kept {
  /** What the lock before has, when nothing asks for more. */
  readonly system: SystemResolution | undefined;
  /** The lock before's wheels for an environment, when nothing asks for more and they were chosen for that one. */
  readonly python: (environment: PythonTargetEnvironment) => PythonResolution | undefined;
}

export interface Families {
  readonly system: SystemResolution;
  readonly python: PythonResolution;
}

/**
 * Looks up the families that are not kept. Wheels are chosen for the environment that the system gives; the one that it gave
 * last time is assumed meanwhile, so that both are looked up side by side, and what was looked up for another is thrown away.
 */
export async function resolveFamilies(context: Context, input: ResolveInput, kept: Kept): Promise<Families> {
  if (kept.system !== undefined) {
    const { environment } = kept.system;
    const { system } = kept;
    const withSystem = { ...input, system: async () => system, systemFor: resolveSystemFamily };
    const python = kept.python(environment) ?? (await resolvePythonFamily(context, withSystem, environment));
    return { system, python };
  }
  const key = environmentKey(input);
  const expected = await context.store.getDerived<StoredEnvironment>(KIND, key);
  const needed = new Signal();
  // The resolver of Python packages is another process: once it works, there is time for the system.
  const resolving = needed.given.then(() => resolveSystemFamily(context, input));
  const withSystem: ResolveInput = {
    ...input,
    system: () => {
      needed.give();
      return resolving;
    },
    systemFor: resolveSystemFamily,
    onAsked: () => needed.give(),
  };
  const early = expected === undefined ? undefined : startEarly(context, withSystem, kept, expected);
  if (early === undefined) needed.give();
  else void early.ended.then(() => needed.give());
  try {
    const system = await resolving.catch(async (error: unknown) => {
      throw await joinedFailure(context, error, {
        input,
        python: early?.python,
        environment: expected ?? (await likelyEnvironment(input)),
      });
    });
    const { environment } = system;
    if (early !== undefined && isSameEnvironment(early.environment, environment))
      return { system, python: await early.python };
    const python = kept.python(environment) ?? (await resolvePythonFamily(context, withSystem, environment));
    await context.store.putDerived(KIND, key, { ...environment });
    return { system, python };
  } finally {
    await early?.stop();
  }
}

type StoredEnvironment = { readonly [Key in keyof PythonTargetEnvironment]: PythonTargetEnvironment[Key] };

interface EarlyStart {
  readonly environment: PythonTargetEnvironment;
  readonly python: Promise<PythonResolution>;
  /** Resolved when it has succeeded or failed. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

function startEarly(
  context: Context,
  input: ResolveInput,
  kept: Kept,
  environment: PythonTargetEnvironment,
): EarlyStart {
  const stopped = new AbortController();
  const signal = AbortSignal.any([context.signal, stopped.signal]);
  const known = kept.python(environment);
  const python =
    known === undefined ? resolvePythonFamily({ ...context, signal }, input, environment) : Promise.resolve(known);
  // A failure counts only once the environment is known to be the right one.
  const settled = python.then(
    () => {},
    () => {},
  );
  return {
    environment,
    python,
    ended: settled,
    stop: () => {
      stopped.abort();
      return settled;
    },
  };
}

function environmentKey({ spec, platform }: ResolveInput): Sha256 {
  const { base, interpreter } = spec.settings.values;
  return sha256(
    canonicalJson({
      python: spec.pythonVersion.value,
      platform,
      base,
      builds: interpreter?.builds as Json | undefined,
    }),
  );
}

/** What is wrong with the system family, together with what is wrong with Python's: a person wants to see both at once. */
async function joinedFailure(
  context: Context,
  error: unknown,
  {
    input,
    python,
    environment,
  }: {
    readonly input: ResolveInput;
    readonly python: Promise<PythonResolution> | undefined;
    readonly environment: PythonTargetEnvironment | undefined;
  },
): Promise<unknown> {
  if (!isCogplanError(error) || error.family !== 'input') return error;
  if (error.code === 'COGPLAN_PYTHON_UNAVAILABLE') {
    const [{ withFittingPythons }, { acceleratorTable }] = await Promise.all([
      import('./interpreter/fitting-pythons.ts'),
      import('./accelerator/table.ts'),
    ]);
    return withFittingPythons(error, input.spec, acceleratorTable());
  }
  if (environment === undefined) return error;
  const other = await (python ?? resolvePythonFamily(context, input, environment)).then(
    () => undefined,
    (failure: unknown) => failure,
  );
  context.signal.throwIfAborted();
  if (!isCogplanError(other) || other.family !== 'input' || other.code === 'COGPLAN_OFFLINE') return error;
  const others = [{ message: other.message, where: other.where, hint: other.hint, code: other.code }];
  const { message, subject, where, hint, data, code } = error;
  const known = Array.isArray(data?.others) ? (data.others as readonly unknown[]) : [];
  return new CogplanError(code, message, {
    subject,
    where,
    hint,
    data: { ...data, others: [...known, ...others], fixes: [...fixesOf(error), ...fixesOf(other)] },
    cause: error,
  });
}

/** Good enough to choose wheels for, when the system that would tell cannot be resolved. */
async function likelyEnvironment({ spec, platform }: ResolveInput): Promise<PythonTargetEnvironment | undefined> {
  const minor = spec.pythonVersion.value.split('.').slice(0, 2).join('.');
  const { PYTHONS, standalonePythons } = await import('./tables/pythons.ts');
  const python = [...PYTHONS, ...standalonePythons(platform)].find((item) => item.python === minor);
  return python && { version: python.version, path: '/usr/bin/python3', platform, glibc: python.glibc };
}

// The resolvers, and the libraries behind them, are loaded when a family is really looked up.

async function resolveSystemFamily(context: Context, input: ResolveInput): Promise<SystemResolution> {
  const image = imageBaseOf(input.spec);
  if (image !== undefined) return (await import('./base/resolve-base.ts')).resolveOnImage(context, input, image);
  const { resolveSystem } = await import('./system/resolve.ts');
  return withSpan(context.host, 'resolve.system', 'Resolving base and system packages', () =>
    resolveSystem(context, input),
  );
}

async function resolvePythonFamily(
  context: Context,
  input: ResolveInput,
  environment: PythonTargetEnvironment,
): Promise<PythonResolution> {
  const { resolvePython } = await import('./python/resolve.ts');
  return withSpan(context.host, 'resolve.python', 'Resolving Python packages', () =>
    resolvePython(context, input, environment),
  );
}
