import type { Change, Plan } from '../../plan/diff/schema.generated.ts';
import { whyNotHeld } from './can-hold.ts';
import {
  type Decisions,
  decisionOn,
  fingerprint,
  type Holds,
  type Notice,
  type ReviewState,
  reviewedChanges,
  type Snapshot,
} from './review-state.ts';

/** Accepts changes, giving up holds on them. Without effect where all are accepted. */
export function accept(state: ReviewState, changes: readonly Change[]): ReviewState {
  const open = changes.filter((change) => ['undecided', 'held'].includes(decisionOn(state, change)));
  if (open.length === 0) return { ...state, notice: undefined };
  return decide(state, {
    accepted: new Set([...state.decisions.accepted, ...open.map(fingerprint)]),
    holds: without(state.decisions.holds, open),
  });
}

/** Holds those of the changes that can be held; says why when none can. */
export function hold(state: ReviewState, changes: readonly Change[]): ReviewState {
  const open = changes.filter((change) => !state.decisions.holds.has(change.id));
  if (open.length === 0) return { ...state, notice: undefined };
  const possible = open.filter((change) => whyNotHeld(change) === undefined);
  const [first] = open;
  if (possible.length === 0) {
    const text = open.length === 1 && first !== undefined ? whyNotHeld(first) : 'nothing here can be held';
    return { ...state, notice: bad(`Not held: ${text}`) };
  }
  const { accepted, holds } = state.decisions;
  const held = new Set(possible.map(fingerprint));
  return decide(
    state,
    {
      accepted: new Set([...accepted].filter((print) => !held.has(print))),
      holds: new Map([...holds, ...possible.map((change) => [change.id, change] as const)]),
    },
    possible.map(({ id }) => id),
  );
}

/** Undecided, accepted, held, and undecided again; a change that cannot be held has two states. */
export function toggle(state: ReviewState, change: Change): ReviewState {
  const decision = decisionOn(state, change);
  if (decision === 'follows') return { ...state, notice: bad(`Nothing to decide: ${whyNotHeld(change)}`) };
  if (decision === 'undecided') return accept(state, [change]);
  if (decision === 'accepted' && whyNotHeld(change) === undefined) return hold(state, [change]);
  return decide(state, {
    accepted: new Set([...state.decisions.accepted].filter((print) => print !== fingerprint(change))),
    holds: without(state.decisions.holds, [change]),
  });
}

export function undo(state: ReviewState): ReviewState {
  const last = state.undo.at(-1);
  if (last === undefined) return { ...state, notice: info('Nothing to undo') };
  return {
    ...restore(state, last),
    undo: state.undo.slice(0, -1),
    redo: [...state.redo, snapshot(state)],
    notice: info('Undone'),
  };
}

export function redo(state: ReviewState): ReviewState {
  const next = state.redo.at(-1);
  if (next === undefined) return { ...state, notice: info('Nothing to redo') };
  return {
    ...restore(state, next),
    redo: state.redo.slice(0, -1),
    undo: [...state.undo, snapshot(state)],
    notice: info('Redone'),
  };
}

/** The answer to a request: the plan that respects its holds. Late answers change nothing. */
export function solved(state: ReviewState, number: number, plan: Plan): ReviewState {
  const { request } = state;
  if (request?.number !== number) return state;
  const fill = (item: Snapshot): Snapshot =>
    item.holds === request.holds && item.plan === undefined ? { ...item, plan } : item;
  const moved = movedIds(state, plan, request.holds);
  return {
    ...state,
    plan,
    solvedHolds: request.holds,
    undo: state.undo.map(fill),
    redo: state.redo.map(fill),
    request: undefined,
    progress: undefined,
    moved,
    notice: info(
      `Resolved again: ${moved.size === 0 ? 'nothing else moved' : `${moved.size} other ${moved.size === 1 ? 'change' : 'changes'} moved (marked *)`}`,
    ),
  };
}

/** The answer to a request that cannot be met: what it added is given up, and the chain that forces it is shown. */
export function refused(
  state: ReviewState,
  number: number,
  answer: { readonly text: string; readonly chain: readonly string[] },
): ReviewState {
  const { request } = state;
  if (request?.number !== number) return state;
  const added = new Set(request.added);
  const holds = added.size === 0 ? state.solvedHolds : new Map([...request.holds].filter(([id]) => !added.has(id)));
  const next = withHolds({ ...state, request: undefined, progress: undefined }, { ...state.decisions, holds }, []);
  const sound = (item: Snapshot): boolean => ![...added].some((id) => item.holds.has(id));
  return {
    ...next,
    undo: withoutRepeat(next.undo.filter(sound), next.decisions),
    redo: next.redo.filter(sound),
    notice: { level: 'bad', text: answer.text, chain: answer.chain },
  };
}

