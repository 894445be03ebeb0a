import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Context } from '../../context.ts';
import { silentHost } from '../../events.ts';
import type { Tool } from '../../lock/schema.generated.ts';
import { openStore } from '../../store/open-store.ts';
import { openSandbox } from './open-sandbox.ts';

let place: string;
let context: Context;

beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), 'cogplan-open-'));
  context = {
    host: silentHost,
    store: await openStore(join(place, 'store')),
    http: undefined as never,
    env: { PATH: join(place, 'bin') },
    signal: new AbortController().signal,
    concurrency: 1,
    now: () => new Date(0),
  };
  mkdirSync(join(place, 'bin'));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

function program(script: string): void {
  const file = join(place, 'bin/bwrap');
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

describe('where no sandbox can be made', () => {
  test('without bwrap on PATH and in the lock, both are named', async () => {
    await expect(openSandbox(context, { tools: [] })).rejects.toMatchObject({
      code: 'COGPLAN_SANDBOX_UNAVAILABLE',
      message: expect.stringContaining('no bwrap on PATH, and the lock has none for linux/'),
      hint: expect.stringContaining('--sandbox docker'),
    });
  });

  test('what was tried, and what it said, is told', async () => {
    program('echo "bwrap: No permissions to create new namespace" >&2; exit 1');
    await expect(openSandbox(context, { tools: [] })).rejects.toMatchObject({
      code: 'COGPLAN_SANDBOX_UNAVAILABLE',
      data: { tried: [expect.stringContaining('No permissions to create new namespace')] },
    });
  });

  test('a relative entry of PATH is not looked at', async () => {
    program('exit 0');
    await expect(openSandbox({ ...context, env: { PATH: 'bin' } }, { tools: [] })).rejects.toMatchObject({
      message: expect.stringContaining('no bwrap on PATH'),
    });
  });
});

const BWRAP = '/usr/bin/bwrap';

/** The files that this machine's bwrap needs, packed as Debian packs them. */
async function debOfHost(triplet: string): Promise<Buffer> {
  const libraries = execFileSync('ldd', [BWRAP], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  const packer = pack();
  packer.entry({ name: './usr/bin/bwrap', mode: 0o755 }, readFileSync(BWRAP));
  for (const library of libraries) {
    packer.entry({ name: `./lib/${triplet}/${basename(library)}`, mode: 0o755 }, readFileSync(realpathSync(library)));
  }
  packer.finalize();
  const control = pack();
  control.entry({ name: './control' }, 'Package: bubblewrap\nVersion: 1\nArchitecture: amd64\n');
  control.finalize();
  return ar({
    'debian-binary': Buffer.from('2.0\n'),
    'control.tar': await buffer(control),
    'data.tar': await buffer(packer),
  });
}

function ar(members: Readonly<Record<string, Uint8Array>>): Buffer {
  const parts: Uint8Array[] = [Buffer.from('!<arch>\n')];
  for (const [name, data] of Object.entries(members)) {
    const fields = [
      name.padEnd(16),
      '0'.padEnd(12),
      '0'.padEnd(6),
      '0'.padEnd(6),
      '100644'.padEnd(8),
      String(data.length).padEnd(10),
    ];
    parts.push(Buffer.from(`${fields.join('')}\`\n`), data, Buffer.from(data.length % 2 === 0 ? '' : '\n'));
  }
  return Buffer.concat(parts);
}

describe('where namespaces are allowed', () => {
  const arm = process.arch === 'arm64';

  async function tools(): Promise<readonly Tool[]> {
    const { sha256, size } = await context.store.put(await debOfHost(arm ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'));
    const url = 'https://archive.example/bubblewrap_1_amd64.deb';
    return [
      { name: 'bubblewrap', version: '1', host: arm ? 'linux/arm64' : 'linux/amd64', file: { url, sha256, size } },
    ];
  }

  async function sayHello(options: { readonly tools: readonly Tool[] }): Promise<string> {
    const sandbox = await openSandbox(context, options);
    const request = { root: '/', env: {}, cwd: '/', binds: [], tmpfs: [], network: 'none' } as const;
    const running = await sandbox.start({ ...request, argv: ['/bin/sh', '-c', 'echo hello'] });
    const [said] = await Promise.all([text(running.stdout), running.exited]);
    return said;
  }

  test('the host’s is taken', async () => {
    symlinkSync(BWRAP, join(place, 'bin/bwrap'));
    expect(await sayHello({ tools: [] })).toBe('hello\n');
  });

  test('without one, the locked package runs from the store, started by its own loader', async () => {
    expect(await sayHello({ tools: await tools() })).toBe('hello\n');
    expect(existsSync(join(place, 'store/derived/deb-root'))).toBe(true);
  });

  test('a host’s that does not work gives way to the locked one', async () => {
    program('exit 1');
    expect(await sayHello({ tools: await tools() })).toBe('hello\n');
  });

  test('a locked package for another machine is not taken', async () => {
    const [tool] = await tools();
    const foreign = { ...(tool as Tool), host: arm ? 'linux/amd64' : 'linux/arm64' };
    await expect(openSandbox(context, { tools: [foreign] })).rejects.toMatchObject({
      code: 'COGPLAN_SANDBOX_UNAVAILABLE',
    });
  });
});
