import { join } from 'node:path';
import { CogplanError } from '../errors.ts';
import { withSpan } from '../events.ts';
import { WEIGHTS_LOCK } from '../formats/weights/cog-weights-lock.ts';
import { hashFile } from '../hash-file.ts';
import { projectPath } from '../lock/project-url.ts';
import type { Lock, Target, WeightSet } from '../lock/schema.generated.ts';
import { nearest } from '../nearest.ts';
import { weightStatus } from '../plan/weights/status.ts';
import { type Artifact, fetchArtifacts } from '../sources/fetch-artifacts.ts';
import { findInProject } from '../sources/project-file.ts';
import { readSpec } from '../spec/read-spec.ts';
import { formatBytes } from './hosts/format.ts';
import { LOCK_FILE, readLockFile, requireLockFile } from './project-lock.ts';
import { replaceFile } from './replace-file.ts';
import {
  type CommonOptions,
  platformOf,
  print,
  printJson,
  projectDirectory,
  type Session,
  withSession,
} from './session.ts';

interface WeightsOptions extends CommonOptions {
  readonly directory?: string;
  readonly platform?: string;
}

/** `cogplan weights status`: exit code 2 unless every set is ready. */
export async function statusVerb(argument: readonly string[], options: WeightsOptions): Promise<number> {
  const directory = projectDirectory(argument);
  return withSession(options, async ({ context, json }) => {
    const spec = await readSpec(directory);
    const lock = await readLockFile(directory);
    // Before the first lock, all of them are pending.
    const [known, target] = lock === undefined ? [{ asked: {} }, { weights: [] }] : [lock, targetOf(lock, options)];
    const sets = await weightStatus(context, spec, known, target);
    if (json) printJson({ weights: sets });
    else if (sets.length === 0) print('The project declares no weights.');
    for (const { name, state, target, place, files, size, missing } of json ? [] : sets) {
      const what = `${counted(files)}, ${formatBytes(size)}`;
      const lacks = missing === 0 ? '' : `; ${formatBytes(missing)} not in the store`;
      print(`${name}: ${state} (${what} at ${target}${place === 'startup' ? ', fetched at start-up' : ''}${lacks})`);
    }
    return sets.every(({ state }) => state === 'ready') ? 0 : 2;
  });
}

/** `cogplan weights pull [NAME...]`: brings the locked files into the store. */
export async function pullVerb(names: readonly string[], options: WeightsOptions): Promise<number> {
  const directory = projectDirectory(options.directory === undefined ? [] : [options.directory]);
  return withSession(options, async ({ context, json }) => {
    const lock = await requireLockFile(directory);
    const artifacts = chosen(targetOf(lock, options), names).flatMap(artifactsOf);
    await fetchArtifacts(context, artifacts, { project: directory });
    const bytes = artifacts.reduce((sum, { file }) => sum + file.size, 0);
    if (json) printJson({ files: artifacts.length, bytes });
    else print(`In the store: ${counted(artifacts.length)}, ${formatBytes(bytes)}.`);
    return 0;
  });
}

interface ExportOptions extends WeightsOptions {
  readonly output?: string;
}

/** `cogplan weights export`: Cog's weights.lock, beside cog.yaml unless `--output` names another place. */
export async function exportVerb(_: readonly string[], options: ExportOptions): Promise<number> {
  const directory = projectDirectory(options.directory === undefined ? [] : [options.directory]);
  return withSession(options, async ({ json }) => {
    const [spec, lock] = [await readSpec(directory), await requireLockFile(directory)];
    const { cogWeightsLock } = await import('./weights-export.ts');
    const path = options.output ?? join(directory, WEIGHTS_LOCK);
    await replaceFile(path, cogWeightsLock(spec, lock, targetOf(lock, options)));
    if (json) printJson({ file: path });
    else print(`Wrote ${path}.`);
    return 0;
  });
}

/** `cogplan weights verify [NAME...]`: reads every file again, in the store or else in the project, and holds it against the lock. Exit code 2 when one is missing or wrong. */
export async function verifyVerb(names: readonly string[], options: WeightsOptions): Promise<number> {
  const directory = projectDirectory(options.directory === undefined ? [] : [options.directory]);
  return withSession(options, async (session) => {
    const lock = await requireLockFile(directory);
    const artifacts = chosen(targetOf(lock, options), names).flatMap(artifactsOf);
    const problems = await withSpan(
      session.host,
      'weights.verify',
      'Reading every file',
      (span) => findProblems(session, { directory, artifacts }, (done) => span.progress(done, artifacts.length)),
      { total: artifacts.length, unit: 'items' },
    );
    if (session.json) printJson({ files: artifacts.length, problems });
    for (const { what, problem } of session.json ? [] : problems) print(`${what}: ${problem}`);
    if (!session.json && problems.length === 0) print(`As the lock names them: ${counted(artifacts.length)}.`);
    return problems.length === 0 ? 0 : 2;
  });
}

interface Problem {
  readonly what: string;
  readonly problem: string;
}

async function findProblems(
  { context }: Session,
  { directory, artifacts }: { readonly directory: string; readonly artifacts: readonly Artifact[] },
  onDone: (done: number) => void,
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const [index, { file, what }] of artifacts.entries()) {
    const isStored = (await context.store.stat(file.sha256)) !== undefined;
    const path = isStored ? context.store.blobPath(file.sha256) : await ownFile(directory, file.url);
    if (path === undefined) {
      problems.push({ what, problem: 'not in the store' });
    } else {
      const { sha256: actual } = await hashFile(path, { signal: context.signal });
      const place = isStored ? 'found' : 'the project has';
      if (actual !== file.sha256)
        problems.push({ what, problem: `expected sha256 ${file.sha256}, ${place} ${actual}` });
    }
    onDone(index + 1);
  }
  return problems;
}

function counted(files: number): string {
  return `${files} ${files === 1 ? 'file' : 'files'}`;
}

/** What lies in the project is at hand before the store has a copy. */
async function ownFile(directory: string, url: string): Promise<string | undefined> {
  return projectPath(url) === undefined ? undefined : findInProject(directory, url);
}

function targetOf(lock: Lock, options: WeightsOptions): Target {
  const platform = platformOf(options);
  const target = lock.targets[platform];
  if (target !== undefined) return target;
  throw new CogplanError('COGPLAN_PLATFORM_NOT_LOCKED', `the lock holds no target for ${platform}`, {
    subject: platform,
    hint: `Run \`cogplan lock --platform ${platform}\`.`,
  });
}

function chosen(target: Target, names: readonly string[]): readonly WeightSet[] {
  const known = target.weights.map(({ name }) => name);
  const wrong = names.find((name) => !known.includes(name));
  if (wrong !== undefined) {
    const suggestion = nearest(wrong, known);
    throw new CogplanError('COGPLAN_USAGE', `${LOCK_FILE} has no weights named ${wrong}`, {
      subject: wrong,
      hint: suggestion === undefined ? `It has ${known.join(', ') || 'none'}.` : `Did you mean ${suggestion}?`,
    });
  }
  return target.weights.filter(({ name }) => names.length === 0 || names.includes(name));
}

function artifactsOf({ name, files }: WeightSet): readonly Artifact[] {
  return files.map(({ path, file }) => ({ file, what: `weights ${name}/${path}` }));
}
