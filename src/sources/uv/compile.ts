import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../context.ts';
import { CogplanError } from '../../errors.ts';
import type { WheelEnvironment } from '../../formats/python/wheel-tags.ts';
import { fromMirror, type Mirrors, parseMirrors, toMirror } from '../http/mirrors.ts';
import { writePreferences } from './preferences.ts';
import type { CompiledPackage } from './pylock.ts';
import { targetInterpreter } from './target-interpreter.ts';
import { type UvIndexes, uvEnvironment } from './uv-environment.ts';
import { explainFailure, type Unsatisfiable } from './uv-failure.ts';

export interface CompileRequest {
  /** Path of the uv executable. */
  readonly uv: string;
  readonly environment: WheelEnvironment;
  /** Lines by PEP 508, without options. */
  readonly requirements: readonly string[];
  readonly constraints: readonly string[];
  readonly indexes: UvIndexes;
  /** Accept pre-releases of everything, as pip's `--pre`. */
  readonly pre: boolean;
  /** Requirements are met by the oldest version that will do; what they bring in is as new as it can be. */
  readonly oldest?: boolean;
  /** Names of packages of which pre-releases count like any other release. */
  readonly prereleases?: readonly string[];
  /** Names of packages of which pre-releases do not count at all. */
  readonly finals?: readonly string[];
  /** The primary index is one of our own, on loopback: nothing of it is worth keeping, and no proxy leads to it. */
  readonly isDesk?: boolean;
  /** Versions to take when they satisfy everything that is asked. */
  readonly preferences: readonly { readonly name: string; readonly version: string }[];
  /** Names that are left out wherever something depends on them. */
  readonly excludes: readonly string[];
  /** Names whose packages are taken for asking nothing. */
  readonly withoutDependencies?: readonly string[];
  /** Requirements that stand for whatever else is asked of their packages. */
  readonly overrides?: readonly string[];
  /** A further index of our own, on loopback, that is asked first and may take hours to answer. */
  readonly buildIndex?: string | undefined;
  /** Called once the resolver runs. */
  readonly onStart?: (() => void) | undefined;
}

export type CompileOutcome =
  | { readonly kind: 'resolved'; readonly packages: readonly CompiledPackage[] }
  | Unsatisfiable;

/**
 * Runs `uv pip compile` for one target, wheels only, without a Python on the host and without anything of the host's
 * configuration. Unsatisfiable requirements are an outcome; what uv could not find out is thrown: COGPLAN_NETWORK,
 * COGPLAN_OFFLINE, COGPLAN_INDEX_AUTH, COGPLAN_HASH_MISMATCH, COGPLAN_UV_FAILED.
 */
export async function compileRequirements(context: Context, request: CompileRequest): Promise<CompileOutcome> {
  const mirrors = parseMirrors(context.env.COGPLAN_MIRRORS);
  const scratch = await context.store.scratch('uv');
  try {
    const python = await targetInterpreter(context.store, request.environment);
    const { status, stderr } = await runUv(context, request, { mirrors, scratch: scratch.path, python });
    if (status !== 0) return explainFailure(stderr, request.indexes);
    const { readPylock } = await import('./pylock.ts');
    const packages = readPylock(await readFile(join(scratch.path, OUTPUT), 'utf8'));
    return { kind: 'resolved', packages: packages.map((item) => unmirrored(item, mirrors)) };
  } finally {
    // Nobody waits for it; what cannot be removed now is removed by a later run.
    scratch.dispose().catch(() => {});
  }
}

const OUTPUT = 'pylock.toml';
const SETTINGS = 'settings.toml';
const BUILD_SECONDS = 4 * 60 * 60;
const CONNECT_SECONDS = 120;
const MAX_REPORT = 16 * 1024 * 1024;

