import type { Context } from '../../context.ts';
import { CogplanError, isCogplanError, type Where } from '../../errors.ts';
import { warn, withSpan } from '../../events.ts';
import { normalizeName } from '../../formats/python/name.ts';
import type { PythonPackage } from '../../lock/schema.generated.ts';
import { Signal } from '../../signal.ts';
import { bundledSdk } from '../../sources/bundled-runtime.ts';
import { targetMarkers } from '../../sources/uv/target-interpreter.ts';
import { uvExecutable } from '../../sources/uv/uv-tool.ts';
import { type BuildChoice, chooseBuild } from '../accelerator/choose-build.ts';
import { describeAccelerator } from '../accelerator/describe.ts';
import { cudaOfBase } from '../accelerator/on-base.ts';
import { acceleratorTable } from '../accelerator/table.ts';
import { torchConflicts } from '../accelerator/torch-family.ts';
import type { PythonResolution, PythonTargetEnvironment, ResolveInput, ResolvePython } from '../families.ts';
import { type Held, NOTHING_HELD } from '../holds.ts';
import { buildable } from './built/buildable.ts';
import type { OpenBuilder } from './built/open-builder.ts';
import type { SolveRequest } from './compile-for.ts';
import { atItsPlace } from './index-places.ts';
import { jaxPages } from './jax-pages.ts';
import { keptServer } from './kept-server.ts';
import { rememberServer } from './remembered-server.ts';
import { ownRoots, projectRoots } from './roots.ts';
import { type IndexRule, type Sources, TORCH_FAMILY } from './routes.ts';
import { publicSources, solve } from './solve.ts';
import { DEFAULT_INDEX, projectSources } from './sources.ts';
import { uvTools } from './uv-table.ts';

/** What the HTTP server of the image imports. It lives apart from the model's packages, so versions never collide. */
const SERVER = ['httptools', 'orjson', 'uvicorn', 'uvloop'];

/**
 * The model's wheels and the server's, each for exactly one target. The server always comes from the default index, so that it
 * is the same, and its layer shared, whatever indexes a model names.
 */
export const resolvePython: ResolvePython = async (context, input, environment) => {
  refuseToBuildEverything(input);
  const sdk = bundledSdk();
  const tools = uvTools();
  const uv = await uvExecutable(context, tools);
  const { model: request, choice } = await modelRequest(context, input, { environment, uv });
  for (const { text, where } of choice.contradictions) {
    warn(context.host, 'COGPLAN_CUDA_CONTRADICTION', `${placeOf(where)}${text}`);
  }
  for (const { text } of torchConflicts(request.roots, acceleratorTable()))
    warn(context.host, 'COGPLAN_TORCH_FAMILY', text);
  const { request: built, builder } = buildable(context, input, request);
  const asked = new Signal();
  const model: SolveRequest = {
    ...built,
    ...(input.options.minimal === true ? { moveLeast: true } : {}),
    onAsked: () => {
      asked.give();
      input.onAsked?.();
    },
  };
  const serverRoots = ownRoots(SERVER);
  const kept = keptServer(input, environment, serverRoots);
  if (context.http.offline) {
    const text = 'packages are resolved among those that earlier runs looked up: newer versions may exist';
    warn(context.host, 'COGPLAN_RESOLVED_OFFLINE', text);
  }
  const [{ packages, sources }, server] = await both(
    context,
    (inner) =>
      withAdvice(inner, { input, model: withBuild(model, choice) }, () => solveForBuild(inner, model, choice))
        .catch((error: unknown) => {
          throw atItsPlace(error, input.spec);
        })
        .finally(() => asked.give()),
    async (inner) => {
      if (kept !== undefined) return kept;
      // The model's packages take longer: they are asked for first.
      await asked.given;
      const server = serverRequest(input, request, serverRoots);
      return rememberServer(inner, server, () => solve(inner, server));
    },
  ).finally(() => builder?.close());
  const { accelerator, notices } = describeAccelerator({
    gpu: input.spec.gpu,
    packages,
    platform: environment.platform,
    why: whyOf(choice, packages),
    asked: { cuda: input.spec.cuda?.value, cudnn: input.spec.cudnn?.value },
    explained: choice.contradictions.length > 0 || choice.isNearest,
    cudaBelow: await hasCudaBelow(input),
    table: acceleratorTable(),
  });
  for (const { code, text } of notices) warn(context.host, code, text);
  return {
    python: { indexes: publicSources(sources), packages: [...packages] },
    runtime: { sdk, server: [...server] },
    tools,
    accelerator,
    ...(await toolchainOf(packages, builder)),
  };
};

