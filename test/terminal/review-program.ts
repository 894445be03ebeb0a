import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { diffLocks } from '../../src/plan/diff/diff-locks.ts';
import { fullScreenReview } from '../../src/tui/full-screen.ts';
import type { Resolve } from '../../src/tui/open-review.ts';
import { initialState } from '../../src/tui/state/initial-state.ts';
import { aLongPlan, anUpgrade, upgradeAround } from '../builders/plan.ts';

/*
 * The review over a plan made here: as many changes as the first argument says, or a small upgrade for 0. Resolving takes the
 * milliseconds of the second argument, and pillow cannot be held. Prints the outcome, one line of JSON, at the end.
 */
const [count = 0, delay = 0] = process.argv.slice(2).map(Number);

const upgrade = anUpgrade();
const resolve: Resolve = async (held, { signal, progress }) => {
  progress('asking the index');
  await sleep(delay, undefined, { signal });
  if (held.some(({ subject }) => subject === 'pillow')) {
    return { kind: 'impossible', text: 'pillow cannot be held at 10.0.0', chain: ['scipy 1.14.0 requires pillow>=11'] };
  }
  return { kind: 'plan', plan: upgradeAround(upgrade, held) };
};

const plan = count > 0 ? aLongPlan(count) : diffLocks(upgrade.before, upgrade.after, { mode: 'upgrade' });
const state = initialState({ title: 'demo', plan, savePath: 'cogplan.plan.json', size: { columns: 80, rows: 24 } });
const started = performance.now();
const outcome = await fullScreenReview(state, {
  stdin: process.stdin,
  stdout: process.stdout,
  colour: process.env.NO_COLOR === undefined,
  signal: new AbortController().signal,
  resolve,
});
const held = 'holds' in outcome ? [...outcome.holds.keys()] : [];
const versions = 'plan' in outcome ? outcome.plan.lock.targets['linux/amd64']?.python.packages.slice(0, 5) : [];
writeSync(
  1,
  `outcome ${JSON.stringify({
    kind: outcome.kind,
    held,
    path: 'path' in outcome ? outcome.path : undefined,
    versions: versions?.map(({ name, version }) => `${name} ${version}`),
    milliseconds: Math.round(performance.now() - started),
  })}\r\n`,
);
