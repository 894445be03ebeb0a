import { lstatSync, mkdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import type { Context } from '../../context.ts';
import type { Sha256 } from '../../digest.ts';
import { CogplanError, printable } from '../../errors.ts';
import { normalizeName } from '../../formats/python/name.ts';
import { parseWheelFilename, wheelFilename } from '../../formats/python/wheel-filename.ts';
import type { File, Target } from '../../lock/schema.generated.ts';
import { fetchArtifacts } from '../../sources/fetch-artifacts.ts';
import { installScheme } from '../plan-layers.ts';
import type { InstallScheme } from '../recipe.ts';
import { composeBuildRoot } from '../sandbox/build-root.ts';
import { type RootCommandResult, runInRoot } from '../sandbox/run-in-root.ts';
import type { Bind, Sandbox } from '../sandbox/sandbox.ts';
import { BUILD_PROGRAM } from './build-program.ts';
import { type BuildPlace, buildRecipe, type WheelBuild } from './build-recipe.ts';
import { normalizeWheel } from './normalize-wheel.ts';
import { type BuildSystem, readBuildSystem } from './read-build-system.ts';
import { unpackSource } from './unpack-source.ts';
import type { UnpackedWheels } from './unpacked-wheels.ts';

export interface BuildFailure {
  readonly kind: 'failed';
  /** The end of what the build said. */
  readonly log: string;
  readonly code: number;
}

export interface BuiltWheel {
  readonly kind: 'built';
  /** URL `built:/FILENAME`: the bytes are in the store. */
  readonly file: File;
}

/** What builds are carried out with. */
export interface BuildMeans {
  readonly openSandbox: () => Promise<Sandbox>;
  /** What builds need is unpacked once for all that share it. */
  readonly unpacked: UnpackedWheels;
}

const BUILD = '/build';
/** Scripts, data and headers of build requirements. */
const TOOLS = 'usr/local/lib/cogplan/build';
const TIMEOUT_MS = 3 * 60 * 60 * 1000;

/** What a source says that it needs to be built, before anything of it has run. */
export async function readSourceBuildSystem(
  context: Context,
  build: Omit<WheelBuild, 'requires' | 'place'>,
): Promise<BuildSystem> {
  const scratch = await context.store.scratch('source');
  try {
    const project = await unpackSource(context, build, sourceDirectory(scratch.path));
    return readBuildSystem(project, build.what);
  } finally {
    await scratch.dispose();
  }
}

/** The further requirements that the build backend asks for, with those of `build` at hand. */
export async function askBuildRequirements(
  context: Context,
  build: WheelBuild,
  means: BuildMeans,
): Promise<{ readonly kind: 'requires'; readonly requires: readonly string[] } | BuildFailure> {
  return runStep(context, build, { step: 'requires', ...means }, async (result) => {
    if (!Array.isArray(result) || !result.every((item) => typeof item === 'string')) {
      throw invalidAnswer(build.what);
    }
    return { kind: 'requires', requires: result as readonly string[] };
  });
}

/**
 * Builds a wheel in the sandbox: the locked interpreter and toolchain, the locked build requirements, no network, nothing of this machine. The result is packed anew, so that
 * the same inputs give the same bytes. A build that fails is an outcome.
 */
export async function buildWheel(
  context: Context,
  build: WheelBuild,
  means: BuildMeans,
): Promise<BuiltWheel | BuildFailure> {
  const recipe = buildRecipe(build);
  const known = await context.store.getDerived<KnownWheel>(KIND, recipe);
  if (known !== undefined && (await context.store.stat(known.sha256))?.size === known.size) {
    return { kind: 'built', file: fileOf(known) };
  }
  return runStep(context, build, { step: 'wheel', ...means }, async (result, out) => {
    const filename = typeof result === 'string' ? basename(result) : '';
    const path = join(out, filename);
    if (parseWheelFilename(filename) === undefined || lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
      throw invalidAnswer(build.what);
    }
    const { sha256, size } = await normalizeWheel(path, context.store);
    const wheel = { filename, sha256, size };
    await context.store.putDerived(KIND, recipe, wheel);
    return { kind: 'built', file: fileOf(wheel) };
  });
}

/** Kind of derived results: which wheel a recipe gave. */
const KIND = 'built-wheel';

type KnownWheel = { readonly filename: string; readonly sha256: Sha256; readonly size: number };

function fileOf({ filename, sha256, size }: KnownWheel): File {
  return { url: `built:/${encodeURIComponent(filename)}`, sha256, size };
}

interface Step extends BuildMeans {
  readonly step: 'requires' | 'wheel';
}

async function runStep<T>(
  context: Context,
  build: WheelBuild,
  { step, openSandbox, unpacked }: Step,
  take: (result: unknown, out: string) => Promise<T>,
): Promise<T | BuildFailure> {
  const { place, what, source } = build;
  const root = await composeBuildRoot(context, {
    target: asTarget(place),
    platform: place.platform,
    packages: place.toolchain,
    include: ({ family }) => family === 'base' || family === 'interpreter' || family === 'system',
    openSandbox,
  });
  const scratch = await context.store.scratch('build');
  try {
    const requires = await installRequires(context, build, unpacked, join(scratch.path, 'requires'));
    const directory = sourceDirectory(scratch.path);
    const project = await unpackSource(context, build, directory);
    const system = readBuildSystem(project, what);
    const out = join(scratch.path, 'out');
    mkdirSync(out);
    await writeFile(join(scratch.path, 'build.py'), BUILD_PROGRAM);
    const settings = hookSettings(build.settings ?? []);
    const config = { step, backend: system.backend, backendPath: system.backendPath, settings };
    const result = await runInRoot(context, {
      sandbox: await openSandbox(),
      root: root.path,
      argv: [place.target.interpreter.path, '-B', `${BUILD}/build.py`, JSON.stringify(config)],
      cwd: join(BUILD, 'source', relative(directory, project)),
      env: environmentOf(place, source.version),
      binds: [
        { host: join(scratch.path, 'build.py'), guest: `${BUILD}/build.py`, writable: false },
        { host: directory, guest: `${BUILD}/source`, writable: true },
        { host: out, guest: `${BUILD}/out`, writable: true },
        ...requires,
      ],
      timeoutMs: TIMEOUT_MS,
      onLog: (text) =>
        context.host.notify({ kind: 'message', level: 'debug', code: 'build.log', text: printable(text) }),
    });
    const answer = result.code === 0 ? readAnswer(join(out, 'result.json')) : undefined;
    return answer === undefined ? failureOf(result) : await take(answer.value, out);
  } finally {
    await scratch.dispose();
  }
}

/** `config_settings` of the hooks: what stands several times under one key is a list, as pip has it. https://peps.python.org/pep-0517/#config-settings */
export function hookSettings(settings: readonly string[]): Readonly<Record<string, string | readonly string[]>> | null {
  if (settings.length === 0) return null;
  const found = new Map<string, readonly string[]>();
  for (const setting of settings) {
    const equals = setting.indexOf('=');
    const [key, value] = equals < 0 ? [setting, ''] : [setting.slice(0, equals), setting.slice(equals + 1)];
    found.set(key, [...(found.get(key) ?? []), value]);
  }
  return Object.fromEntries([...found].map(([key, values]) => [key, values.length === 1 ? (values[0] ?? '') : values]));
}

/** The build requirements where the interpreter looks for modules, and their commands on PATH. */
async function installRequires(
  context: Context,
  { requires, place, what }: WheelBuild,
  unpacked: UnpackedWheels,
  directory: string,
): Promise<readonly Bind[]> {
  if (requires.length === 0) return [];
  await fetchArtifacts(
    context,
    requires.map(({ name, version, file }) => ({ file, what: `${name} ${version}, which ${what} is built with` })),
  );
  const scheme: InstallScheme = {
    ...installScheme(place.target),
    scripts: `${TOOLS}/bin`,
    headers: `${TOOLS}/include`,
    data: TOOLS,
    interpreter: place.target.interpreter.path,
  };
  const wheels = requires.map(({ file }) => ({ filename: wheelFilename(file), sha256: file.sha256 }));
  await unpacked.install(context, { scheme, wheels, directory });
  return [scheme.purelib, TOOLS]
    .filter((path) => lstatSync(join(directory, path), { throwIfNoEntry: false })?.isDirectory() === true)
    .map((path) => ({ host: join(directory, path), guest: `/${path}`, writable: false }));
}

function environmentOf({ target }: BuildPlace, version: string | undefined): Readonly<Record<string, string>> {
  const base = target.base.kind === 'image' ? variablesOf(target.base.env) : {};
  const path = [`/${TOOLS}/bin`, ...(base.PATH ?? '').split(':'), '/usr/local/bin', '/usr/bin', '/bin'];
  return {
    ...base,
    PATH: [...new Set(path.filter((part) => part !== ''))].join(':'),
    PIP_NO_INDEX: '1',
    // Backends that look for the compiler of the machine on which a standalone interpreter was made would not find it.
    ...(target.interpreter.provider === 'standalone'
      ? { CC: 'gcc', CXX: 'g++', LDSHARED: 'gcc -shared', AR: 'ar' }
      : {}),
    ...(version === undefined ? {} : { SETUPTOOLS_SCM_PRETEND_VERSION: version, PBR_VERSION: version }),
  };
}

/** Of an image base: where its compilers find CUDA. */
function variablesOf(env: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    env.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
}

function asTarget({ target }: BuildPlace): Target {
  const none: Target['runtime']['sdk'] = {
    name: 'cog',
    version: '0',
    file: { url: 'cogplan:cog-0-py3-none-any.whl', sha256: '0'.repeat(64) as Sha256, size: 0 },
    requires: [],
  };
  return {
    ...target,
    accelerator: null,
    python: { indexes: [], packages: [] },
    files: [],
    weights: [],
    steps: [],
    runtime: { sdk: none, server: [] },
    image: { env: [], entrypoint: [], cmd: [], workdir: '', user: '', ports: [], labels: {} },
    seals: [],
  };
}

function sourceDirectory(scratch: string): string {
  const directory = join(scratch, 'source');
  mkdirSync(directory);
  return directory;
}

function readAnswer(path: string): { readonly value: unknown } | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() !== true || stat.size > 1024 * 1024) return undefined;
  try {
    return { value: JSON.parse(readFileSync(path, 'utf8')) };
  } catch {
    return undefined;
  }
}

function failureOf({ code, log, timedOut }: RootCommandResult): BuildFailure {
  return { kind: 'failed', code, log: timedOut ? `${log}\nended: it took more than three hours` : log };
}

function invalidAnswer(what: string): CogplanError {
  return new CogplanError('COGPLAN_BUILD_FAILED', `${what} cannot be built: its build backend made no wheel`, {
    subject: what,
    hint: 'The backend does not hold to PEP 517. Choose another version.',
  });
}

/** Whether a wheel is one of the distribution that it was built for. */
export function isWheelOf(file: File, name: string): boolean {
  return parseWheelFilename(wheelFilename(file))?.name === normalizeName(name);
}
