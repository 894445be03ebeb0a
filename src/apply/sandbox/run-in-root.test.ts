import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import type { LayerEntry } from '../layers/entry.ts';
import { writeLayer } from '../layers/write-layer.ts';
import { bubblewrap } from './bubblewrap.ts';
import { type RootCommand, runInRoot } from './run-in-root.ts';
import { openWritableRoot } from './writable-root.ts';

const BWRAP = '/usr/bin/bwrap';
const sandbox = bubblewrap({ argv: [BWRAP], name: BWRAP });
let context: TestContext;

beforeAll(async () => {
  context = await aContext();
});
afterAll(() => context.dispose());

/** The host's programs, in a root that has nothing else. */
const command = (root: string, script: string, more: Partial<RootCommand> = {}): RootCommand => ({
  sandbox,
  root,
  argv: ['/bin/sh', '-c', script],
  cwd: '/',
  ...more,
  binds: [{ host: '/usr', guest: '/usr', writable: false }, ...(more.binds ?? [])],
});

function plainRoot(name: string): string {
  const root = join(context.store.root, name);
  mkdirSync(join(root, 'usr'), { recursive: true });
  for (const link of ['bin', 'lib', 'lib64', 'sbin']) symlinkSync(`usr/${link}`, join(root, link));
  return root;
}

/** Names of private directories that nobody removed. */
const leftOver = (): readonly string[] =>
  (readdirSync(join(context.store.root, 'tmp'), { recursive: true }) as string[]).filter((path) =>
    /secrets|root/.test(path),
  );

describe('runInRoot', () => {
  it('gives every command the same surroundings, and nothing of the caller', async () => {
    const root = plainRoot('fixed');
    const script =
      'env | sort; hostname; date +%Z; ls /sys/class/net 2>/dev/null; cat /proc/net/dev | tail -n +3 | cut -d: -f1';
    const { log, code } = await runInRoot(context, command(root, script, { env: { MORE: '1' } }));
    expect(code).toBe(0);
    expect(log.split('\n').map((line) => line.trim())).toEqual([
      'HOME=/root',
      'LANG=C.UTF-8',
      'LC_ALL=C.UTF-8',
      'MORE=1',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'PWD=/',
      'PYTHONHASHSEED=0',
      'SOURCE_DATE_EPOCH=315532801',
      'TERM=dumb',
      'TZ=UTC',
      'cogplan',
      'UTC',
      'lo',
      '',
    ]);
  });

  it('shows one processor when asked', async () => {
    expect((await runInRoot(context, command(plainRoot('cpu'), 'nproc', { oneCpu: true }))).log).toBe('1\n');
  });

  it('hands secrets over as files that do not last', async () => {
    const root = plainRoot('secrets');
    mkdirSync(join(root, 'run'));
    const secrets = [{ guest: '/etc/token', content: Buffer.from('hush') }];
    const script = 'cat /etc/token; (echo x > /etc/token) 2>/dev/null || echo " read-only"';
    expect((await runInRoot(context, command(root, script, { secrets }))).log).toBe('hush read-only\n');
    expect(leftOver()).toEqual([]);
  });

  it('keeps the end of a long log, and tells how a command ended', async () => {
    const result = await runInRoot(context, command(plainRoot('log'), 'seq 1 100000; echo last >&2; exit 3'));
    expect(result.code).toBe(3);
    expect(result.log.length).toBeLessThanOrEqual(64 * 1024);
    expect(result.log).toContain('99999');
  });

  it('ends a command that takes too long', async () => {
    const result = await runInRoot(context, command(plainRoot('slow'), 'sleep 60', { timeoutMs: 200 }));
    expect(result).toMatchObject({ timedOut: true, code: 137 });
  });
});

describe('openWritableRoot', () => {
  it('tells what a command changed, and leaves the layers alone', async () => {
    const base = { mode: 0o644, uid: 0, gid: 0, origin: 'test' } as const;
    const file = (path: string, text: string): LayerEntry => ({
      ...base,
      type: 'file',
      path,
      size: text.length,
      content: { kind: 'bytes', data: Buffer.from(text) },
    });
    const link = (path: string): LayerEntry => ({ ...base, mode: 0o777, type: 'symlink', path, target: `usr/${path}` });
    const directory = (path: string): LayerEntry => ({ ...base, mode: 0o755, type: 'directory', path });
    const layer = await writeLayer(
      [
        link('bin'),
        directory('etc'),
        file('etc/gone', 'a'),
        file('etc/kept', 'b'),
        file('etc/same-size', 'c'),
        link('lib'),
        link('lib64'),
        directory('opt'),
        directory('usr'),
      ],
      context.store,
    );
    const root = await openWritableRoot(context, [layer]);
    writeFileSync(join(root.path, 'untold'), '');
    const script = [
      'rm /etc/gone /untold',
      'echo -n d > /etc/same-size',
      'mkdir -p /opt/new',
      'echo hi > /opt/new/file',
      'ln -s file /opt/new/link',
      'chmod 700 /opt',
      'echo x > /tmp/forgotten',
    ].join(' && ');
    const { code, log } = await runInRoot(context, command(root.path, script, { writableRoot: true }));
    expect([code, log]).toEqual([0, '']);
    expect(root.changes()).toEqual([
      { path: 'etc/gone', change: 'removed' },
      { path: 'etc/same-size', change: 'changed', type: 'file', mode: 0o644, size: 1 },
      { path: 'opt', change: 'changed', type: 'directory', mode: 0o700 },
      { path: 'opt/new', change: 'added', type: 'directory', mode: 0o755 },
      { path: 'opt/new/file', change: 'added', type: 'file', mode: 0o644, size: 3 },
      { path: 'opt/new/link', change: 'added', type: 'symlink', mode: 0o777, target: 'file' },
    ]);
    await root.dispose();
    expect(leftOver()).toEqual([]);
  });
});
