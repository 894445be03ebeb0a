import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface DockerEngine {
  /** For DOCKER_HOST. */
  readonly host: string;
  docker(...args: string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string };
  stop(): Promise<void>;
}

/** A Docker Engine of the test's own: its data in a temporary directory, its socket beside it. Needs root. */
export async function startDockerEngine(): Promise<DockerEngine> {
  const directory = mkdtempSync(join(tmpdir(), 'dockerd-'));
  const socket = join(directory, 'docker.sock');
  const host = `unix://${socket}`;
  const daemon = spawn(
    'dockerd',
    [
      ['--host', host],
      ['--data-root', join(directory, 'data')],
      ['--exec-root', join(directory, 'exec')],
      ['--pidfile', join(directory, 'docker.pid')],
      ['--bridge', 'none'],
      ['--iptables=false'],
      ['--ip-masq=false'],
    ].flat(),
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } },
  );
  let log = '';
  for (const stream of [daemon.stdout, daemon.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log = `${log}${text}`.slice(-8000);
    });
  }
  const docker: DockerEngine['docker'] = (...args) => {
    const { status, stdout, stderr } = spawnSync('docker', ['--host', host, ...args], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    return { status, stdout, stderr };
  };
  for (let tries = 0; !(existsSync(socket) && docker('version').status === 0); tries++) {
    if (tries > 1200 || daemon.exitCode !== null) throw new Error(`dockerd did not start:\n${log}`);
    await sleep(250);
  }
  return { host, docker, stop: () => stop(daemon, directory) };
}

async function stop(daemon: ChildProcess, directory: string): Promise<void> {
  const ended = new Promise((resolve) => daemon.once('exit', resolve));
  daemon.kill('SIGTERM');
  await ended;
  spawnSync('sh', ['-c', `grep -o ' ${directory}[^ ]*' /proc/self/mounts | sort -r | xargs -r umount -l`]);
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}
