import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { readTarBuffer } from '../../formats/archive/tar-reader.ts';
import type { BuiltLayer, LayerEntry } from '../layers/entry.ts';
import { writeLayer } from '../layers/write-layer.ts';
import { bubblewrap } from '../sandbox/bubblewrap.ts';
import { type BuildStepRequest, buildStep } from './build-step.ts';

const BWRAP = '/usr/bin/bwrap';
let context: TestContext;
let below: BuiltLayer;

beforeAll(async () => {
  context = await aContext();
  const base = { uid: 0, gid: 0, origin: 'test' };
  const directory = (path: string, mode = 0o755): LayerEntry => ({ ...base, type: 'directory', path, mode });
  const link = (path: string): LayerEntry => ({ ...base, type: 'symlink', path, mode: 0o777, target: `usr/${path}` });
  const file = (path: string, text: string, more: { mode?: number; gid?: number } = {}): LayerEntry => {
    const data = Buffer.from(text);
    return { ...base, type: 'file', path, mode: 0o644, ...more, size: data.length, content: { kind: 'bytes', data } };
  };
  const entries = [
    link('bin'),
    directory('data'),
    file('data/kept', 'kept', { mode: 0o440, gid: 5 }),
    file('data/old', 'old', { gid: 7 }),
    directory('data/tree'),
    file('data/tree/a', 'a'),
    file('data/tree/b', 'b'),
    directory('etc'),
    link('lib'),
    link('lib64'),
    directory('root', 0o700),
    link('sbin'),
    directory('usr'),
  ];
  below = await writeLayer(entries, context.store);
});
afterAll(() => context.dispose());

const request = (command: string, more: Partial<BuildStepRequest> = {}) =>
  ({
    recipe: {
      command,
      cwd: '/',
      env: {},
      secrets: more.secrets instanceof Map ? [{ id: 'token', target: '/etc/token' }] : [],
      cacheTag: 'cpython-311',
      network: 'none',
    },
    below: [below],
    sandbox: bubblewrap({ argv: [BWRAP], name: BWRAP }),
    what: `build.run[0]: ${command}`,
    compare: true,
    accepted: false,
    binds: [{ host: '/usr', guest: '/usr', writable: false }],
    ...more,
    secrets: more.secrets instanceof Map ? more.secrets : new Map(),
  }) as BuildStepRequest;

async function layerOf(command: string, more: Parameters<typeof request>[1] = {}) {
  const built = await buildStep(context, request(command, more));
  return readTarBuffer(readFileSync(context.store.blobPath(built.diffId)), 'layer');
}

const failure = (command: string, more: Parameters<typeof request>[1] = {}) =>
  buildStep(context, request(command, more)).then(
    () => undefined,
    (error: unknown) => error as { code: string; message: string; data: Record<string, unknown>; hint: string },
  );

describe('what a step leaves', () => {
  it('is what it added, changed and removed, with the modes and owners that were there', async () => {
    const members = await layerOf(
      'mkdir -p /data/new/deep && echo x > /data/new/deep/f && chmod 750 /data/new/deep/f && echo more >> /data/old && rm -r /data/tree && ln -s new /data/link',
    );
    expect(members.map(({ path, type, mode, gid }) => [path, type, mode.toString(8), gid])).toEqual([
      ['data', 'directory', '755', 0],
      ['data/.wh.tree', 'file', '644', 0],
      ['data/link', 'symlink', '777', 0],
      ['data/new', 'directory', '755', 0],
      ['data/new/deep', 'directory', '755', 0],
      ['data/new/deep/f', 'file', '750', 0],
      ['data/old', 'file', '644', 7],
    ]);
  });

  it('holds nothing that was only written again, and no cache, log or bytecode', async () => {
    const members = await layerOf(
      'cp /data/kept /data/x && mv -f /data/x /data/kept && chmod 440 /data/kept && mkdir -p /var/log /var/cache/a /opt/m/__pycache__ && date +%N > /var/log/l && date +%N > /var/cache/a/b && date +%N > /opt/m/__pycache__/m.pyc && date +%N > /tmp/t',
    );
    expect(members.map(({ path }) => path)).toEqual(['opt', 'opt/m', 'var', 'var/cache', 'var/log']);
  });

  it('does not depend on the umask of the caller', async () => {
    const before = process.umask(0o077);
    try {
      expect((await layerOf('echo x > /made'))[0]?.mode).toBe(0o644);
    } finally {
      process.umask(before);
    }
  });

  it('does not depend on host name, process numbers, hashes of Python, clocks of files, umask or where a compiler wrote the date', async () => {
    const command = [
      'hostname > /data/a && echo $$ > /data/b && python3 -c "import os; print(os.getpid(), hash(str()), {*map(str, range(9))})" > /data/c',
      'mkdir /data/l && for i in $(seq 60); do echo $i > /data/l/$i; done; ls -U /data/l > /data/d',
      'cd /data && printf \'#include <stdio.h>\\nint f(void){return puts(__DATE__ __TIME__);}\' > t.c && for n in 1 2 3 4; do printf "int g$n(void){return $n;}" > g$n.c; done',
      "printf 'CC=gcc\\nx.a: t.o g1.o g2.o g3.o g4.o\\n\\tar rcD $@ $^\\n' > Makefile && make -s -j4 x.a",
    ].join(' && ');
    const built = await buildStep(context, request(command));
    expect(await buildStep(context, request(command, { compare: false }))).toEqual(built);
  });

  it('is the same layer on every run', async () => {
    const command = 'mkdir /n && for i in 1 2 3; do echo $i > /n/$i; done; date > /tmp/x';
    const [one, two] = [await buildStep(context, request(command)), await buildStep(context, request(command))];
    expect(two).toEqual(one);
  });
});

