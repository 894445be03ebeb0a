import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatLock } from '../../src/lock/write-lock.ts';
import { VERSION } from '../../src/version.ts';
import { aLock } from '../builders/lock.ts';
import { cogplan, inDirectory, ROOT } from './cogplan.ts';

const VERBS = [
  ['lock'],
  ['plan'],
  ['diff'],
  ['why'],
  ['tree'],
  ['hold'],
  ['unhold'],
  ['holds'],
  ['apply'],
  ['predict'],
  ['serve'],
  ['audit'],
  ['review'],
  ['train'],
  ['exec'],
  ['export'],
  ['check'],
  ['push'],
  ['add', 'file'],
  ['add', 'package'],
  ['add', 'weights'],
  ['weights', 'status'],
  ['weights', 'pull'],
  ['weights', 'verify'],
  ['weights', 'export'],
  ['store', 'export'],
  ['store', 'import'],
  ['store', 'path'],
  ['store', 'list'],
  ['store', 'gc'],
  ['store', 'verify'],
];

describe('the command line', () => {
  it('has the version of the package', async () => {
    expect(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version).toBe(VERSION);
    expect((await cogplan(['--version'])).stdout.trim()).toBe(VERSION);
  });

  it('shows examples in its help', async () => {
    const { status, stdout } = await cogplan(['--help']);
    expect(status).toBe(0);
    expect(stdout).toContain('$ cogplan lock');
  });

  it('pushes nothing without a name', async () => {
    await inDirectory(async (directory) => {
      writeFileSync(join(directory, 'cog.yaml'), 'build:\n  python_version: "3.11"\n');
      const { status, stdout } = await cogplan(['push', '-C', directory, '--json']);
      const { error } = JSON.parse(stdout) as { error: { code: string; hint: string } };
      expect([status, error.code]).toEqual([1, 'COGPLAN_USAGE']);
      expect(error.hint).toContain('image:');
    });
  });

  it.each(VERBS)('has help with an example for %s %s', async (...verb) => {
    const { status, stdout } = await cogplan([...verb.filter((word) => word !== undefined), '--help']);
    expect(status).toBe(0);
    expect(stdout).toContain('Usage: cogplan');
    expect(stdout).toMatch(/^ {2}\$ .*cogplan /m);
  });

  it('refuses an unknown option with exit code 1', async () => {
    const { status, stderr } = await cogplan(['lock', '--frobnicate']);
    expect(status).toBe(1);
    expect(stderr).toContain('--frobnicate');
  });

  it('puts a failure on standard output as one document when asked for JSON', async () => {
    await inDirectory(async (directory) => {
      writeFileSync(join(directory, 'cog.yaml'), 'build:\n  python_version: "3.11"\n  sytem_packages: [curl]\n');
      const { status, stdout } = await cogplan(['lock', directory, '--json']);
      expect(status).toBe(1);
      const { error } = JSON.parse(stdout);
      expect(error).toMatchObject({ where: { file: 'cog.yaml', line: 3 } });
      expect(error.code).toMatch(/^COGPLAN_/);
      expect(error.hint).toContain('system_packages');
    });
  });

  it('tells people the place and the repair', async () => {
    await inDirectory(async (directory) => {
      writeFileSync(join(directory, 'cog.yaml'), 'build:\n  python_version: 3.10\n');
      const { status, stderr } = await cogplan(['lock', directory]);
      expect(status).toBe(1);
      expect(stderr).toContain('cog.yaml:2');
      expect(stderr).toContain('"3.10"');
    });
  });

  it('says that a project without a lock has none', async () => {
    await inDirectory(async (directory) => {
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, 'cog.yaml'), 'build:\n  python_version: "3.11"\n');
      expect((await cogplan(['lock', '--check', directory])).status).toBe(2);
      const applied = await cogplan(['apply', directory, '--json']);
      expect(applied.status).toBe(1);
      expect(JSON.parse(applied.stdout).error.code).toBe('COGPLAN_LOCK_MISSING');
    });
  });

  it.each<[string, readonly string[], string]>([
    ['a port that is none', ['serve', '-p', 'eighty'], 'COGPLAN_USAGE'],
    ['a time that is none', ['predict', '--setup-timeout', 'long'], 'COGPLAN_USAGE'],
    ['days that are none', ['store', 'gc', '--older-than', 'soon'], 'COGPLAN_USAGE'],
    ['an output that is none', ['apply', '-o', 'floppy:a'], 'COGPLAN_OUTPUT_INVALID'],
  ])('refuses %s', async (_name, args, code) => {
    await inDirectory(async (directory) => {
      const { status, stdout } = await cogplan([...args, '--json'], { cwd: directory, store: directory });
      expect(status).toBe(1);
      expect(JSON.parse(stdout).error.code).toBe(code);
    });
  });

  it('ends in order when nobody reads on', async () => {
    await inDirectory(async (directory) => {
      const { status, stderr } = await cogplan(['store', 'path'], {
        store: directory,
        prefix: ['bash', '-c', 'set -o pipefail; "$@" | { exec <&-; sleep 1; }', 'sh'],
      });
      expect([status, stderr]).toEqual([0, '']);
    });
  });

  it.each(['predict', 'serve'])('%s refuses a project without a model before it builds anything', async (verb) => {
    await inDirectory(async (directory) => {
      writeFileSync(join(directory, 'cog.yaml'), 'build:\n  python_version: "3.11"\n');
      writeFileSync(join(directory, 'cogplan.lock'), formatLock(aLock()));
      const { status, stdout } = await cogplan([verb, directory, '--json'], { store: directory });
      expect(status).toBe(1);
      expect(JSON.parse(stdout).error).toMatchObject({ code: 'COGPLAN_SPEC_REQUIRED', where: { key: 'run' } });
    });
  });

  it('refuses to build from a lock that is out of step, and to audit one that was never applied', async () => {
    await inDirectory(async (directory) => {
      writeFileSync(join(directory, 'cog.yaml'), 'build:\n  python_version: "3.13"\n');
      writeFileSync(join(directory, 'cogplan.lock'), formatLock(aLock()));
      const applied = await cogplan(['apply', directory, '--json'], { store: directory });
      expect(JSON.parse(applied.stdout).error).toMatchObject({
        code: 'COGPLAN_LOCK_STALE',
        where: { file: 'cog.yaml', key: 'build.python_version' },
      });
      const audited = await cogplan(['audit', directory, '--platform', 'linux/amd64', '--json'], { store: directory });
      expect(JSON.parse(audited.stdout).error.code).toBe('COGPLAN_NOT_SEALED');
      expect([applied.status, audited.status]).toEqual([1, 1]);
    });
  });
});
