import { keepCurrentSeals } from '../apply/seals.ts';
import { compareBytes } from '../canonical.ts';
import type { Context } from '../context.ts';
import type { Lock } from '../lock/schema.generated.ts';
import type { Plan } from '../plan/diff/schema.generated.ts';
import { mergeLocks } from '../plan/merge-locks.ts';
import { type LockRequest, resolveLock } from '../plan/resolve.ts';
import type { Spec } from '../spec/spec.ts';
import { parseAsOf } from './as-of.ts';
import type { ConflictedLock } from './conflicted-lock.ts';
import { lockPlatforms } from './lock-platform.ts';
import { readLockFile } from './project-lock.ts';
import { readProjectSpec } from './project-spec.ts';

export interface PlanOptions {
  readonly upgrade?: boolean;
  readonly upgradePackage?: readonly string[];
  readonly minimal?: boolean;
  readonly refresh?: boolean;
  readonly platform?: string;
  /** Nothing newer than this day or instant; `now` ends it. */
  readonly asOf?: string;
  /** Name of the configuration in the project, instead of cog.yaml. */
  readonly file?: string;
}

/** The lock that a plan is told from, and how the new one was asked for. */
export type Compared = Pick<LockRequest, 'previous' | 'options'>;

export interface ResolvedProject {
  readonly request: LockRequest;
  readonly compared: Compared;
  readonly lock: Lock;
}

export interface MadePlan {
  readonly request: LockRequest;
  readonly compared: Compared;
  readonly plan: Plan;
}

/** What the caller has read of the project already. */
export interface KnownProject {
  readonly spec?: Spec;
  readonly conflict?: ConflictedLock | undefined;
}

/** Resolves a project without writing anything, and tells what that would change. */
export async function makePlan(
  context: Context,
  directory: string,
  options: PlanOptions,
  known: KnownProject = {},
): Promise<MadePlan> {
  return planResolved(context, await resolveProject(context, directory, options, known));
}

/** The plan of what was resolved. What compares locks is loaded here: most runs of `lock` find that nothing has changed. */
export async function planResolved(context: Context, { request, compared, lock }: ResolvedProject): Promise<MadePlan> {
  const { planOf } = await import('./plan-of.ts');
  return { request, compared, plan: await planOf(context, compared, lock) };
}

/** Resolves a project without writing anything. */
export async function resolveProject(
  context: Context,
  directory: string,
  options: PlanOptions,
  known: KnownProject = {},
): Promise<ResolvedProject> {
  const { conflict } = known;
  const request = await lockRequest(directory, options, known);
  const compared = conflict === undefined ? request : { ...request, previous: conflict.ours };
  return { request, compared, lock: keepCurrentSeals(await resolveAll(context, request, options)) };
}

// One target after the other; each is compared with what its own target was locked for.
async function resolveAll(context: Context, request: LockRequest, options: PlanOptions): Promise<Lock> {
  const { previous, spec } = request;
  const [first, ...others] = lockPlatforms(previous, options, spec.settings.values.platforms);
  let lock = await resolveLock(context, { ...request, platform: first });
  for (const platform of others) {
    const before = previous === undefined ? lock : { ...previous, targets: lock.targets };
    const next = await resolveLock(context, { ...request, platform, previous: before });
    lock = { ...next, tools: unionOfTools(lock.tools, next.tools) };
  }
  return lock;
}

function unionOfTools(first: Lock['tools'], second: Lock['tools']): Lock['tools'] {
  const keyOf = ({ name, host, version }: Lock['tools'][number]): string => `${name} ${host} ${version}`;
  return [...new Map([...first, ...second].map((tool) => [keyOf(tool), tool])).entries()]
    .sort(([a], [b]) => compareBytes(a, b))
    .map(([, tool]) => tool);
}

/** What a run of `lock`, `plan` or `review` asks of the resolver. Of a lock that holds a merge conflict, both sides are the previous lock. */
export async function lockRequest(
  directory: string,
  options: PlanOptions,
  { spec: read, conflict }: KnownProject = {},
): Promise<LockRequest> {
  const previous = conflict === undefined ? await readLockFile(directory) : mergeLocks(conflict.ours, conflict.theirs);
  const spec = read ?? (await readProjectSpec(directory, { file: options.file, lock: previous }));
  const mode = options.upgrade ? 'upgrade' : options.refresh ? 'refresh' : 'keep';
  return {
    spec,
    platform: lockPlatforms(previous, options, spec.settings.values.platforms)[0],
    previous,
    options: {
      mode,
      asOf: options.asOf === undefined ? (previous?.asOf ?? null) : parseAsOf(options.asOf, new Date()),
      upgradePackages: options.upgradePackage ?? [],
      ...(options.minimal === true ? { minimal: true } : {}),
    },
  };
}