describe('a step that gives other bytes on a second run', () => {
  it.each([
    ['date > /f', 'f', 'time'],
    ['date +%s%N > /f', 'f', 'time'],
    ['cd /data && echo z > z && gzip z', 'data/z.gz', 'time'],
    ["python3 -c \"import time; open('/f','w').write(str(time.time()))\"", 'f', 'time'],
    ["bash -c 'echo $RANDOM$RANDOM > /f'", 'f', 'random'],
    ['head -c 64 /dev/urandom > /f', 'f', 'random'],
    ['mktemp -d /data/dXXXXXX', 'data/d', 'random'],
    ['mktemp /tmp/tXXXXXXXX > /f', 'f', 'path'],
    ['seq 40 | shuf > /f', 'f', 'order'],
    ['cat /proc/cpuinfo > /f', 'f', 'CPU'],
    ['nproc > /f', 'f', 'CPU'],
    ['python3 -c "import os; print(\'jobs\', os.cpu_count(), len(os.sched_getaffinity(0)))" > /f', 'f', 'CPU'],
    ['head -n 1 /proc/meminfo > /f', 'f', 'machine'],
    ['cat /proc/version > /f', 'f', 'machine'],
    ['cat /proc/sys/kernel/random/boot_id > /f', 'f', 'machine'],
    ['cat /proc/loadavg > /f', 'f', 'machine'],
    ['cat /proc/uptime > /f', 'f', 'time'],
    ['stat -c %Y /tmp > /f', 'f', 'time'],
    ['cd /data && echo a > a && tar cf f.tar a', 'data/f.tar', 'time'],
    [
      "cd /data && echo a > a && python3 -c \"import zipfile; zipfile.ZipFile('f.zip','w').write('a')\"",
      'data/f.zip',
      'time',
    ],
    ['python3 -c "import uuid; print(uuid.uuid4())" > /f', 'f', 'random'],
    ['python3 -c "print(object())" > /f', 'f', 'random'],
    ['openssl rand -hex 8 > /f', 'f', 'random'],
    ['perl -e \'print join(",", keys %{{map {$_=>1} 1..20}})\' > /f', 'f', 'order'],
  ])('is refused with path and cause: %s', async (command, path, cause) => {
    const error = await failure(command);
    expect(error).toMatchObject({ code: 'COGPLAN_STEP_UNREPRODUCIBLE' });
    const paths = error?.data.paths as { path: string; cause: string }[];
    expect(paths.some((item) => item.path.startsWith(`/${path}`) && item.cause === cause)).toBe(true);
    expect(error?.message).toContain(`/${path}`);
  });

  it('is sealed when that was accepted, with a warning', async () => {
    const members = await layerOf('date +%N > /f', { accepted: true });
    expect(members.map(({ path }) => path)).toEqual(['f']);
  });

  it('is not run twice when a seal vouches for it', async () => {
    expect((await layerOf('date +%N > /f', { compare: false })).map(({ path }) => path)).toEqual(['f']);
  });
});

describe('a step that cannot be run', () => {
  it('shows the end of its log', async () => {
    const error = await failure('echo before; echo broken >&2; exit 3');
    expect(error).toMatchObject({ code: 'COGPLAN_STEP_FAILED', message: expect.stringContaining('broken') });
    expect(error?.data.code).toBe(3);
  });

  it.each([
    'curl -sSf https://host.test/file -o /f',
    'python3 -c "import socket; socket.create_connection((\'192.0.2.1\', 80))"',
  ])('says that it wants the network: %s', async (command) => {
    expect(await failure(command)).toMatchObject({
      code: 'COGPLAN_STEP_NETWORK',
      hint: expect.stringContaining('recorded'),
    });
  });

  it('lacks a secret', async () => {
    const recipe = { ...request('true').recipe, secrets: [{ id: 'token', target: '/etc/token' }] };
    expect(await failure('true', { recipe })).toMatchObject({ code: 'COGPLAN_SECRET_MISSING' });
  });
});

describe('secrets of a step', () => {
  const secrets = new Map([['token', Buffer.from('canary-8412')]]);

  it('are files while it runs, and leave nothing', async () => {
    const members = await layerOf('grep -q canary /etc/token && wc -c < /etc/token > /data/n', { secrets });
    expect(members.map(({ path }) => path)).toEqual(['data', 'data/n']);
  });

  it('are not left in files, and not shown in logs', async () => {
    expect(await failure('cat /etc/token > /data/leak', { secrets })).toMatchObject({
      code: 'COGPLAN_SECRET_LEAKED',
      message: expect.stringContaining('/data/leak'),
    });
    const error = await failure('cat /etc/token; exit 1', { secrets });
    expect(error?.message).toContain('***');
    expect(error?.message).not.toContain('canary');
  });
});
