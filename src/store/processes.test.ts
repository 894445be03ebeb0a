import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bundleProgram } from '../../test/programs/bundle-program.ts';
import { type RunningProgram, runProgram } from '../../test/programs/run-program.ts';
import { sha256 } from '../digest.ts';
import { openStore } from './open-store.ts';
import { formatIdentity, livenessOf, parseIdentity, thisProcess } from './process-identity.ts';
import type { Store } from './store.ts';

let program: string;
let root: string;
let store: Store;
const hash = sha256(Buffer.alloc(3 * 1024 * 1024, 7));

beforeAll(async () => {
  program = await bundleProgram(fileURLToPath(new URL('../../test/programs/store-program.ts', import.meta.url)));
});
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'cogplan-store-'));
  store = await openStore(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function start(...programArguments: readonly string[]): RunningProgram {
  return runProgram(program, [root, ...programArguments]);
}

async function killAfter(running: RunningProgram, line: string): Promise<void> {
  await running.said(line);
  running.child.kill('SIGKILL');
  await running.ended;
}

test('two processes may write the same blob', async () => {
  const results = await Promise.all([start('put', '3145728').ended, start('put', '3145728').ended]);
  expect(results).toEqual([expect.objectContaining({ exit: 0, stdout: hash }), expect.objectContaining({ exit: 0 })]);
  expect(await store.verify()).toEqual([]);
  expect(await store.stat(hash)).toEqual({ sha256: hash, size: 3_145_728 });
  expect(readdirSync(join(root, 'tmp'))).toEqual([]);
});

describe('exclusive', () => {
  test('lets one process in at a time', async () => {
    const file = join(root, 'log');
    const results = await Promise.all([1, 2, 3].map(() => start('count', file, '40').ended));
    expect(results.map(({ exit }) => exit)).toEqual([0, 0, 0]);
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    expect(lines).toHaveLength(240);
    for (let at = 0; at < lines.length; at += 2) expect(lines[at + 1]).toBe(lines[at]?.replace('enter', 'leave'));
    expect(readdirSync(join(root, 'locks'))).toEqual([]);
  });

  test('is taken over from a killed process, by one of many', async () => {
    await killAfter(start('hold', 'counter'), 'held');
    expect(readdirSync(join(root, 'locks'))).toHaveLength(1);
    const file = join(root, 'log');
    await Promise.all([1, 2, 3].map(() => start('count', file, '5').ended));
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    expect(lines).toHaveLength(30);
    for (let at = 0; at < lines.length; at += 2) expect(lines[at + 1]).toBe(lines[at]?.replace('enter', 'leave'));
    expect(readdirSync(join(root, 'locks'))).toEqual([]);
  });

  test('tells after a second whom it waits for, and gives up on abort', async () => {
    const holder = start('hold', 'busy');
    await holder.said('held');
    const abort = new AbortController();
    const owners: string[] = [];
    const onWait = (owner: string): void => {
      owners.push(owner);
      abort.abort();
    };
    await expect(store.exclusive('busy', async () => 1, { signal: abort.signal, onWait })).rejects.toMatchObject({
      code: 'COGPLAN_INTERRUPTED',
    });
    expect(owners).toEqual([expect.stringContaining(`process ${holder.child.pid}`)]);
    holder.child.kill('SIGKILL');
    await holder.ended;
    expect(await store.exclusive('busy', async () => 2)).toBe(2);
  });

  test('is not stopped by a lock file whose content was lost', async () => {
    await store.exclusive('name', async () => {
      const [file] = readdirSync(join(root, 'locks'));
      writeFileSync(join(root, 'locks', file!), '');
    });
    expect(await store.exclusive('name', async () => 'in')).toBe('in');
    expect(await store.exclusive('name', async () => 'again')).toBe('again');
  });

  test('is released when the work fails, and names differ that look alike', async () => {
    await expect(
      store.exclusive('a/b', async () => {
        await store.exclusive('a-b', async () => {});
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(await store.exclusive('a/b', async () => 1)).toBe(1);
  });
});

describe('after kill -9', () => {
  test('in the middle of a blob, the store is clean and the blob can be written', async () => {
    await killAfter(start('half-write'), 'written');
    expect(await store.stat(hash)).toBeUndefined();
    expect(readdirSync(join(root, 'tmp'))).toHaveLength(1);
    expect((await start('put', '3145728').ended).exit).toBe(0);
    expect(await store.verify()).toEqual([]);
    // What the killed process left went when the next one opened the store.
    expect(readdirSync(join(root, 'tmp')).filter((name) => name !== formatIdentity(thisProcess))).toEqual([]);
  });

  test('in the middle of a resumable blob, the next process continues it', async () => {
    await killAfter(start('half-write', hash), 'written');
    const writer = await store.writer({ resume: hash });
    expect(writer.size).toBeGreaterThan(0);
    await writer.write(Buffer.alloc(3_145_728 - writer.size, 7));
    expect(await writer.commit({ sha256: hash })).toEqual({ sha256: hash, size: 3_145_728 });
  });

  test('in the middle of a derived directory, the next one builds it whole', async () => {
    await killAfter(start('half-derive'), 'building');
    const path = await store.derivedDirectory('tree', sha256('key'), async (directory) => {
      expect(readdirSync(directory)).toEqual([]);
      writeFileSync(join(directory, 'whole'), 'whole');
    });
    expect(readdirSync(path)).toEqual(['whole']);
  });

  test('a lease no longer holds, while a living process holds its own', async () => {
    const { sha256: first } = await store.put(Buffer.from('first'));
    const { sha256: second } = await store.put(Buffer.from('second'));
    const living = start('lease', second);
    await living.said('leased');
    await killAfter(start('lease', first), 'leased');
    await store.gc({ keep: new Set(), olderThanMs: -1 });
    // Who holds a lease may be working with more than it names.
    expect(await store.stat(first)).toBeDefined();
    const later = await openStore(root, { now: () => new Date(Date.now() + 2 * 86_400_000) });
    await later.gc({ keep: new Set(), olderThanMs: -1 });
    expect(await store.stat(first)).toBeUndefined();
    expect(await store.stat(second)).toBeDefined();
    living.child.kill('SIGKILL');
    await living.ended;
  });
});

describe('identity of a process', () => {
  test('survives formatting, and nothing else parses', () => {
    expect(parseIdentity(formatIdentity(thisProcess))).toEqual(thisProcess);
    expect(parseIdentity(`${formatIdentity(thisProcess)}.abc`)).toEqual(thisProcess);
    for (const text of ['', 'x', '1.2.3', '../..']) expect(parseIdentity(text)).toBeUndefined();
  });

  test.each([
    ['itself', {}, 'alive'],
    ['a process that had our pid before', { start: '1' }, 'dead'],
    ['a pid that is not there', { pid: 4_194_305 }, 'dead'],
    ['this host before it was started anew', { boot: 'abc' }, 'dead'],
    ['another host', { boot: 'abc', host: 'def' }, 'unknown'],
    ['another container on this kernel', { namespace: '1', host: 'def' }, 'unknown'],
  ])('%s', (_, change, expected) => {
    expect(livenessOf({ ...thisProcess, ...change })).toBe(expected);
  });
});
