import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Sha256, sha256 } from '../digest.ts';
import { openStore } from './open-store.ts';
import { formatIdentity, thisProcess } from './process-identity.ts';
import type { Store } from './store.ts';

const DAY = 86_400_000;
let root: string;
let clock: number;
let store: Store;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'cogplan-gc-'));
  clock = Date.now();
  store = await openStore(root, { now: () => new Date(clock) });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function names(): Promise<readonly Sha256[]> {
  const found: Sha256[] = [];
  for await (const blob of store.list()) found.push(blob.sha256);
  return found;
}

test('keeps what is kept, leased or lately used, and removes the rest', async () => {
  const [kept, leased, used, old] = await Promise.all(
    ['kept', 'leased', 'used', 'old'].map(async (text) => (await store.put(Buffer.from(text))).sha256),
  );
  clock += 10 * DAY;
  await store.verified(used!, 4, 'used');
  const lease = await store.lease([leased!]);
  const options = { keep: new Set<string>([kept!]), olderThanMs: 5 * DAY };

  expect(await store.gc({ ...options, dryRun: true })).toEqual({ removed: 1, bytes: 3 });
  expect(await names()).toHaveLength(4);
  expect(await store.gc(options)).toEqual({ removed: 1, bytes: 3 });
  expect(await names()).not.toContain(old);
  expect(await names()).toHaveLength(3);

  await lease.release();
  expect(await store.gc({ keep: new Set(), olderThanMs: 5 * DAY })).toEqual({ removed: 2, bytes: 10 });
  expect(await names()).toEqual([used]);
});

test('stamps of what stays are still good afterwards', async () => {
  const { sha256: kept } = await store.put(Buffer.from('kept'));
  await store.put(Buffer.from('old'));
  await store.gc({ keep: new Set([kept]), olderThanMs: 0 });
  const later = await openStore(root);
  expect(await later.verified(kept, 4, 'kept')).toBe(later.blobPath(kept));
  expect(await store.verify()).toEqual([]);
});

test('removes derived results nobody holds, read-only directories included', async () => {
  await store.putDerived('layer', sha256('a'), { a: 1 });
  const other = await openStore(root);
  const directory = await other.derivedDirectory('tree', sha256('b'), async (path) => {
    mkdirSync(join(path, 'closed'));
    writeFileSync(join(path, 'closed', 'file'), 'x');
    chmodSync(join(path, 'closed'), 0o555);
  });
  clock += 10 * DAY;
  await store.gc({ keep: new Set(), olderThanMs: 5 * DAY });
  expect(existsSync(directory)).toBe(true);
  expect(await store.getDerived('layer', sha256('a'))).toBeUndefined();

  rmSync(join(root, 'leases'), { recursive: true });
  mkdirSync(join(root, 'leases'));
  await store.gc({ keep: new Set(), olderThanMs: 5 * DAY });
  expect(existsSync(directory)).toBe(false);
});

test('removes temporary files of dead processes only', async () => {
  const own = await store.scratch('own');
  const dead = join(root, 'tmp', formatIdentity({ ...thisProcess, start: '1' }));
  const foreign = join(root, 'tmp', formatIdentity({ ...thisProcess, boot: 'abc', host: 'def' }));
  for (const path of [dead, foreign]) {
    mkdirSync(path);
    writeFileSync(join(path, 'file'), '');
  }
  await store.gc({ keep: new Set(), olderThanMs: 0 });
  expect([own.path, dead, foreign].map((path) => existsSync(path))).toEqual([true, false, true]);
  await own.dispose();
  expect(existsSync(own.path)).toBe(false);
});

test('removes cached responses, partial and quarantined files that are old', async () => {
  const paths = ['cache/http/ab/abc', `partial/${sha256('p')}.part`, `quarantine/${sha256('q')}.1`].map((path) =>
    join(root, path),
  );
  for (const path of paths) {
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, 'x');
  }
  expect(await store.gc({ keep: new Set(), olderThanMs: DAY })).toEqual({ removed: 0, bytes: 0 });
  clock += 2 * DAY;
  expect(await store.gc({ keep: new Set(), olderThanMs: DAY })).toEqual({ removed: 3, bytes: 3 });
  expect(paths.filter((path) => existsSync(path))).toEqual([]);
});

test('two collections at a time do not stumble over each other', async () => {
  for (let index = 0; index < 20; index++) await store.put(Buffer.from(`blob ${index}`));
  const other = await openStore(root);
  const results = await Promise.all([
    store.gc({ keep: new Set(), olderThanMs: -1 }),
    other.gc({ keep: new Set(), olderThanMs: -1 }),
  ]);
  expect(results.map(({ removed }) => removed).sort((a, b) => a - b)).toEqual([0, 20]);
});

test('verify reports wrong, stray and cut blobs, sets wrong ones aside, and tells how far it is', async () => {
  const [good, wrong, cut] = await Promise.all(
    ['good', 'wrong', 'cut short'].map(async (text) => (await store.put(Buffer.from(text))).sha256),
  );
  for (const [name, text] of [
    [wrong, 'wrung'],
    [cut, 'cut'],
  ] as const) {
    chmodSync(store.blobPath(name!), 0o644);
    writeFileSync(store.blobPath(name!), text);
  }
  writeFileSync(join(root, 'blobs', 'sha256', 'README'), '');
  const progress: [number, number][] = [];
  const problems = await store.verify((done, total) => progress.push([done, total]));
  expect(new Map(problems.map(({ sha256: name, problem }) => [name, problem]))).toEqual(
    new Map([
      ['README', 'stray'],
      [wrong, 'hash-mismatch'],
      [cut, 'size-mismatch'],
    ]),
  );
  expect(progress.at(-1)).toEqual([12, 12]);
  expect(await names()).toEqual([good]);
});
