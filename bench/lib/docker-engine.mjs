import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './measure.mjs';
import { SYSTEM_PATH, whyNotHere } from './programs.mjs';

/** Why no Docker Engine can be started here; undefined when one can. */
export function whyNoEngine() {
  const why = whyNotHere('dockerd');
  if (why !== undefined) return why;
  return findClient() === undefined ? 'no docker client here can drive BuildKit' : undefined;
}

/**
 * A Docker Engine of the bench's own, with its data below `directory`. Builds reach loopback by the host's network.
 */
export async function startEngine(directory) {
  const home = mkdtempSync(join(directory, 'dockerd-'));
  const socket = join(home, 'docker.sock');
  const host = `unix://${socket}`;
  const places = { 'data-root': 'data', 'exec-root': 'exec', pidfile: 'docker.pid' };
  const daemon = spawn(
    'dockerd',
    [
      ...['--host', host, '--bridge', 'none', '--iptables=false', '--ip-masq=false'],
      ...Object.entries(places).flatMap(([option, name]) => [`--${option}`, join(home, name)]),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PATH: SYSTEM_PATH } },
  );
  const endDaemon = () => daemon.kill('SIGTERM');
  process.once('exit', endDaemon);
  let log = '';
  for (const stream of [daemon.stdout, daemon.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      log = `${log}${text}`.slice(-8000);
    });
  }
  const client = findClient();
  const docker = (args, options = {}) =>
    run(client, args, { ...options, env: { DOCKER_HOST: host, DOCKER_BUILDKIT: '1', ...options.env } });
  const answers = () =>
    docker(['version']).then(
      () => true,
      () => false,
    );
  for (let tries = 0; !(existsSync(socket) && (await answers())); tries++) {
    if (tries > 120 || daemon.exitCode !== null) {
      await stop(daemon, home);
      throw new Error(`dockerd did not start:\n${log}`);
    }
    await sleep(250);
  }
  const { stdout } = await docker(['version', '--format', '{{.Server.Version}}']);
  const { stdout: driver } = await docker(['info', '--format', '{{.Driver}}']);
  return {
    docker,
    version: `${stdout.trim()} (${driver.trim()}, its own BuildKit)`,
    stop: () => stop(daemon, home).finally(() => process.off('exit', endDaemon)),
  };
}

/** Clients from 23 on build through the buildx plugin, and cannot without it; earlier ones have BuildKit in them. */
function findClient() {
  const found = spawnSync('sh', ['-c', 'which -a docker'], { encoding: 'utf8' }).stdout.trim().split('\n');
  return found.find((client) => {
    const version = Number(/version (\d+)\./.exec(spawnSync(client, ['--version'], { encoding: 'utf8' }).stdout)?.[1]);
    return version < 23 || spawnSync(client, ['buildx', 'version']).status === 0;
  });
}

async function stop(daemon, home) {
  const ended = new Promise((resolve) => daemon.once('exit', resolve));
  daemon.kill('SIGTERM');
  if (daemon.exitCode === null) await ended;
  spawnSync('sh', ['-c', `grep -o ' ${home}[^ ]*' /proc/self/mounts | sort -r | xargs -r umount -l`]);
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
}
