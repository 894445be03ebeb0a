// Builds cogplan, measures it beside named peers and writes bench/RESULTS.md. `--only NAME` (repeatable) and `--runs N` are for trying out: such
// runs print their table and write nothing, unless `--write` says so. `--render` writes the table again from bench/results.jsonl.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from '../bench/lib/machine.mjs';
import { render } from '../bench/lib/report.mjs';
import { openWorkspace, ROOT } from '../bench/lib/workspace.mjs';

const MEASUREMENTS = [
  'lock',
  'wheel-to-layer',
  'small-model',
  'big-wheel',
  'debian-tree',
  'everyday',
  'registry',
  'plan',
  'memory',
  'weights',
  'runtime',
];
const RUNS = 5;
const RESULTS = join(ROOT, 'bench/results.jsonl');

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    runs: { type: 'string', default: String(RUNS) },
    render: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});

if (values.render) {
  writeTable(readResults());
} else {
  process.exitCode = await bench();
}

async function bench() {
  const names = values.only ?? MEASUREMENTS;
  const unknown = names.find((name) => !MEASUREMENTS.includes(name));
  const runs = Number(values.runs);
  if (unknown !== undefined || !Number.isInteger(runs) || runs < 1) {
    console.error(`usage: npm run bench -- [--runs N] [--only NAME]...\nNAME is one of ${MEASUREMENTS.join(', ')}`);
    return 1;
  }
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs')], { stdio: 'inherit' });
  const workspace = openWorkspace();
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ]) {
    process.once(signal, () => process.exit(code));
  }
  const machine = describeMachine(workspace.directory);
  const started = Date.now();
  const rows = [];
  const failed = [];
  for (const name of names) {
    console.error(`${name}`);
    const { measurement } = await import(`../bench/${name}.mjs`);
    try {
      rows.push(...(await measurement.run({ workspace, runs, log: (line) => console.error(line) })));
    } catch (error) {
      failed.push(name);
      console.error(`${name} failed: ${error.stack}`);
    }
  }
  workspace.tidy();
  const minutes = Math.round((Date.now() - started) / 60_000);
  const results = { machine, runs, minutes, rows };
  if (failed.length > 0) {
    console.error(`${failed.join(', ')} failed: nothing is written.`);
  } else if (values.write || (values.only === undefined && runs >= RUNS)) {
    const all =
      values.only === undefined
        ? results
        : { ...results, rows: merged(existsSync(RESULTS) ? readResults().rows : [], rows) };
    writeResults(all);
    writeTable(all);
    return 0;
  }
  console.log(table(results));
  return failed.length === 0 ? 0 : 1;
}

/** Rows measured earlier, with those of this run in their places, and new ones at the end. */
function merged(earlier, rows) {
  const fresh = new Map(rows.map((row) => [row.id, row]));
  const kept = earlier.map((row) => fresh.get(row.id) ?? row);
  return [...kept, ...rows.filter(({ id }) => !earlier.some((row) => row.id === id))];
}

/** One line for the run, then one for each row. */
function writeResults({ rows, ...head }) {
  writeFileSync(RESULTS, [head, ...rows].map((line) => `${JSON.stringify(line, rounded)}\n`).join(''));
}

function readResults() {
  const [head, ...rows] = readFileSync(RESULTS, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return { ...head, rows };
}

function writeTable(results) {
  writeFileSync(join(ROOT, 'bench/RESULTS.md'), table(results));
}

function table(results) {
  return render(results, readFileSync(join(ROOT, 'bench/reasons.md'), 'utf8'));
}

/** Samples to a tenth of a millisecond. */
function rounded(_key, value) {
  return typeof value === 'number' ? Math.round(value * 10_000) / 10_000 : value;
}