const counts = new WeakMap<Decisions, { readonly plan: Plan; readonly count: number }>();

export function undecidedCount(state: ReviewState): number {
  const known = counts.get(state.decisions);
  if (known?.plan === state.plan) return known.count;
  const count = reviewedChanges(state).filter((change) => decisionOn(state, change) === 'undecided').length;
  counts.set(state.decisions, { plan: state.plan, count });
  return count;
}

function decide(state: ReviewState, decisions: Decisions, added: readonly string[] = []): ReviewState {
  return withHolds({ ...state, notice: undefined, undo: [...state.undo, snapshot(state)], redo: [] }, decisions, added);
}

function restore(state: ReviewState, to: Snapshot): ReviewState {
  return withHolds(
    state,
    to,
    [...to.holds.keys()].filter((id) => !state.decisions.holds.has(id)),
  );
}

/** Takes decisions over; where they hold other things than the plan respects, with the plan known for them or a request for one. */
function withHolds(state: ReviewState, { accepted, holds: wanted }: Decisions, added: readonly string[]): ReviewState {
  const known = knownPlans(state).find((item) => sameKeys(item.holds, wanted));
  const holds = known?.holds ?? wanted;
  const decisions = { accepted, holds };
  if (holds === state.solvedHolds) return { ...state, decisions, request: undefined, progress: undefined };
  if (holds === state.request?.holds) return { ...state, decisions };
  if (known?.plan !== undefined) {
    const moved = movedIds(state, known.plan, holds);
    return {
      ...state,
      decisions,
      plan: known.plan,
      solvedHolds: holds,
      moved,
      request: undefined,
      progress: undefined,
    };
  }
  const number = state.requests + 1;
  return { ...state, decisions, requests: number, request: { number, holds, added }, progress: undefined };
}

/** Holds met so far with their plans, those with a plan first: what was resolved once is not resolved again. */
function knownPlans(state: ReviewState): readonly Pick<Snapshot, 'holds' | 'plan'>[] {
  const { plan, solvedHolds, request, undo, redo } = state;
  const waiting = request === undefined ? [] : [{ holds: request.holds, plan: undefined }];
  const past = [...undo, ...redo].filter((item) => item.plan !== undefined);
  return [{ holds: solvedHolds, plan }, ...past, ...waiting];
}

function snapshot({ decisions, plan, solvedHolds }: ReviewState): Snapshot {
  return { ...decisions, plan: decisions.holds === solvedHolds ? plan : undefined };
}

/** What a new plan has otherwise, beside what is held or was, and the records of holds. */
function movedIds({ plan, solvedHolds }: ReviewState, after: Plan, holds: Holds): ReadonlySet<string> {
  const [old, now] = [prints(plan), prints(after)];
  return new Set(
    [...new Set([...old.keys(), ...now.keys()])].filter(
      (id) => !holds.has(id) && !solvedHolds.has(id) && !id.startsWith('holds/') && old.get(id) !== now.get(id),
    ),
  );
}

function prints({ changes }: Plan): ReadonlyMap<string, string> {
  return new Map(changes.map((change) => [change.id, fingerprint(change)]));
}

function without(holds: Holds, changes: readonly Change[]): Holds {
  if (!changes.some(({ id }) => holds.has(id))) return holds;
  const gone = new Set(changes.map(({ id }) => id));
  return new Map([...holds].filter(([id]) => !gone.has(id)));
}

function withoutRepeat(items: readonly Snapshot[], now: Decisions): readonly Snapshot[] {
  const last = items.at(-1);
  const repeated =
    last !== undefined &&
    sameKeys(last.holds, now.holds) &&
    last.accepted.size === now.accepted.size &&
    [...now.accepted].every((print) => last.accepted.has(print));
  return repeated ? items.slice(0, -1) : items;
}

function sameKeys(holds: Holds, other: Holds): boolean {
  return holds === other || (holds.size === other.size && [...other.keys()].every((id) => holds.has(id)));
}

function info(text: string): Notice {
  return { level: 'info', text, chain: [] };
}

function bad(text: string): Notice {
  return { level: 'bad', text, chain: [] };
}
