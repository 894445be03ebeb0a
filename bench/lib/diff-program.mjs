// Compares two locks of 1,000 artifacts each, half of them moved, in a process of its own. Prints the milliseconds of the first comparison, and of those
// after ten more.
import { diffLocks } from '../../dist/plan/diff/diff-locks.js';
import { generatedLock } from './locks.mjs';

const size = { debs: 700, wheels: 300 };
const before = generatedLock({ ...size, moved: () => false });
const after = generatedLock({ ...size, moved: (index) => index % 2 === 0 });
const times = Array.from({ length: 21 }, () => {
  const started = performance.now();
  diffLocks(before, after);
  return performance.now() - started;
});
console.log(JSON.stringify({ first: times[0], warm: times.slice(11) }));
