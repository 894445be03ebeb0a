import type { Context } from '../context.ts';
import { info, warn } from '../events.ts';
import type { Lock } from '../lock/schema.generated.ts';
import type { AskedChange } from '../plan/asked.ts';
import { staleKeys } from '../plan/check.ts';
import type { Plan } from '../plan/diff/schema.generated.ts';
import { bundledSdk } from '../sources/bundled-runtime.ts';
import { setSeparateWeights } from '../spec/add-to-project.ts';
import { largeFileNotices } from '../spec/large-files.ts';
import { openProjectPython } from '../spec/project-python.ts';
import type { Spec } from '../spec/spec.ts';
import { changeSettings } from './change-settings.ts';
import { codeNotices } from './code-notices.ts';
import { type ConflictedLock, readConflictedLock } from './conflicted-lock.ts';
import { printExplainedRun } from './explain-run.ts';
import { printExplainedSpec } from './explain-spec.ts';
import { fixProject } from './fix-project.ts';
import { lockPlatforms } from './lock-platform.ts';
import { type MadePlan, type PlanOptions, planResolved, resolveProject } from './make-plan.ts';
import { writePlanFile } from './plan-file.ts';
import { isLocked, LOCK_FILE, readLockFile, withProject, writeLockFile } from './project-lock.ts';
import { readProjectSpec, readUnlockedSpec } from './project-spec.ts';
import { type CommonOptions, print, printJson, projectDirectory, type Session, withSession } from './session.ts';
import { placeText, tellNotices } from './tell-notices.ts';

interface LockOptions extends CommonOptions, PlanOptions {
  readonly check?: boolean;
  readonly explainSpec?: boolean;
  readonly explainRun?: boolean;
  /** Number of the fix to apply; true: the first one that is offered, again and again. */
  readonly fix?: string | true;
  /** Resolve a lock that holds a merge conflict again, from both sides. */
  readonly merge?: boolean;
  /** Add what the model fetches to cogplan.yaml first. */
  readonly adoptWeights?: boolean;
  /** Set in cogplan.yaml that large files of the project have layers of their own. */
  readonly separateWeights?: boolean;
}

export async function lockVerb(words: readonly string[], given: LockOptions): Promise<number> {
  const { argument, options } = projectAfterFix(words, given);
  const directory = projectDirectory(argument);
  return withSession({ ...options, directory }, async (session) => {
    if (options.explainSpec || options.explainRun) return explain(session, directory, options);
    if (options.check) return checkLock(session, directory, options);
    return withProject(session.context, directory, async () => {
      const asOf = options.fix === undefined ? undefined : await fixProject(session, directory, options);
      if (options.adoptWeights || options.separateWeights) return withSettings(session, directory, options);
      return updateLock(session, directory, asOf === undefined ? options : { ...options, asOf });
    });
  });
}

/** In `--fix DIR` the directory follows an option that may have a number: no number is a directory. */
export function projectAfterFix(
  argument: readonly string[],
  options: LockOptions,
): { readonly argument: readonly string[]; readonly options: LockOptions } {
  const { fix } = options;
  if (typeof fix !== 'string' || /^\d+$/.test(fix) || argument.length > 0) return { argument, options };
  return { argument: [fix], options: { ...options, fix: true } };
}

/** The settings are as they were when the project cannot be locked with what was added. */
async function withSettings(session: Session, directory: string, options: LockOptions): Promise<number> {
  const undo: (() => Promise<void>)[] = [];
  const restore = async (): Promise<void> => {
    for (const step of undo.toReversed()) await step();
  };
  let status: number;
  try {
    if (options.adoptWeights) {
      const { adoptWeights } = await import('./adopt-weights.ts');
      undo.push(await adoptWeights(session, directory, options.file));
    }
    if (options.separateWeights) undo.push((await changeSettings(directory, setSeparateWeights)) ?? (async () => {}));
    status = await updateLock(session, directory, options);
  } catch (error) {
    await restore();
    throw error;
  }
  if (status !== 0) await restore();
  return status;
}