function placeOf(where: Where | undefined): string {
  return where?.line === undefined ? '' : `${where.file}:${where.line}: `;
}

/** Does the image that a project stands on have CUDA? Most stand on none. */
async function hasCudaBelow({ spec, system }: ResolveInput): Promise<boolean> {
  if (!spec.gpu || spec.settings.values.base === undefined || system === undefined) return false;
  return cudaOfBase((await system()).base) !== undefined;
}

/** Adds to an error of requirements that nothing satisfies, or of a build that failed, what would make the project lock. */
async function withAdvice<T>(
  context: Context,
  { input, model }: { readonly input: ResolveInput; readonly model: SolveRequest },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isCogplanError(error) || !ADVISED.has(error.code) || context.http.offline) throw error;
    const [{ advise }, { Trials }] = await Promise.all([import('./advise.ts'), import('./trials.ts')]);
    const trials = new Trials(input);
    const { moveLeast: _, ...request } = model;
    const { fixes, cutShort } = await withSpan(
      context.host,
      'resolve.advice',
      'Looking for changes that would help',
      () => advise(context, { request, spec: input.spec, error, now: context.now(), trials }),
    );
    const pages = jaxPages(model.roots, acceleratorTable()).filter(({ url }) => !model.indexes.findLinks.includes(url));
    if (fixes.length === 0 && cutShort === undefined && pages.length === 0) throw error;
    const { message, subject, where, data, code } = error;
    const places = pages.map(({ text, url }) => `${text} (--find-links ${url}).`);
    const hint = [error.hint, ...places, cutShort].filter((text) => text !== undefined).join(' ');
    throw new CogplanError(code, message, {
      subject,
      where,
      hint: hint === '' ? undefined : hint,
      data: fixes.length === 0 ? data : { ...data, fixes },
      cause: error,
    });
  }
}

const ADVISED: ReadonlySet<string> = new Set([
  'COGPLAN_BUILD_FAILED',
  'COGPLAN_NO_WHEEL',
  'COGPLAN_PYTHON_UNSATISFIABLE',
]);

/**
 * Packages and where they came from. An index for a build of torch is asked once torch is known to be needed: most projects
 * without a GPU have no use for it.
 */
async function solveForBuild(
  context: Context,
  model: SolveRequest,
  choice: BuildChoice,
): Promise<{ readonly packages: readonly PythonPackage[]; readonly sources: Sources }> {
  const { index } = choice;
  if (index !== undefined && !model.roots.some(({ name }) => TORCH_FAMILY.includes(name))) {
    const packages = await solve(context, model);
    if (!packages.some(({ name }) => name === 'torch')) return { packages, sources: model.indexes };
  }
  const request = withBuild(model, choice);
  return { packages: await solve(context, request), sources: request.indexes };
}

/** The request with the index that the torch family's build comes from. */
function withBuild(model: SolveRequest, { index, replaceable }: BuildChoice): SolveRequest {
  if (index === undefined) return model;
  const rule: IndexRule = { url: index, packages: TORCH_FAMILY, only: false, replaceable };
  return { ...model, indexes: { ...model.indexes, rules: [...(model.indexes.rules ?? []), rule] } };
}

