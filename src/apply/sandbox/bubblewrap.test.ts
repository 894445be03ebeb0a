import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { bubblewrap } from './bubblewrap.ts';
import type { SandboxRequest } from './sandbox.ts';

const BWRAP = '/usr/bin/bwrap';

describe('with the bubblewrap of this machine', () => {
  const sandbox = bubblewrap({ argv: [BWRAP], name: BWRAP });
  let place: string;
  let root: string;

  // A root that has the host's programs, read-only, and nothing else of it.
  beforeAll(() => {
    place = mkdtempSync(join(tmpdir(), 'cogplan-bwrap-'));
    root = join(place, 'root');
    mkdirSync(join(root, 'usr'), { recursive: true });
    for (const name of ['bin', 'lib', 'lib64', 'sbin']) symlinkSync(`usr/${name}`, join(root, name));
    writeFileSync(join(place, 'secret'), 'host secret');
  });
  afterAll(() => rmSync(place, { recursive: true, force: true }));

  const request = (script: string, more: Partial<SandboxRequest> = {}): SandboxRequest => ({
    root,
    argv: ['/bin/sh', '-c', script],
    env: { PATH: '/usr/bin:/bin', GREETING: 'hello' },
    cwd: '/',
    tmpfs: [],
    network: 'none',
    ...more,
    binds: [{ host: '/usr', guest: '/usr', writable: false }, ...(more.binds ?? [])],
  });

  async function run(script: string, more: Partial<SandboxRequest> = {}) {
    const running = await sandbox.start(request(script, more));
    running.stdin.end('from stdin');
    const [stdout, stderr, code] = await Promise.all([text(running.stdout), text(running.stderr), running.exited]);
    return { stdout, stderr, code };
  }

  test('a command runs as user 0 with its own environment, input and exit code', async () => {
    const { stdout, code } = await run('id -u; echo $GREETING $HOME; cat; exit 7');
    expect(stdout).toBe('0\nhello\nfrom stdin');
    expect(code).toBe(7);
  });

  test('a signal that ends the command is told as 128 + number', async () => {
    expect((await run('kill -SEGV $$')).code).toBe(139);
  });

  test('the root cannot be written to, the memory file systems can', async () => {
    const { stdout } = await run('touch /new 2>/dev/null || echo refused; touch /tmp/a /var/tmp/b && echo written', {
      tmpfs: ['/var/tmp'],
    });
    expect(stdout).toBe('refused\nwritten\n');
    expect(existsSync(join(root, 'new'))).toBe(false);
  });

  test('the host shows only through binds', async () => {
    const seen = await run(`cat ${place}/secret 2>&1; ls /home /etc 2>&1 | wc -l; cat /bound/secret`, {
      binds: [{ host: place, guest: '/bound', writable: false }],
    });
    expect(seen.stdout).toContain('No such file');
    expect(seen.stdout.endsWith('host secret')).toBe(true);
  });

  test('a single file and a writable directory can be bound', async () => {
    const out = join(place, 'out');
    mkdirSync(out);
    const { stdout } = await run('cat /etc/hosts; echo made > /out/file', {
      binds: [
        { host: join(place, 'secret'), guest: '/etc/hosts', writable: false },
        { host: out, guest: '/out', writable: true },
      ],
    });
    expect(stdout).toBe('host secret');
    expect(readFileSync(join(out, 'file'), 'utf8')).toBe('made\n');
  });

  test('without network there is only an own loopback; host name and processes are own too', async () => {
    const { stdout } = await run('cat /proc/net/dev | tail -n +3 | cut -d: -f1; hostname; ls -d /proc/[0-9]* | wc -l');
    const [device, hostname, processes] = stdout.trim().split(/\s+/);
    expect([device, hostname]).toEqual(['lo', 'cogplan']);
    expect(Number(processes)).toBeLessThan(10);
  });

  test('the command can be process 1', async () => {
    expect((await run('echo $$', { init: true })).stdout).toBe('1\n');
    expect((await run('echo $$')).stdout).not.toBe('1\n');
  });

  test('no capability is left', async () => {
    expect((await run('grep -E "^Cap(Eff|Prm|Bnd)" /proc/self/status')).stdout.replace(/[^1-9a-f]/g, '')).not.toMatch(
      /[1-9]/,
    );
  });

  test('limits hold inside', async () => {
    expect((await run('ulimit -n', { limits: { openFiles: 77 } })).stdout).toBe('77\n');
  });

  test('environment values do not show in the host’s process list', async () => {
    const running = await sandbox.start(request('echo ready; cat', { env: { PATH: '/usr/bin', TOKEN: 's3cr3t' } }));
    await once(running.stdout, 'data');
    expect(readFileSync(`/proc/${running.pid}/cmdline`, 'latin1')).not.toContain('s3cr3t');
    running.kill('SIGKILL');
    await running.exited;
  });

  test.each([
    ['a program that is not there', { argv: ['/bin/nothing'] as const }],
    ['a working directory that is not there', { cwd: '/nowhere' }],
    ['a mount point through a link', { tmpfs: ['/bin/x'] }],
    ['a mount point of another kind', { binds: [{ host: '/etc/hostname', guest: '/usr', writable: false }] }],
  ])('%s fails with COGPLAN_SANDBOX_FAILED', async (_, more) => {
    await expect(run('true', more)).rejects.toMatchObject({ code: 'COGPLAN_SANDBOX_FAILED' });
  });

  test('SIGTERM reaches the command, SIGKILL ends everything', async () => {
    const gentle = await sandbox.start(request('trap "exit 9" TERM; echo up; while :; do sleep 0.02; done'));
    await once(gentle.stdout, 'data');
    gentle.kill('SIGTERM');
    expect(await gentle.exited).toBe(9);
    const stubborn = await sandbox.start(request('trap "" TERM; echo up; sleep 100 & wait'));
    await once(stubborn.stdout, 'data');
    stubborn.kill('SIGKILL');
    expect(await stubborn.exited).toBe(137);
  });

  test('an abort ends it', async () => {
    const controller = new AbortController();
    const running = await sandbox.start(request('echo up; sleep 100', { signal: controller.signal }));
    await once(running.stdout, 'data');
    controller.abort();
    expect(await running.exited).toBe(137);
    await expect(sandbox.start(request('true', { signal: controller.signal }))).rejects.toThrow();
  });

  test('what runs inside dies when its parent is killed', async () => {
    const mark = join(place, 'mark');
    mkdirSync(mark);
    const options = [
      '--unshare-user',
      '--unshare-all',
      '--die-with-parent',
      '--ro-bind',
      '/',
      '/',
      '--dev',
      '/dev',
      '--bind',
      mark,
      mark,
    ];
    const parent = spawn(process.execPath, [
      '-e',
      `require('node:child_process').spawn(${JSON.stringify(BWRAP)}, ${JSON.stringify([
        ...options,
        '/bin/sh',
        '-c',
        `while :; do date +%s%N > ${mark}/beat; sleep 0.02; done`,
      ])}); setInterval(() => {}, 1000)`,
    ]);
    while (!existsSync(join(mark, 'beat'))) await delay(10);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    const beat = () => readFileSync(join(mark, 'beat'), 'utf8');
    await vi.waitFor(
      async () => {
        const last = beat();
        await delay(500);
        expect(beat()).toBe(last);
      },
      { timeout: 60_000 },
    );
  });
});
