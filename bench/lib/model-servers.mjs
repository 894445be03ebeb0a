import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from './measure.mjs';
import { ROOT } from './workspace.mjs';

/** The server has one core, and who loads it the other. */
const SERVER_CORE = '1';
const LOAD_CORE = '0';

const BARE = `
import orjson

async def app(scope, receive, send):
    body = b""
    more = scope["type"] == "http"
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    given = orjson.loads(body) if body else {}
    answer = orjson.dumps({"output": str(given.get("text", "")) + "!"})
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]})
    await send({"type": "http.response.body", "body": answer})
`;

/** The contenders' Python environments, made once from PyPI: ours, each named release of cog, and uvicorn alone. */
export async function serverEnvironments(workspace, versions) {
  const folder = join(workspace.directory, 'servers');
  mkdirSync(folder, { recursive: true });
  const environment = async (name, packages) => {
    const path = join(folder, name);
    if (!existsSync(join(path, 'bin/python'))) {
      const partial = `${path}.partial`;
      rmSync(partial, { recursive: true, force: true });
      // A virtual environment that moves keeps its python; only its scripts would break.
      await run('python3', ['-m', 'venv', partial]);
      if (packages.length > 0) {
        await run(join(partial, 'bin/python'), ['-m', 'pip', 'install', '-q', '--only-binary', ':all:', ...packages]);
      }
      renameSync(partial, path);
    }
    return join(path, 'bin/python');
  };
  const lock = JSON.parse(readFileSync(join(ROOT, 'examples/hello-world/cogplan.lock'), 'utf8'));
  const server = Object.values(lock.targets)[0].runtime.server.map(({ name, version }) => `${name}==${version}`);
  const servers = await environment('server', server);
  const library = join(folder, 'server/lib', readdirSync(join(folder, 'server/lib'))[0], 'site-packages');
  const ours = {
    name: 'cogplan',
    python: await environment('model', []),
    env: { PYTHONPATH: join(ROOT, 'runtime-python/src'), COGPLAN_SERVER_PATH: library, COG_QUEUE_DEPTH: '64' },
    module: 'cog.server.http',
  };
  const cogs = [];
  for (const version of versions) {
    cogs.push({
      name: `cog ${version}`,
      python: await environment(`cog-${version}`, [`cog==${version}`]),
      env: {},
      module: 'cog.server.http',
    });
  }
  writeFileSync(join(folder, 'bare.py'), BARE);
  const bare = { name: 'uvicorn', python: servers, env: { PYTHONPATH: folder }, module: 'uvicorn', bare: true };
  return { ours, cogs, bare };
}

/** Starts a contender's server for a model; `ready` is the seconds that it took. To be stopped. */
export async function startServer(contender, { project, predict, concurrency }) {
  const port = await freePort();
  const args = contender.bare
    ? ['-m', 'uvicorn', 'bare:app', '--port', String(port), '--log-level', 'warning', '--no-access-log']
    : ['-m', contender.module];
  const started = performance.now();
  const child = spawn('taskset', ['-c', SERVER_CORE, contender.python, ...args], {
    cwd: project,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      // coglet looks for its worker's Python there.
      PATH: `${dirname(contender.python)}:${process.env.PATH}`,
      HOME: process.env.HOME,
      PORT: String(port),
      COG_LOG_LEVEL: 'warning',
      COG_PREDICT_TYPE_STUB: predict,
      ...(concurrency === undefined ? {} : { COG_MAX_CONCURRENCY: String(concurrency) }),
      ...contender.env,
    },
  });
  let log = '';
  child.stderr.on('data', (chunk) => {
    log = (log + chunk).slice(-4000);
  });
  let ended = false;
  const exited = new Promise((resolve) => {
    child.once('exit', () => {
      ended = true;
      resolve();
    });
  });
  const stop = async () => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {}
    await exited;
  };
  const base = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + 60_000;
  for (;;) {
    const status = await fetch(`${base}/health-check`).then(
      async (response) => (contender.bare ? 'READY' : (await response.json()).status),
      () => undefined,
    );
    if (status === 'READY') break;
    if (ended || performance.now() > deadline || status === 'SETUP_FAILED') {
      await stop();
      throw new Error(`${contender.name} is ${status ?? 'not there'} for ${predict}:\n${log}`);
    }
    await delay(5);
  }
  return { base, pid: child.pid, seconds: (performance.now() - started) / 1000, stop };
}

/** Runs a task of the load program on its own core. */
export async function load(task) {
  const { stdout } = await run('taskset', [
    ...['-c', LOAD_CORE, process.execPath, join(ROOT, 'bench/lib/load-program.mjs'), JSON.stringify(task)],
  ]);
  return JSON.parse(stdout);
}

/** Proportional set size of a process and all below it, in MiB. */
export function memoryOf(pid) {
  const parents = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {}
  }
  const isBelow = (one) => one === pid || (parents.has(one) && parents.get(one) > 1 && isBelow(parents.get(one)));
  let kilobytes = 0;
  for (const one of parents.keys()) {
    if (!isBelow(one)) continue;
    try {
      kilobytes += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${one}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
    } catch {}
  }
  return kilobytes / 1024;
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