function whyOf({ why, index }: BuildChoice, packages: readonly PythonPackage[]): string {
  const torch = packages.find(({ name }) => name === 'torch');
  if (torch === undefined && index !== undefined) return 'the wheels bring the CUDA they need';
  if (index === undefined || torch?.index === undefined || torch.index === index) return why;
  return `${why}; ${index} could not give it, so the build is that of ${torch.index}`;
}

async function modelRequest(
  context: Context,
  input: ResolveInput,
  { environment, uv }: { readonly environment: PythonTargetEnvironment; readonly uv: string },
): Promise<{ readonly model: SolveRequest; readonly choice: BuildChoice }> {
  const { requirements, gpu, cuda } = input.spec;
  const indexes = await projectSources(context, input.spec);
  const markers = targetMarkers(environment);
  const roots = projectRoots(requirements.requirements, markers, input.spec.directory);
  const choice = chooseBuild({
    gpu,
    cuda,
    platform: environment.platform,
    roots,
    named: [...indexes.extra, indexes.primary, ...indexes.findLinks, ...(indexes.rules ?? []).map((rule) => rule.url)],
    table: acceleratorTable(),
  });
  const model: SolveRequest = {
    uv,
    environment,
    roots,
    constraints: projectRoots(requirements.constraints, markers),
    indexes,
    pre: requirements.pre,
    asOf: input.options.asOf,
    keep: keptPackages(input, input.previous?.python.packages, input.held?.python),
    held: input.held?.python ?? NOTHING_HELD.python,
  };
  return { model, choice };
}

function serverRequest(input: ResolveInput, model: SolveRequest, roots: SolveRequest['roots']): SolveRequest {
  return {
    ...model,
    roots,
    constraints: [],
    indexes: { primary: DEFAULT_INDEX, extra: [], findLinks: [] },
    pre: false,
    // It is this version's of cogplan, whatever day the model's packages are of.
    asOf: null,
    keep: keptPackages(input, input.previous?.runtime.server),
    held: NOTHING_HELD.python,
  };
}

/** For the lock, when something was built. */
async function toolchainOf(
  packages: readonly PythonPackage[],
  builder: OpenBuilder | undefined,
): Promise<Pick<PythonResolution, 'toolchain' | 'toolchainArchives'>> {
  if (builder === undefined || packages.every(({ built }) => built === undefined)) return {};
  const { toolchain } = await builder.place();
  return { toolchain: { packages: [...toolchain] }, toolchainArchives: await builder.archives() };
}

function keptPackages(
  { options }: ResolveInput,
  packages: readonly PythonPackage[] = [],
  held: Held['python'] = NOTHING_HELD.python,
): readonly PythonPackage[] {
  const upgraded = new Set((options.upgradePackages ?? []).map(normalizeName));
  const moves = (name: string): boolean => options.mode === 'upgrade' || upgraded.has(normalizeName(name));
  return packages.filter(({ name }) => held.has(name) || !moves(name));
}

function refuseToBuildEverything({ spec }: ResolveInput): void {
  if (!spec.requirements.noBinary.includes(':all:')) return;
  throw new CogplanError('COGPLAN_REQUIREMENT_UNSUPPORTED', '--no-binary :all: would build every package from source', {
    subject: ':all:',
    hint: 'Name the packages that are to be built: --no-binary NAME.',
  });
}

/** Runs two pieces of work side by side. The first failure stops the other piece, is waited out, and is the one thrown. */
async function both<A, B>(
  context: Context,
  first: (inner: Context) => Promise<A>,
  second: (inner: Context) => Promise<B>,
): Promise<[A, B]> {
  const stop = new AbortController();
  const inner: Context = { ...context, signal: AbortSignal.any([context.signal, stop.signal]) };
  let failure: { readonly error: unknown } | undefined;
  const guard = async <T>(work: (inner: Context) => Promise<T>): Promise<T> => {
    try {
      return await work(inner);
    } catch (error) {
      failure ??= { error };
      stop.abort();
      throw error;
    }
  };
  const works = [guard(first), guard(second)] as const;
  await Promise.allSettled(works);
  if (failure !== undefined) throw failure.error;
  return Promise.all(works);
}
