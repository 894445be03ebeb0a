import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawn } from '@lydell/node-pty';
import { interleave, run } from './lib/measure.mjs';
import { ROOT } from './lib/workspace.mjs';

/** Comparing locks, the review's screen, and resolving again after a hold. */
export const measurement = {
  name: 'plan',
  async run({ workspace, runs, log }) {
    const diffs = [];
    for (let round = 0; round < runs; round++) {
      const { stdout } = await run(process.execPath, [join(ROOT, 'bench/lib/diff-program.mjs')]);
      diffs.push(JSON.parse(stdout));
    }
    const reviews = [];
    for (let round = 0; round < runs; round++) reviews.push(await review(join(workspace.directory, 'review.json')));
    const held = await holdSamples(workspace, runs, log);
    return [
      {
        id: 'plan-diff',
        what: 'diff of two locks of 700 .debs and 300 wheels, half of them moved',
        how: '`plan-diff`: inside one process, after eleven comparisons. The first one of a process, its code not compiled yet, is the row below.',
        unit: 'ms',
        ours: diffs.flatMap(({ warm }) => warm),
        bar: { kind: 'ours', most: 50, unit: 'ms' },
      },
      {
        id: 'plan-diff-first',
        what: 'the same, first comparison of a process',
        unit: 'ms',
        ours: diffs.map(({ first }) => first),
        bar: { kind: 'ours', most: 50, unit: 'ms' },
      },
      {
        id: 'review-first-frame',
        what: 'first frame of the review, 10,000 changes',
        how: '`review`: in a pty of 100 x 40, from the plan being there to the bytes being written; keys move, page, fold and search.',
        unit: 'ms',
        ours: reviews.map(({ first }) => first),
        bar: { kind: 'ours', most: 300, unit: 'ms' },
      },
      {
        id: 'review-key',
        what: 'key to frame in the review, 10,000 changes',
        unit: 'ms',
        ours: reviews.flatMap(({ keys }) => keys),
        bar: { kind: 'ours', most: 30, unit: 'ms' },
      },
      {
        id: 'hold-resolve',
        what: '`plan --upgrade` of `examples/ocr` with numpy held',
        how: '`hold-resolve`: what the review does after a hold, beside the same resolution without one; caches warm, online.',
        unit: 's',
        ours: held.get('held'),
        peer: held.get('free'),
        peerName: 'without the hold',
        bar: { kind: 'ours/peer', most: 1.3 },
      },
    ];
  },
};

const KEYS = ['j', 'j', 'j', '\u001b[6~', '\u001b[6~', 'k', 'G', 'k', 'k', '\u001b[5~', 'g', 'j'];

async function review(result) {
  // Ink draws nothing where it sees a CI run.
  const { CI: _, CONTINUOUS_INTEGRATION: __, ...env } = process.env;
  const terminal = spawn(process.execPath, [join(ROOT, 'bench/lib/review-program.mjs'), result], {
    cols: 100,
    rows: 40,
    env: { ...env, TERM: 'xterm-256color' },
  });
  const ended = new Promise((resolve) => terminal.onExit(resolve));
  let output = '';
  terminal.onData((text) => {
    output += text;
  });
  for (let waited = 0; !output.includes('package-'); waited += 50) {
    if (waited > 60_000) throw new Error(`the review never showed:\n${output.slice(-2000)}`);
    await sleep(50);
  }
  await sleep(500);
  for (const key of KEYS) {
    terminal.write(key);
    await sleep(150);
  }
  terminal.write('\u0003');
  const late = setTimeout(() => terminal.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(late);
  return JSON.parse(readFileSync(result, 'utf8'));
}

async function holdSamples(workspace, runs, log) {
  const free = workspace.example('ocr');
  await workspace.cogplan(['lock', free, '--yes', '--quiet']);
  const held = workspace.copy(free, 'ocr-held');
  await workspace.cogplan(['hold', 'numpy', held, '--because', 'bench']);
  const plan = (project) => async () => (await workspace.cogplan(['plan', project, '--upgrade'])).seconds;
  await plan(free)();
  await plan(held)();
  return interleave(
    [
      { key: 'free', measure: plan(free) },
      { key: 'held', measure: plan(held) },
    ],
    { runs, log },
  );
}
