// The review over a plan of 10,000 changes, on the terminal that it runs in. Writes to the file named as its argument how many milliseconds the first frame took, and each
// frame after a key.
import { writeFileSync } from 'node:fs';
import { diffLocks } from '../../dist/plan/diff/diff-locks.js';
import { fullScreenReview } from '../../dist/tui/full-screen.js';
import { initialState } from '../../dist/tui/state/initial-state.js';
import { generatedLock } from './locks.mjs';

const size = { debs: 0, wheels: 10_000 };
const plan = diffLocks(generatedLock({ ...size, moved: () => false }), generatedLock({ ...size, moved: () => true }), {
  mode: 'upgrade',
});
const keys = [];
let asked;
const write = process.stdout.write.bind(process.stdout);
let first;
process.stdout.write = (text, ...rest) => {
  // The frame itself, after the switch to the alternate screen.
  if (first === undefined && String(text).includes('package-')) first = performance.now() - started;
  if (asked !== undefined && String(text).length > 20) {
    keys.push(performance.now() - asked);
    asked = undefined;
  }
  return write(text, ...rest);
};
const emit = process.stdin.emit.bind(process.stdin);
process.stdin.emit = (event, ...rest) => {
  if (event === 'readable') asked ??= performance.now();
  return emit(event, ...rest);
};
const started = performance.now();
await fullScreenReview(
  initialState({ title: 'bench', plan, savePath: 'plan.json', size: { columns: 100, rows: 40 } }),
  {
    stdin: process.stdin,
    stdout: process.stdout,
    colour: true,
    signal: new AbortController().signal,
    resolve: async () => ({ kind: 'plan', plan }),
  },
);
writeFileSync(process.argv[2], JSON.stringify({ first, keys }));
process.exit(0);