async function explain({ json }: Session, directory: string, options: LockOptions): Promise<number> {
  const spec = await readUnlockedSpec(directory, options.file);
  if (options.explainRun) printExplainedRun(spec, { json });
  else printExplainedSpec(spec, { json });
  return 0;
}

async function checkLock({ context, host, json }: Session, directory: string, { file }: LockOptions): Promise<number> {
  const lock = await readLockFile(directory);
  const spec = await readProjectSpec(directory, { file, lock });
  const stale =
    lock === undefined
      ? []
      : [
          ...staleKeys(lock, { spec, sdk: bundledSdk() }),
          ...(await staleSources(context, lock, directory)),
          ...(await staleWeights(context, lock, spec)),
        ];
  const current = lock !== undefined && stale.length === 0;
  if (json) {
    printJson({ current, present: lock !== undefined, stale });
  } else if (lock === undefined) {
    print(`${LOCK_FILE} is missing: run \`cogplan lock\``);
  } else if (current) {
    info(host, 'lock.current', `${LOCK_FILE} is in step with ${spec.file}`);
  } else {
    for (const { family, key, before, after } of stale) {
      print(`${family}: ${key} is ${told(after)}, but was ${told(before)} when the lock was made`);
    }
    print('Run `cogplan lock` to bring the lock in step.');
  }
  return current ? 0 : 2;
}

/** What was built from the project itself, and is not what it was. */
async function staleSources(context: Context, lock: Lock, directory: string): Promise<readonly AskedChange[]> {
  const built = Object.values(lock.targets).flatMap(({ python }) => python.packages.filter((item) => item.built));
  if (built.length === 0) return [];
  const { movedSources } = await import('../plan/python/built/sources-moved.ts');
  const moved = await movedSources(context, { python: { indexes: [], packages: built } }, directory);
  const byPath = new Map(moved.map((item) => [item.path, item]));
  return [...byPath.values()].map(({ path, before, after }) => ({
    family: 'python',
    key: path,
    before: `sha256 ${before}`,
    after: after === undefined ? undefined : `sha256 ${after}`,
  }));
}

/** Weights of the project that are other files now. */
async function staleWeights(context: Context, { targets }: Lock, spec: Spec): Promise<readonly AskedChange[]> {
  const sets = new Map(Object.values(targets).flatMap(({ weights }) => weights.map((set) => [set.name, set] as const)));
  if (spec.weights.length === 0 || sets.size === 0) return [];
  const { movedWeights } = await import('../plan/weights/status.ts');
  const told = (hash: string | undefined): string | undefined => (hash === undefined ? undefined : `sha256 ${hash}`);
  const changes: AskedChange[] = [];
  for (const set of sets.values()) {
    for (const { path, before, after } of await movedWeights(context, spec, set)) {
      changes.push({ family: 'weights', key: `${set.name}/${path}`, before: told(before), after: told(after) });
    }
  }
  return changes;
}

async function updateLock(session: Session, directory: string, options: LockOptions): Promise<number> {
  const { context, json } = session;
  const spec = await tellProject(session, directory, options.file);
  const conflict = await readConflictedLock(directory);
  if (conflict !== undefined && !(await mayMerge(session, conflict, options))) throw conflict.error;
  const resolved = await resolveProject(context, directory, options, { spec, conflict });
  const { previous } = resolved.compared;
  if (previous !== undefined && (await isLocked(directory, resolved.lock)))
    return tellUnchanged(session, directory, resolved.lock);
  const { request, lock } = resolved;
  // A plan is made for whoever reads it.
  const asks = previous !== undefined && options.yes !== true && !json;
  const made = asks || json ? await planResolved(context, resolved) : undefined;
  if (asks && made !== undefined && made.plan.changes.length > 0) {
    const answer = await askToWrite(session, made.plan);
    if (answer === 'no') return 3;
    if (answer === 'review') return review(session, directory, made);
  }
  await writeLockFile(directory, lock);
  if (json) {
    const targets = Object.keys(lock.targets);
    printJson({ changed: true, lock: `${directory}/${LOCK_FILE}`, targets, changes: made?.plan.changes ?? [] });
    return 0;
  }
  tellRun(session, request.spec);
  for (const platform of lockPlatforms(request.previous, options, request.spec.settings.values.platforms)) {
    const target = lock.targets[platform];
    if (target === undefined) continue;
    print(
      `Wrote ${LOCK_FILE}: Python ${target.interpreter.version}, ${target.system.packages.length} Debian packages, ` +
        `${target.python.packages.length} wheels for ${platform}.`,
    );
  }
  return 0;
}

