import { basename, resolve as resolvePath } from 'node:path';
import pc from 'picocolors';
import { keepCurrentSeals } from '../apply/seals.ts';
import type { Context } from '../context.ts';
import { CogplanError, isCogplanError } from '../errors.ts';
import type { Host } from '../events.ts';
import type { Hold, Lock } from '../lock/schema.generated.ts';
import type { Change, Plan } from '../plan/diff/schema.generated.ts';
import { type LockRequest, resolveWithHolds } from '../plan/resolve.ts';
import type { Resolve } from '../tui/open-review.ts';
import type { Outcome } from '../tui/state/review-state.ts';
import { LOCK_FILE } from './project-lock.ts';
import { print, type Session } from './session.ts';

export interface PlanReview {
  readonly directory: string;
  readonly request: LockRequest;
  /** What was resolved without holds of this review. */
  readonly plan: Plan;
  readonly planOf: (lock: Lock) => Promise<Plan>;
  /** Numbered questions and plain lines instead of the full screen. */
  readonly accessible: boolean;
  readonly writeLock: (plan: Plan) => Promise<void>;
  readonly writePlan: (path: string, plan: Plan) => Promise<void>;
}

/** Shows a plan, lets a person decide on each change, and does what they asked for at the end. Returns the exit code. */
export async function reviewPlan(session: Session, review: PlanReview): Promise<number> {
  const { initialState } = await import('../tui/state/initial-state.ts');
  const state = initialState({
    title: basename(review.directory),
    plan: review.plan,
    savePath: 'cogplan.plan.json',
    size: { columns: 80, rows: 24 },
  });
  const resolve = resolverOf(session.context, review);
  const { signal } = session.context;
  if (review.accessible) {
    const { accessibleReview } = await import('../tui/accessible.ts');
    return finish(
      await accessibleReview(state, { input: process.stdin, output: process.stdout, signal, resolve }),
      review,
    );
  }
  const { fullScreenReview } = await loadFullScreen();
  const outcome = await fullScreenReview(state, {
    stdin: process.stdin,
    stdout: process.stdout,
    colour: pc.isColorSupported,
    signal,
    resolve,
  });
  return finish(outcome, review);
}

/** Ink and React: loaded only when a review is about to run. */
export function loadFullScreen(): Promise<typeof import('../tui/full-screen.ts')> {
  // React reads it once, when it is loaded; its development build is several times slower.
  process.env.NODE_ENV ??= 'production';
  return import('../tui/full-screen.ts');
}

/** Why the full screen cannot be shown here; undefined when it can. */
export function whyNoFullScreen(): string | undefined {
  if (!process.stdin.isTTY) return 'standard input is not a terminal';
  if (!process.stdout.isTTY) return 'standard output is not a terminal';
  if (process.env.TERM === 'dumb') return 'the terminal cannot move its cursor (TERM=dumb)';
  const inCi = [process.env.CI, process.env.CONTINUOUS_INTEGRATION].some(
    (value) => value !== undefined && value !== '0' && value !== 'false',
  );
  return inCi ? 'this is a CI run (CI is set)' : undefined;
}

function resolverOf(context: Context, { request, planOf }: PlanReview): Resolve {
  return async (held, { signal, progress }) => {
    const quiet: Context = {
      ...context,
      host: progressHost(progress),
      signal: AbortSignal.any([context.signal, signal]),
    };
    const holds = withHolds(request.holds ?? request.previous?.holds ?? [], held, context.now());
    try {
      return { kind: 'plan', plan: await planOf(keepCurrentSeals(await resolveWithHolds(quiet, request, holds))) };
    } catch (error) {
      if (!isCogplanError(error, 'COGPLAN_HOLD_IMPOSSIBLE')) throw error;
      const chain = Array.isArray(error.data?.chain) ? error.data.chain.map(String) : [];
      return { kind: 'impossible', text: `${error.subject ?? 'This'} cannot be held: Tab tells why`, chain };
    }
  };
}

function withHolds(known: readonly Hold[], held: readonly Change[], now: Date): readonly Hold[] {
  const since = now.toISOString().slice(0, 10);
  const holds = new Map(known.map((hold) => [hold.subject, hold]));
  for (const { family, subject } of held) {
    const name = `${family}/${subject}`;
    holds.set(name, { subject: name, reason: 'held in a review', since });
  }
  return [...holds.values()];
}

/** Tells what is being done in one line, where there is no room for more. */
function progressHost(progress: (text: string) => void): Host {
  return {
    notify: (event) => {
      if (event.kind === 'span-start') progress(event.text);
    },
    ask: async (question) => question.fallback,
  };
}

async function finish(outcome: Outcome, review: PlanReview): Promise<number> {
  switch (outcome.kind) {
    case 'write':
      await review.writeLock(outcome.plan);
      print(`Wrote ${LOCK_FILE}: ${told(outcome)}.`);
      return 0;
    case 'save': {
      const path = resolvePath(outcome.path);
      await review.writePlan(path, outcome.plan);
      print(
        `Saved the plan as ${outcome.path}: ${told(outcome)}. Carry it out with \`cogplan apply ${outcome.path}\`.`,
      );
      return 0;
    }
    case 'leave':
      print('Nothing was written.');
      return 3;
    case 'interrupt':
      throw new CogplanError('COGPLAN_INTERRUPTED', 'interrupted; nothing was written');
  }
}

function told({ plan, holds }: Extract<Outcome, { kind: 'write' | 'save' }>): string {
  const count = plan.changes.length;
  return `${count} ${count === 1 ? 'change' : 'changes'}${holds.size === 0 ? '' : `, ${holds.size} held`}`;
}
