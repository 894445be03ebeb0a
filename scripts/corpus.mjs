// Tries cogplan on real public projects: `npm run corpus` reads all of them offline and compares with what was reviewed;
// `npm run corpus -- NUMBER…` locks those for real and prints what came of it, `npm run corpus -- --fix NUMBER…` follows the first advice of each error
// until they lock.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyProject, corpusNumbers } from './corpus-projects.mjs';

const root = fileURLToPath(new URL('../', import.meta.url));
const main = join(root, 'dist/cli/main.js');
const numbers = await corpusNumbers();
const follows = process.argv.includes('--fix');
const asked = process.argv.slice(2).filter((word) => word !== '--fix');

if (numbers === undefined) console.log('The corpus (../shared/corpus) is not here: nothing to try.');
else if (asked.length === 0) process.exitCode = await readAll();
else for (const number of asked) await lockOne(number);

async function readAll() {
  const expected = JSON.parse(await readFile(join(root, 'test/corpus/expected.json'), 'utf8'));
  let differing = 0;
  for (const number of numbers) {
    const { answer } = await withProject(number, (directory) =>
      cogplan(['lock', '--explain-spec', '--json', directory]),
    );
    const { outcome, codes } = outcomeOf(answer);
    const same = JSON.stringify({ outcome, codes }) === JSON.stringify(expected[number]);
    if (!same) differing++;
    console.log(`${number}  ${outcome.padEnd(7)}  ${codes.join(' ')}${same ? '' : '  (not as reviewed)'}`);
  }
  console.log(`${numbers.length} projects, ${differing} not as reviewed`);
  return differing === 0 ? 0 : 1;
}

function outcomeOf(answer) {
  const { error } = answer;
  const told = error === undefined ? answer.notices : [error, ...(error.data?.others ?? [])];
  return {
    outcome: error === undefined ? 'read' : 'refused',
    codes: [...new Set(told.map(({ code }) => code).filter((code) => !code.startsWith('COGPLAN_RUN_')))].sort(),
  };
}

async function lockOne(number) {
  if (!numbers.includes(number)) {
    console.log(`${number}  is not in the corpus`);
    process.exitCode = 1;
    return;
  }
  const start = performance.now();
  const { answer, lock } = await withProject(number, async (directory) => {
    const { answer, told } = await cogplan(['lock', directory, '--yes', '--json', ...(follows ? ['--fix'] : [])]);
    for (const line of told.split('\n').filter((text) => text.startsWith('Done: '))) console.log(`${number}  ${line}`);
    return { answer, lock: await readFile(join(directory, 'cogplan.lock'), 'utf8').catch(() => undefined) };
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  if (lock === undefined) {
    const { code, message, where, hint, data } = answer.error;
    const place = where === undefined ? '' : ` at ${where.file}:${where.line ?? ''}`;
    console.log(`${number}  ${code}${place} (${seconds} s)\n      ${message}\n      ${hint ?? ''}`);
    for (const [at, { text }] of (data?.fixes ?? []).entries()) console.log(`      ${at + 1}. ${text}`);
    return;
  }
  for (const [platform, target] of Object.entries(JSON.parse(lock).targets)) {
    const { interpreter, system, python, steps } = target;
    const parts = [
      `Python ${interpreter.version}`,
      `${system.packages.length} .debs`,
      `${python.packages.length} wheels`,
    ];
    console.log(`${number}  locked for ${platform}: ${parts.join(', ')}, ${steps.length} steps (${seconds} s)`);
  }
}

async function withProject(number, work) {
  const directory = await mkdtemp(join(tmpdir(), `cogplan-corpus-${number}-`));
  try {
    await copyProject(number, directory);
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function cogplan(argv) {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...argv], { maxBuffer: 64 * 1024 * 1024 }, (_, stdout, stderr) => {
      resolve({ answer: JSON.parse(stdout), told: stderr });
    });
  });
}
