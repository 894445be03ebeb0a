// Runs the models of this folder, unmodified, on the Cog of their era from PyPI, and asks of it what test/e2e/models.test.ts asks of ours.
//
//   node test/models/run-on-cog.mjs [model...]
//
// Needs Python 3.11 and an index; each model gets an environment below ~/.cache/cogplan-eras, which stays for the next run.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';

const here = import.meta.dirname;
const environments = join(homedir(), '.cache/cogplan-eras');
const cases = JSON.parse(readFileSync(join(here, 'cases.json'), 'utf8'));
const wanted = process.argv.slice(2);

let failed = 0;
for (const one of cases) {
  if (wanted.length > 0 && !wanted.includes(one.model)) continue;
  const problem = await tryCase(one).catch((error) => String(error.stderr || error.message).trim());
  console.log(`${one.model} on cog ${one.cog}: ${problem === undefined ? 'the same answer' : `FAILED\n${problem}`}`);
  if (problem !== undefined) failed++;
}
process.exitCode = failed === 0 ? 0 : 1;

async function tryCase({ model, cog, mode, input, output }) {
  const python = environmentOf(model, cog);
  const place = mkdtempSync(join(tmpdir(), 'cogplan-era-'));
  const project = join(place, model);
  cpSync(join(here, model), project, { recursive: true });
  const config = parse(readFileSync(join(project, 'cog.yaml'), 'utf8'));
  // Before 0.7 there is no choice.
  const port = /^0\.[0-6]\./.test(cog) ? 5000 : await freePort();
  const server = spawn(python, ['-m', 'cog.server.http', ...(mode === 'train' ? ['--x-mode', 'train'] : [])], {
    cwd: project,
    env: {
      // coglet looks for its worker's Python there.
      PATH: `${dirname(python)}:${process.env.PATH}`,
      HOME: homedir(),
      PORT: String(port),
      COG_PREDICT_TYPE_STUB: config.predict ?? config.run,
      ...(config.train === undefined ? {} : { COG_TRAIN_TYPE_STUB: config.train }),
      ...(config.concurrency === undefined ? {} : { COG_MAX_CONCURRENCY: String(config.concurrency.max) }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let log = '';
  server.stdout.on('data', (chunk) => (log += chunk));
  server.stderr.on('data', (chunk) => (log += chunk));
  let ended = false;
  server.once('exit', () => (ended = true));
  try {
    const base = `http://127.0.0.1:${port}`;
    await ready(
      base,
      () => ended,
      () => log,
    );
    const response = await fetch(`${base}/${mode === 'train' ? 'trainings' : 'predictions'}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ input: withFiles(input, project) }),
    });
    const answer = await response.json();
    const given = readable(answer.output);
    return isExpected(given, output) ? undefined : `${JSON.stringify(answer).slice(0, 2000)}\n${log.slice(-3000)}`;
  } finally {
    try {
      process.kill(-server.pid, 'SIGKILL');
    } catch {}
    rmSync(place, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** An environment with that Cog and the model's packages. */
function environmentOf(model, cog) {
  const folder = join(environments, `${model}-on-${cog}`);
  const python = join(folder, 'bin/python');
  if (existsSync(join(folder, 'done'))) return python;
  const config = parse(readFileSync(join(here, model, 'cog.yaml'), 'utf8'));
  const packages = config.build.python_packages ?? [];
  const file = config.build.python_requirements;
  mkdirSync(environments, { recursive: true });
  rmSync(folder, { recursive: true, force: true });
  execFileSync('python3', ['-m', 'venv', folder]);
  const requirements = file === undefined ? [] : ['-r', join(here, model, file)];
  const install = (...words) =>
    execFileSync(python, ['-m', 'pip', 'install', '-q', '--only-binary', ':all:', ...words], {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
  if (/^0\.[0-6]\./.test(cog)) {
    // What its queue worker asks for contradicts itself by now; the server needs these.
    install('--no-deps', `cog==${cog}`);
    install('fastapi<0.99', 'pydantic<2', 'uvicorn[standard]<1', 'requests', 'PyYAML', ...packages, ...requirements);
  } else install(`cog==${cog}`, ...packages, ...requirements);
  writeFileSync(join(folder, 'done'), '');
  return python;
}

async function ready(base, ended, log) {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    if (ended()) throw new Error(`the server ended:\n${log().slice(-3000)}`);
    const health = await fetch(`${base}/health-check`).then(
      (response) => response.json(),
      () => undefined,
    );
    // Before 0.7 there is no status: whoever answers is ready.
    const status = health?.status ?? (health === undefined ? undefined : 'READY');
    if (status === 'READY') return;
    if (status === 'SETUP_FAILED' || status === 'DEFUNCT') throw new Error(`${status}:\n${log().slice(-3000)}`);
    await delay(100);
  }
  throw new Error(`not ready in time:\n${log().slice(-3000)}`);
}

function withFiles(input, project) {
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => {
      if (typeof value !== 'string' || !value.startsWith('@')) return [name, value];
      const content = readFileSync(join(project, value.slice(1)));
      const type = { py: 'text/x-python', png: 'image/png', txt: 'text/plain' }[value.split('.').at(-1)];
      return [name, `data:${type};base64,${content.toString('base64')}`];
    }),
  );
}

function readable(value) {
  if (typeof value === 'string') {
    const base64 = /^data:[^,]*;base64,(.*)$/s.exec(value)?.[1];
    return base64 === undefined ? value : Buffer.from(base64, 'base64').toString('utf8');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, readable(one)]));
}

function isExpected(given, wantedOutput) {
  if (wantedOutput?.text !== undefined && Object.keys(wantedOutput).length === 1) return given === wantedOutput.text;
  if (wantedOutput?.weights?.contains !== undefined)
    return String(given?.weights).includes(wantedOutput.weights.contains);
  return isDeepStrictEqual(given, wantedOutput);
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