async function askToWrite({ host }: Session, plan: Plan): Promise<string> {
  const [{ planText }, { formatFor }, { whyNoFullScreen }] = await Promise.all([
    import('./render/plan-text.ts'),
    import('./render/terminal-format.ts'),
    import('./review-plan.ts'),
  ]);
  for (const line of planText(plan, formatFor(process.stderr))) info(host, 'lock.plan', line);
  return host.ask({
    code: 'lock.write',
    text: `Write ${LOCK_FILE}?`,
    choices: whyNoFullScreen() === undefined ? ['yes', 'no', 'review'] : ['yes', 'no'],
    fallback: 'yes',
  });
}

function tellUnchanged({ json }: Session, directory: string, { targets }: Lock): number {
  if (!json) print(`${LOCK_FILE} is up to date.`);
  else printJson({ changed: false, lock: `${directory}/${LOCK_FILE}`, targets: Object.keys(targets), changes: [] });
  return 0;
}

/** What became of the commands of build.run, in one line each. */
function tellRun({ host }: Session, { runReading }: Spec): void {
  for (const { from, parts } of runReading.commands) {
    for (const { class: kind, why, platform } of parts) {
      info(host, 'lock.run', `${from}: ${kind}${platform === undefined ? '' : ` (${platform})`}: ${why}`);
    }
  }
}

/** Outside a terminal nobody can answer, and what to do with two sides is nothing to guess. */
async function mayMerge(
  { host, json }: Session,
  { oursName, theirsName }: ConflictedLock,
  options: LockOptions,
): Promise<boolean> {
  if (options.merge) return true;
  if (json || options.yes) return false;
  const answer = await host.ask({
    code: 'lock.merge',
    text: `${LOCK_FILE} holds both sides of a merge, ${oursName} and ${theirsName}. Resolve again from both?`,
    choices: ['yes', 'no'],
    fallback: 'no',
  });
  return answer === 'yes';
}

async function review(session: Session, directory: string, { request, compared, plan }: MadePlan): Promise<number> {
  const [{ reviewPlan }, { planOf }] = await Promise.all([import('./review-plan.ts'), import('./plan-of.ts')]);
  return reviewPlan(session, {
    directory,
    request,
    plan,
    accessible: false,
    planOf: (lock) => planOf(session.context, compared, lock),
    writeLock: async (reviewed: Plan) => void (await writeLockFile(directory, reviewed.lock)),
    writePlan: writePlanFile,
  });
}

/**
 * Reads a project, and tells what that alone shows: notices of its files, a model that no server would take, and what it fetches when it runs.
 */
export async function tellProject({ context, host }: Session, directory: string, file?: string): Promise<Spec> {
  const spec = await readUnlockedSpec(directory, file);
  tellNotices(host, spec.notices);
  tellNotices(host, await largeFileNotices(spec));
  for (const { level, code, text, error, ...where } of await codeNotices(
    context.store,
    spec,
    await openProjectPython(directory),
  )) {
    const place = where.file === undefined ? '' : `${placeText({ ...where, file: where.file })}: `;
    (level === 'warn' ? warn : info)(host, code, `${place}${text}`, error === undefined ? undefined : { error });
  }
  return spec;
}

function told(value: unknown): string {
  if (value === undefined) return 'not set';
  const text = JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
