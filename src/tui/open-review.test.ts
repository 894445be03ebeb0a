import { expect, it } from 'vitest';
import { anUpgrade, upgradeAround } from '../../test/builders/plan.ts';
import { CogplanError } from '../errors.ts';
import { diffLocks } from '../plan/diff/diff-locks.ts';
import type { Change } from '../plan/diff/schema.generated.ts';
import { openReview, type Resolution, type Resolve } from './open-review.ts';
import { initialState } from './state/initial-state.ts';

const upgrade = anUpgrade();
const plan = diffLocks(upgrade.before, upgrade.after, { mode: 'upgrade' });

interface Asked {
  readonly held: readonly string[];
  readonly signal: AbortSignal;
  readonly answer: (resolution: Resolution) => void;
  readonly fail: (error: Error) => void;
}

function aReview() {
  const asked: Asked[] = [];
  const resolve: Resolve = (held: readonly Change[], { signal }) =>
    new Promise((answer, fail) => asked.push({ held: held.map(({ subject }) => subject), signal, answer, fail }));
  const state = initialState({ title: 'demo', plan, savePath: 'x', size: { columns: 80, rows: 24 } });
  const review = openReview(state, resolve);
  const hold = (subject: string): void => {
    review.dispatch({ kind: 'select', id: `python/${subject}@linux/amd64` });
    review.dispatch({ kind: 'command', command: 'hold' });
  };
  return { review, asked, hold, tick: () => new Promise((done) => setImmediate(done)) };
}

it('aborts a resolution that a later hold replaces, and takes the later answer only', async () => {
  const { review, asked, hold, tick } = aReview();
  hold('numpy');
  await tick();
  hold('six');
  await tick();
  expect(asked.map(({ held }) => held)).toEqual([['numpy'], ['numpy', 'six']]);
  expect(asked.map(({ signal }) => signal.aborted)).toEqual([true, false]);
  asked[1]!.answer({ kind: 'plan', plan: upgradeAround(upgrade, [...review.state().decisions.holds.values()]) });
  asked[0]!.answer({ kind: 'plan', plan });
  await review.settled();
  await tick();
  expect(review.state().plan.changes.map(({ subject }) => subject)).not.toContain('numpy');
});

it('gives the hold back when resolving fails, and says why', async () => {
  const { review, asked, hold, tick } = aReview();
  hold('numpy');
  await tick();
  asked[0]!.fail(new CogplanError('COGPLAN_NETWORK', 'index.test cannot be reached', { hint: 'Try again.' }));
  await review.settled();
  expect(review.state()).toMatchObject({ request: undefined, plan });
  expect(review.state().notice?.chain).toEqual(['index.test cannot be reached', 'Try again.']);
});

it('aborts what is under way when the review ends', async () => {
  const { review, asked, hold, tick } = aReview();
  hold('numpy');
  await tick();
  review.dispatch({ kind: 'command', command: 'interrupt' });
  expect(asked[0]!.signal.aborted).toBe(true);
});
