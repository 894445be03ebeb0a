import { CogplanError } from '../errors.ts';
import type { Change, Plan } from '../plan/diff/schema.generated.ts';
import { type Action, reduce } from './state/reduce.ts';
import type { ReviewState } from './state/review-state.ts';

/** What came of resolving again around what is held. */
export type Resolution =
  | { readonly kind: 'plan'; readonly plan: Plan }
  /** The holds cannot all be met: `chain` leads, link by link, from a hold to what contradicts it. */
  | { readonly kind: 'impossible'; readonly text: string; readonly chain: readonly string[] };

/**
 * Resolves again so that each of `held` keeps what the old lock has. Writes nothing. Aborted when its answer is no longer
 * wanted; `progress` takes a line about what is being done.
 */
export type Resolve = (
  held: readonly Change[],
  options: { readonly signal: AbortSignal; readonly progress: (text: string) => void },
) => Promise<Resolution>;

/** A review going on: its state, and the resolution in the background that its holds ask for. */
export interface OpenReview {
  state(): ReviewState;
  dispatch(action: Action): void;
  /** Calls back after each change of the state. */
  onChange(listener: () => void): void;
  /** Waits until no resolution is under way. */
  settled(): Promise<void>;
  close(): void;
}

export function openReview(initial: ReviewState, resolve: Resolve): OpenReview {
  let state = initial;
  let running: { readonly number: number; readonly abort: AbortController; readonly done: Promise<void> } | undefined;
  const listeners: (() => void)[] = [];

  const dispatch = (action: Action): void => {
    const before = state;
    state = reduce(state, action);
    if (state === before) return;
    followRequest();
    for (const listener of listeners) listener();
  };

  const followRequest = (): void => {
    const request = state.outcome === undefined ? state.request : undefined;
    if (request?.number === running?.number) return;
    running?.abort.abort();
    running = undefined;
    if (request === undefined) return;
    const abort = new AbortController();
    const { number } = request;
    const progress = (text: string): void => dispatch({ kind: 'progress', number, text });
    const begin = Promise.resolve().then(() =>
      resolve([...request.holds.values()], { signal: abort.signal, progress }),
    );
    const done = begin.then(
      (answer) =>
        dispatch(
          answer.kind === 'plan'
            ? { kind: 'solved', number, plan: answer.plan }
            : { kind: 'refused', number, text: answer.text, chain: answer.chain },
        ),
      (error: unknown) => dispatch({ kind: 'refused', number, ...failure(error) }),
    );
    running = { number, abort, done };
  };

  return {
    state: () => state,
    dispatch,
    onChange: (listener) => void listeners.push(listener),
    settled: async () => {
      while (running !== undefined) await running.done;
    },
    close: () => {
      running?.abort.abort();
      running = undefined;
      listeners.length = 0;
    },
  };
}

function failure(error: unknown): { readonly text: string; readonly chain: readonly string[] } {
  const hint = error instanceof CogplanError && error.hint !== undefined ? [error.hint] : [];
  const message = error instanceof Error ? error.message : String(error);
  return { text: 'Not held: resolving again failed', chain: [message, ...hint] };
}
