import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DockerEngine, startDockerEngine } from '../../../test/servers/dockerd.ts';
import type { Context } from '../../context.ts';
import { readTarBuffer } from '../../formats/archive/tar-reader.ts';
import { dockerRoot } from './docker-root.ts';
import { openSandbox } from './open-sandbox.ts';
import type { SandboxRequest } from './sandbox.ts';

let place: string;
let root: string;

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'cogplan-docker-'));
  root = join(place, 'root');
  for (const name of ['usr', 'etc', 'dev', 'tmp', 'src']) mkdirSync(join(root, name), { recursive: true });
  for (const name of ['bin', 'lib', 'lib64', 'sbin']) symlinkSync(`usr/${name}`, join(root, name));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\n');
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

test('a root is split into links for an image and directories to mount', async () => {
  const { skeleton, mounts } = await dockerRoot(root);
  expect(mounts).toEqual(['etc', 'src', 'usr']);
  const members = readTarBuffer(skeleton, 'the skeleton').map(({ type, path }) => `${type} ${path}`);
  expect(members).toEqual([
    'symlink bin',
    'directory dev',
    'directory etc',
    'symlink lib',
    'symlink lib64',
    'symlink sbin',
    'directory src',
    'directory tmp',
    'directory usr',
  ]);
  expect((await dockerRoot(root)).skeleton.equals(skeleton)).toBe(true);
});

describe('with an engine', () => {
  let engine: DockerEngine;
  let context: Context;

  beforeAll(async () => {
    engine = await startDockerEngine();
    context = { env: { ...process.env, DOCKER_HOST: engine.host } } as unknown as Context;
  });
  afterAll(() => engine.stop());

  async function run(script: string, more: Partial<SandboxRequest> = {}) {
    const sandbox = await openSandbox(context, { tools: [], kind: 'docker' });
    const running = await sandbox.start({
      root,
      argv: ['/bin/sh', '-c', script],
      env: { PATH: '/usr/bin', GREETING: 'hello' },
      cwd: '/',
      tmpfs: ['/run'],
      network: 'none',
      ...more,
      binds: [{ host: '/usr', guest: '/usr', writable: false }, ...(more.binds ?? [])],
    });
    running.stdin.end('from stdin');
    const [stdout, code] = await Promise.all([text(running.stdout), running.exited, text(running.stderr)]);
    return { stdout, code };
  }

  test('a command runs with its environment, input, exit code and memory file systems', async () => {
    const { stdout, code } = await run(
      'echo $GREETING; cat; touch /run/x /tmp/y && ls /run; touch /etc/x 2>/dev/null || exit 7',
    );
    expect(stdout).toBe('hello\nfrom stdinx\n');
    expect(code).toBe(7);
  });

  test('what it writes to a bound directory belongs to the caller', async () => {
    const out = join(place, 'out');
    mkdirSync(out);
    const { stdout } = await run('echo made > /src/file; stat -c %u:%g /src/file', {
      binds: [{ host: out, guest: '/src', writable: true }],
    });
    expect(stdout).toBe(`${process.getuid?.()}:${process.getgid?.()}\n`);
  });

  test('a program that is not there fails with COGPLAN_SANDBOX_FAILED', async () => {
    await expect(run('', { argv: ['/bin/nothing'] })).rejects.toMatchObject({ code: 'COGPLAN_SANDBOX_FAILED' });
  });
});
