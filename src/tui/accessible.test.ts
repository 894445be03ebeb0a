import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { anUpgrade, upgradeAround } from '../../test/builders/plan.ts';
import { diffLocks } from '../plan/diff/diff-locks.ts';
import { accessibleReview } from './accessible.ts';
import type { Resolve } from './open-review.ts';
import { initialState } from './state/initial-state.ts';
import type { Outcome } from './state/review-state.ts';

const upgrade = anUpgrade();
const plan = diffLocks(upgrade.before, upgrade.after, { mode: 'upgrade' });
const resolve: Resolve = async (held) =>
  held.some(({ subject }) => subject === 'pillow')
    ? { kind: 'impossible', text: 'pillow cannot be held', chain: ['scipy 1.14.0 requires pillow>=11'] }
    : { kind: 'plan', plan: upgradeAround(upgrade, held) };

/** Answers all questions, one line each, and gives what was said. */
async function talk(...answers: readonly string[]): Promise<{ readonly outcome: Outcome; readonly said: string }> {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const said = text(output);
  const state = initialState({ title: 'demo', plan, savePath: 'cogplan.plan.json', size: { columns: 80, rows: 24 } });
  input.end(answers.map((answer) => `${answer}\n`).join(''));
  const outcome = await accessibleReview(state, { input, output, signal: new AbortController().signal, resolve });
  output.end();
  return { outcome, said: await said };
}

it('asks about each change by number, and writes when told to', async () => {
  const { outcome, said } = await talk('1', 'a', 'accept', 'y', '1', '1', 'w');
  expect(outcome.kind).toBe('write');
  expect(said).toContain('demo: 6 changes to review.');
  expect(said).toContain(
    'Change 2 of 6. python for linux/amd64: numpy, changed, from 1.26.4 to 2.1.0, -1 B, risk medium, undecided',
  );
  expect(said).toContain('SAME VERSION, OTHER BYTES');
  expect(said).toContain('That was the last change. 0 undecided, 0 held.');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: plain lines are the purpose
  expect(said).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
});

it('holds, undoes, and tells why a hold is impossible', async () => {
  const { outcome, said } = await talk('g 2', 'hold', 'hold', 'u', 'q', 'y');
  expect(outcome.kind).toBe('leave');
  expect(said).toContain('Resolved again: nothing else moved');
  expect(said).toContain('pillow cannot be held');
  expect(said).toContain('  scipy 1.14.0 requires pillow>=11');
  expect(said).toContain('Undone');
});

it('saves with what is held', async () => {
  const { outcome } = await talk('g 2', '2', 'S mine.json');
  expect(outcome).toMatchObject({ kind: 'save', path: 'mine.json' });
  expect('holds' in outcome && [...outcome.holds.keys()]).toEqual(['python/numpy@linux/amd64']);
});

it('leaves, with nothing decided, when the input ends', async () => {
  expect((await talk()).outcome).toEqual({ kind: 'leave' });
});

it('asks again after an answer that is none, lists, and tells the story', async () => {
  const { said } = await talk('maybe', 'l', 'g 4', 's', 'g 99', '?', 'q');
  expect(said).toContain('"maybe" is no answer here.');
  expect(said).toMatch(/^5\. python for linux\/amd64: six, SAME VERSION/m);
  expect(said).toContain('threadpoolctl');
  expect(said).toContain('Name a number from 1 to 6');
  expect(said).toContain('8, u, undo: take the last decision back');
});

it('asks once more before undecided changes are written', async () => {
  const { outcome, said } = await talk('w', 'n', 'w', 'y');
  expect(said.match(/6 changes are undecided/g)).toHaveLength(2);
  expect(outcome.kind).toBe('write');
});
