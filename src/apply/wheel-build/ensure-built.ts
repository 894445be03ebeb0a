import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { Context } from '../../context.ts';
import { CogplanError } from '../../errors.ts';
import { info } from '../../events.ts';
import type { Platform } from '../../lock/platform.ts';
import { projectPath } from '../../lock/project-url.ts';
import type { BuildRequirement, Built, BuiltSource, File, PythonPackage, Target } from '../../lock/schema.generated.ts';
import { bundledFile } from '../../sources/bundled-runtime.ts';
import { fetchArtifacts } from '../../sources/fetch-artifacts.ts';
import { checkoutCommit } from '../../sources/git/checkout.ts';
import { findInProject } from '../../sources/project-file.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { BuildPlace } from './build-recipe.ts';
import { type BuildMeans, buildWheel } from './build-wheel.ts';
import { packTree } from './pack-tree.ts';
import { openUnpackedWheels } from './unpacked-wheels.ts';

export interface EnsureBuiltRequest {
  readonly target: Target;
  readonly platform: Platform;
  readonly projectDirectory: string;
  readonly openSandbox: () => Promise<Sandbox>;
}

/**
 * Brings the wheels that the lock's maker built into the store: they are there, or a mirror has them, or they are built again from the locked source with the locked requirements and toolchain, and
 * then must have the locked bytes. COGPLAN_BUILD_NOT_REPRODUCED, COGPLAN_BUILD_FAILED, and the errors of fetching the inputs.
 */
export async function ensureBuilt(context: Context, request: EnsureBuiltRequest): Promise<void> {
  const { target, platform } = request;
  const place: BuildPlace = { target, toolchain: target.toolchain?.packages ?? [], platform };
  const unpacked = openUnpackedWheels(context);
  try {
    for (const item of target.python.packages) await ensureWheel(context, item, place, { ...request, unpacked });
  } finally {
    await unpacked.close();
  }
}

type EnsureWithMeans = EnsureBuiltRequest & BuildMeans;

/** Whether a file is a wheel that was built here rather than published. */
export function isBuiltFile({ url }: File): boolean {
  return url.startsWith('built:');
}

async function ensureWheel(
  context: Context,
  item: Pick<PythonPackage, 'name' | 'version' | 'file' | 'built'>,
  place: BuildPlace,
  request: EnsureWithMeans,
): Promise<void> {
  const { name, version, file, built } = item;
  const what = `${name} ${version}`;
  if (built === undefined || !isBuiltFile(file)) return;
  if ((await context.store.stat(file.sha256)) !== undefined) {
    await context.store.verified(file.sha256, file.size, what);
    return;
  }
  const [first, ...mirrors] = file.mirrors ?? [];
  if (first !== undefined && !context.http.offline) {
    return fetchArtifacts(context, [{ file: { ...file, url: first, mirrors }, what }]);
  }
  info(context.host, 'build.again', `${what} was built when it was locked, and is not in the store: it is built again`);
  await ensureInputs(context, { what, built, place, request });
  const outcome = await buildWheel(
    context,
    { what, source: built.source, requires: built.requires, settings: built.settings, place },
    request,
  );
  if (outcome.kind === 'failed') {
    throw new CogplanError(
      'COGPLAN_BUILD_FAILED',
      `${what} could not be built again (exit code ${outcome.code}):\n${outcome.log.trim().split('\n').slice(-25).join('\n')}`,
      { subject: what, hint: EXPORT_HINT },
    );
  }
  if (outcome.file.sha256 === file.sha256) return;
  throw new CogplanError(
    'COGPLAN_BUILD_NOT_REPRODUCED',
    `${what} was built again and has sha256 ${outcome.file.sha256}, but ${file.sha256} is locked`,
    {
      subject: what,
      hint: `Its build depends on more than its inputs, such as this machine's processor. ${EXPORT_HINT}`,
      data: { locked: file.sha256, built: outcome.file.sha256 },
    },
  );
}

const EXPORT_HINT =
  'Carry the wheel over from a machine that has it: `cogplan store export LOCK FILE` there, `cogplan store import FILE` here.';

async function ensureInputs(
  context: Context,
  {
    what,
    built,
    place,
    request,
  }: { readonly what: string; readonly built: Built; readonly place: BuildPlace; readonly request: EnsureWithMeans },
): Promise<void> {
  for (const item of built.requires) await ensureWheel(context, item, place, request);
  const debs = [...place.target.system.packages, ...place.toolchain];
  const published = built.requires.filter(({ file }) => !isBuiltFile(file));
  const label = ({ name, version, file }: Pick<BuildRequirement, 'name' | 'version' | 'file'>) => ({
    file,
    what: `${name} ${version}`,
  });
  await fetchArtifacts(context, [...debs.map(label), ...published.map(label)], { bundled: bundledFile });
  await ensureSource(context, { what, source: built.source, directory: request.projectDirectory });
}

async function ensureSource(
  context: Context,
  { what, source, directory }: { readonly what: string; readonly source: BuiltSource; readonly directory: string },
): Promise<void> {
  const { file, kind } = source;
  if ((await context.store.stat(file.sha256)) !== undefined) return;
  if (projectPath(file.url) !== undefined) return takeFromProject(context, { what, source, directory });
  if (kind !== 'git') return fetchArtifacts(context, [{ file, what: `the source of ${what}` }]);
  const at = file.url.lastIndexOf('@');
  const url = file.url.slice('git+'.length, at);
  const scratch = await context.store.scratch('git');
  try {
    const tree = join(scratch.path, 'tree');
    await checkoutCommit(context, { url, ref: file.url.slice(at + 1) }, tree);
    expectSource(await packTree(context, { directory: tree, what }), file, what);
  } finally {
    await scratch.dispose();
  }
}

async function takeFromProject(
  context: Context,
  { what, source, directory }: { readonly what: string; readonly source: BuiltSource; readonly directory: string },
): Promise<void> {
  const { file, kind } = source;
  const path = await findInProject(directory, file.url);
  if (path === undefined) {
    throw new CogplanError('COGPLAN_BLOB_MISSING', `the source of ${what} is neither in the store nor in the project`, {
      subject: what,
      hint: EXPORT_HINT,
    });
  }
  const found =
    kind === 'directory'
      ? await packTree(context, { directory: path, what })
      : await context.store.put(createReadStream(path));
  expectSource(found, file, what);
}

function expectSource(found: { readonly sha256: string }, file: File, what: string): void {
  if (found.sha256 === file.sha256) return;
  throw new CogplanError(
    'COGPLAN_HASH_MISMATCH',
    `the source of ${what} (${file.url}) has sha256 ${found.sha256}, but ${file.sha256} is locked`,
    { subject: what, hint: 'Run `cogplan lock` to build what is there now.' },
  );
}