async function runUv(
  context: Context,
  request: CompileRequest,
  { mirrors, scratch, python }: { readonly mirrors: Mirrors; readonly scratch: string; readonly python: string },
): Promise<{ readonly status: number; readonly stderr: string }> {
  const write = (name: string, lines: readonly string[]): Promise<void> =>
    writeFile(join(scratch, name), lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  await Promise.all([
    write('requirements.in', request.requirements),
    write('constraints.txt', request.constraints),
    write('excludes.txt', request.excludes),
    write('overrides.txt', request.overrides ?? []),
    write(
      SETTINGS,
      (request.withoutDependencies ?? []).map(
        (name) => `[[dependency-metadata]]\nname = ${JSON.stringify(name)}\nrequires-dist = []`,
      ),
    ),
    ...(request.preferences.length === 0
      ? []
      : [writeFile(join(scratch, OUTPUT), writePreferences(request.preferences))]),
  ]);
  const mirrored = (url: string): string => toMirror(mirrors, url).url;
  const environment = await uvEnvironment(context, scratch, {
    primary: mirrored(request.indexes.primary),
    extra: [...(request.buildIndex === undefined ? [] : [request.buildIndex]), ...request.indexes.extra.map(mirrored)],
    findLinks: request.indexes.findLinks.map(mirrored),
  });
  if (request.buildIndex !== undefined) environment.UV_HTTP_TIMEOUT = String(BUILD_SECONDS);
  if (request.isDesk === true || request.buildIndex !== undefined) {
    const direct = [environment.NO_PROXY ?? environment.no_proxy, '127.0.0.1'].filter((item) => item !== undefined);
    Object.assign(environment, {
      NO_PROXY: direct.join(','),
      no_proxy: direct.join(','),
      UV_HTTP_RETRIES: '0',
      // What is served from here is served by a process that is busy building, on a machine that may be too.
      UV_HTTP_CONNECT_TIMEOUT: String(CONNECT_SECONDS),
    });
  }
  const argv = uvArguments(request, { python, offline: context.http.offline });
  return new Promise((resolve, reject) => {
    const options = { cwd: scratch, env: environment, signal: context.signal, maxBuffer: MAX_REPORT };
    const running = execFile(request.uv, argv, options, (error, _, stderr) => {
      if (error === null) resolve({ status: 0, stderr });
      else if (context.signal.aborted) reject(interrupted(error));
      else if (typeof error.code === 'number') resolve({ status: error.code, stderr });
      else reject(notRun(request.uv, error));
    });
    if (running.pid === undefined) return;
    // What reads the answer is loaded while there is none.
    void import('./pylock.ts');
    request.onStart?.();
  });
}

function interrupted(cause: Error): CogplanError {
  return new CogplanError('COGPLAN_INTERRUPTED', 'interrupted while resolving Python packages', { cause });
}

function notRun(uv: string, cause: Error): CogplanError {
  return new CogplanError('COGPLAN_UV_FAILED', `uv could not be run: ${cause.message}`, {
    subject: uv,
    hint: 'The store must lie on a file system that allows programs to be run.',
    cause,
  });
}

function uvArguments(
  request: CompileRequest,
  { python, offline }: { readonly python: string; readonly offline: boolean },
): readonly string[] {
  return [
    ...['pip', 'compile', 'requirements.in', '--constraints', 'constraints.txt', '--excludes', 'excludes.txt'],
    ...['--format', 'pylock.toml', '--output-file', OUTPUT, '--no-header', '--no-annotate'],
    ...['--python', python, '--no-python-downloads', '--only-binary', ':all:'],
    // https://docs.astral.sh/uv/reference/settings/#dependency-metadata
    ...((request.withoutDependencies ?? []).length === 0 ? ['--no-config'] : ['--config-file', SETTINGS]),
    ...['--no-sources', '--no-progress', '--color', 'never', '--keyring-provider', 'disabled'],
    ...(request.overrides === undefined || request.overrides.length === 0 ? [] : ['--overrides', 'overrides.txt']),
    ...(request.pre ? ['--prerelease', 'allow'] : []),
    ...(request.oldest === true ? ['--resolution', 'lowest-direct'] : []),
    ...(request.prereleases ?? []).flatMap((name) => ['--prerelease-package', `${name}=allow`]),
    ...(request.finals ?? []).flatMap((name) => ['--prerelease-package', `${name}=disallow`]),
    ...(request.isDesk === true ? ['--no-cache'] : offline ? ['--offline'] : []),
  ];
}

function unmirrored(item: CompiledPackage, mirrors: Mirrors): CompiledPackage {
  return { ...item, files: item.files.map((file) => ({ ...file, url: fromMirror(mirrors, file.url) })) };
}
