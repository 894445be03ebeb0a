import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Output {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The root file system of the one image of an OCI layout, as another program unpacks it below `bundle`. */
export function unpackImage(layout: string, bundle: string): string {
  const { manifests } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
  const tag = manifests[0].annotations['org.opencontainers.image.ref.name'];
  const { status, stderr } = spawnSync('umoci', ['unpack', '--image', `${layout}:${tag}`, bundle], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return join(bundle, 'rootfs');
}

/** Runs a program on a root file system as root of a container, with the host's network; what it writes stays there. */
export function runIn(root: string, ...command: string[]): Promise<Output> {
  const places = ['--bind', root, '/', '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--chdir', '/tmp'];
  const user = ['--unshare-user', '--uid', '0', '--gid', '0', '--clearenv'];
  const path = ['--setenv', 'PATH', '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin'];
  const child = spawn('bwrap', [...places, ...user, ...path, ...command]);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, ...output }));
  });
}

/** Like `runIn`, for what must succeed: its output. */
export async function worksIn(root: string, ...command: string[]): Promise<string> {
  const { status, stdout, stderr } = await runIn(root, ...command);
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}:\n${stdout}\n${stderr}`);
  return stdout;
}
