import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';

const KEPT_OUTPUT = 1024 * 1024;

/**
 * Runs a program to its end and gives the wall-clock seconds and what it printed. A program that fails is an error that holds
 * the end of its output.
 */
export async function run(command, args = [], { cwd, env } = {}) {
  const started = performance.now();
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] = (output[name] + text).slice(-KEPT_OUTPUT);
    });
  }
  let ended = started;
  child.once('exit', () => {
    ended = performance.now();
  });
  const [code, signal] = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (...how) => resolve(how));
  });
  if (code !== 0) {
    const told = `${output.stdout}\n${output.stderr}`.trim().slice(-4000);
    throw new Error(`${[command, ...args].join(' ')} ended with ${code ?? signal}:\n${told}`);
  }
  return { seconds: (ended - started) / 1000, ...output };
}

/**
 * Runs the contenders in turn, `runs` times (A B A B), so that whatever slows the machine meets all of them, and gives the
 * samples of each by its key. `prepare` and `cleanUp` are not timed; `sync` comes right before the run, so that nobody pays for what
 * another has left to the disk. A contender gives its own number, or seconds.
 */
export async function interleave(contenders, { runs, log }) {
  const samples = new Map(contenders.map(({ key }) => [key, []]));
  for (let round = 1; round <= runs; round++) {
    for (const { key, prepare, measure, cleanUp } of contenders) {
      await prepare?.();
      await run('sync');
      const sample = await measure();
      samples.get(key).push(sample);
      log(`  ${round}/${runs} ${key}: ${sample.toFixed(3)}`);
      await cleanUp?.();
    }
  }
  return samples;
}

export function median(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
