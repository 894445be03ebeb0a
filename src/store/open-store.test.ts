import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../digest.ts';
import { openStore } from './open-store.ts';
import type { Store } from './store.ts';
import { defaultStoreRoot } from './store-root.ts';

let root: string;
let store: Store;
const bytes = Buffer.from('the content of a blob');
const hash = sha256(bytes);

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'cogplan-store-'));
  store = await openStore(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Changes a byte without changing the size, and sets the modification time back. */
async function editInPlace(path: string): Promise<void> {
  // The kernel's clock for file times ticks every few milliseconds.
  await sleep(20);
  const before = statSync(path);
  const content = readFileSync(path);
  content[0] = (content[0] ?? 0) ^ 1;
  chmodSync(path, 0o644);
  writeFileSync(path, content);
  chmodSync(path, 0o444);
  utimesSync(path, before.atime, before.mtime);
}

async function allFiles(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

describe('put', () => {
  test('gives a read-only blob under its hash, whatever the umask', async () => {
    const umask = process.umask(0o077);
    try {
      const own = await openStore(join(root, 'deep', 'er'));
      expect(await own.put(bytes)).toEqual({ sha256: hash, size: bytes.length });
      expect(statSync(own.blobPath(hash)).mode & 0o777).toBe(0o444);
      expect(statSync(join(root, 'deep')).mode & 0o777).toBe(0o755);
      expect(statSync(join(own.root, 'blobs', 'sha256')).mode & 0o777).toBe(0o755);
      const derived = await own.derivedDirectory('tree', hash, async () => {});
      expect(statSync(derived).mode & 0o777).toBe(0o755);
    } finally {
      process.umask(umask);
    }
  });

  test('takes streams', async () => {
    expect(await store.put(Readable.from([bytes.subarray(0, 3), bytes.subarray(3)]))).toEqual({
      sha256: hash,
      size: bytes.length,
    });
  });

  test.each([
    ['hash', { sha256: sha256('other') }],
    ['size', { size: 1 }],
    ['size of the right content', { sha256: hash, size: 1 }],
  ])('refuses a wrong %s and leaves nothing', async (_, expected) => {
    await expect(store.put(bytes, expected)).rejects.toMatchObject({ code: 'COGPLAN_HASH_MISMATCH' });
    expect(await allFiles(root)).toEqual([]);
    await store.put(bytes);
    await expect(store.put(bytes, expected)).rejects.toMatchObject({ code: 'COGPLAN_HASH_MISMATCH' });
  });

  test('leaves nothing when its stream fails', async () => {
    const failing = Readable.from(
      (async function* () {
        yield bytes;
        throw new Error('cut');
      })(),
    );
    await expect(store.put(failing)).rejects.toThrow('cut');
    expect(await allFiles(root)).toEqual([]);
  });

  test('puts right content in the place of a corrupt blob', async () => {
    await store.put(bytes);
    await editInPlace(store.blobPath(hash));
    await store.put(bytes);
    expect(readFileSync(await store.verified(hash, bytes.length, 'it'))).toEqual(bytes);
  });
});

describe('writer', () => {
  test('takes chunks of any size, and the same buffer again and again', async () => {
    const writer = await store.writer();
    const chunk = Buffer.alloc(700_001);
    const whole: Buffer[] = [];
    for (let value = 0; value < 5; value++) {
      chunk.fill(value);
      whole.push(Buffer.from(chunk));
      await writer.write(chunk);
    }
    await writer.write(Buffer.from('end'));
    const content = Buffer.concat([...whole, Buffer.from('end')]);
    expect(writer.size).toBe(content.length);
    const info = await writer.commit({ sha256: sha256(content) });
    expect(readFileSync(store.blobPath(info.sha256)).equals(content)).toBe(true);
  });

  test('resumes what was suspended, and forgets what was aborted', async () => {
    const first = await store.writer({ resume: hash });
    await first.write(bytes.subarray(0, 5));
    await first.suspend();
    const second = await store.writer({ resume: hash });
    expect(second.size).toBe(5);
    await second.write(bytes.subarray(5));
    expect(await second.commit({ sha256: hash })).toEqual({ sha256: hash, size: bytes.length });

    const third = await store.writer({ resume: sha256('x') });
    await third.write(bytes);
    await third.abort();
    await third.abort();
    const fourth = await store.writer({ resume: sha256('x') });
    expect(fourth.size).toBe(0);
    await fourth.abort();
  });

  test('zeros take no place, in the middle, at the end and across a pause, and are read as zeros', async () => {
    const zeros = Buffer.alloc(4 * 1024 * 1024);
    const bytes = Buffer.concat([Buffer.from('start'), zeros, Buffer.from('middle'), zeros]);
    const hash = sha256(bytes);
    const first = await store.writer({ resume: hash });
    await first.write(bytes.subarray(0, 3 * 1024 * 1024));
    await first.suspend();
    const second = await store.writer({ resume: hash });
    expect(second.size).toBe(3 * 1024 * 1024);
    await second.write(bytes.subarray(second.size));
    await second.commit({ sha256: hash, size: bytes.length });
    expect(readFileSync(store.blobPath(hash)).equals(bytes)).toBe(true);
    expect(statSync(store.blobPath(hash)).blocks * 512).toBeLessThan(3 * 1024 * 1024);
  });

  test('drops the partial file when the whole turns out wrong', async () => {
    const writer = await store.writer({ resume: hash });
    await writer.write(Buffer.from('wrong'));
    await expect(writer.commit({ sha256: hash })).rejects.toMatchObject({ code: 'COGPLAN_HASH_MISMATCH' });
    expect(await allFiles(root)).toEqual([]);
  });
});

describe('verified', () => {
  test('names what is missing', async () => {
    await expect(store.verified(hash, undefined, 'numpy 2.1.0')).rejects.toMatchObject({
      code: 'COGPLAN_BLOB_MISSING',
      subject: 'numpy 2.1.0',
    });
  });

  test('catches an edited byte though size and time are as before, names both hashes, sets the blob aside', async () => {
    await store.put(bytes);
    await editInPlace(store.blobPath(hash));
    const actual = sha256(readFileSync(store.blobPath(hash)));
    const error = await store.verified(hash, bytes.length, 'numpy').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'COGPLAN_BLOB_CORRUPT', data: { expected: hash, actual } });
    expect((error as Error).message).toContain(hash);
    expect((error as Error).message).toContain(actual);
    expect(await store.stat(hash)).toBeUndefined();
    expect(await readdir(join(root, 'quarantine'))).toHaveLength(1);
  });

  test('catches an edit made while another process had the store open', async () => {
    await store.put(bytes);
    const other = await openStore(root);
    await other.verified(hash, bytes.length, 'numpy');
    await editInPlace(store.blobPath(hash));
    await expect(other.verified(hash, bytes.length, 'numpy')).rejects.toMatchObject({ code: 'COGPLAN_BLOB_CORRUPT' });
  });

  test('refuses a blob that is cut short, and one that is a symbolic link', async () => {
    await store.put(bytes);
    chmodSync(store.blobPath(hash), 0o644);
    writeFileSync(store.blobPath(hash), bytes.subarray(0, 4));
    await expect(store.verified(hash, undefined, 'it')).rejects.toMatchObject({ code: 'COGPLAN_BLOB_CORRUPT' });
    symlinkSync('/etc/hostname', store.blobPath(hash));
    await expect(store.verified(hash, undefined, 'it')).rejects.toMatchObject({ code: 'COGPLAN_BLOB_CORRUPT' });
  });

  test('says so when the content is right and the size asked for is not', async () => {
    await store.put(bytes);
    await expect(store.verified(hash, 3, 'numpy')).rejects.toMatchObject({ code: 'COGPLAN_HASH_MISMATCH' });
    expect(await store.stat(hash)).toBeDefined();
  });

  test('reads content again after a harmless change, once', async () => {
    await store.put(bytes);
    await sleep(20);
    utimesSync(store.blobPath(hash), new Date(), new Date());
    expect(await store.verified(hash, bytes.length, 'it')).toBe(store.blobPath(hash));
    const later = await openStore(root);
    expect(await later.verified(hash, bytes.length, 'it')).toBe(store.blobPath(hash));
  });

  test('is fast while stamps hold', async () => {
    const blobs = [];
    for (let index = 0; index < 200; index++) blobs.push(await store.put(Buffer.from(`blob ${index}`)));
    await sleep(5);
    const later = await openStore(root);
    // Of several times the shortest: the machine may have other work.
    let shortest = Number.POSITIVE_INFINITY;
    for (let times = 0; times < 50 && shortest >= 100; times++) {
      const started = performance.now();
      for (const blob of blobs) await later.verified(blob.sha256, blob.size, 'it');
      shortest = Math.min(shortest, performance.now() - started);
    }
    expect(shortest).toBeLessThan(100);
  });
});

describe('link', () => {
  test('shares the bytes, and the stamp stays good', async () => {
    await store.put(bytes);
    const target = join(root, 'out');
    await sleep(20);
    await store.link(hash, target);
    await store.link(hash, target);
    expect(statSync(target).ino).toBe(statSync(store.blobPath(hash)).ino);
    expect(await readdir(root)).not.toContainEqual(expect.stringContaining('.tmp'));
    // Wrong content under a good stamp would pass: so would the right one, unread.
    const log = readFileSync(join(root, 'stamps'), 'utf8').trim().split('\n').at(-1);
    expect(log).toContain(String(statSync(target, { bigint: true }).ctimeNs));
  });

  test('replaces a file that is in the way, and catches an edit through the link', async () => {
    await store.put(bytes);
    const target = join(root, 'out');
    writeFileSync(target, 'old');
    await store.link(hash, target);
    expect(readFileSync(target)).toEqual(bytes);
    await editInPlace(target);
    await expect(store.verified(hash, undefined, 'it')).rejects.toMatchObject({ code: 'COGPLAN_BLOB_CORRUPT' });
  });
});

describe('derived results', () => {
  test('come back as they were put, and a damaged one is absent', async () => {
    await store.putDerived('layer', hash, { diffId: 'x', sizes: [1, 2] });
    expect(await store.getDerived('layer', hash)).toEqual({ diffId: 'x', sizes: [1, 2] });
    expect(await store.getDerived('other', hash)).toBeUndefined();
    const path = join(root, 'derived', 'layer', `${hash}.json`);
    writeFileSync(path, readFileSync(path, 'utf8').replace('2', '3'));
    expect(await store.getDerived('layer', hash)).toBeUndefined();
  });

  test('a directory is built once, by one of many', async () => {
    let builds = 0;
    const build = async (directory: string): Promise<void> => {
      builds++;
      await sleep(20);
      writeFileSync(join(directory, 'file'), 'content');
    };
    const other = await openStore(root);
    const paths = await Promise.all([
      store.derivedDirectory('tree', hash, build),
      store.derivedDirectory('tree', hash, build),
      other.derivedDirectory('tree', hash, build),
    ]);
    expect(builds).toBe(1);
    expect(new Set(paths).size).toBe(1);
    expect(readFileSync(join(paths[0], 'file'), 'utf8')).toBe('content');
  });

  test('a directory whose building failed is not there', async () => {
    await expect(
      store.derivedDirectory('tree', hash, async (directory) => {
        writeFileSync(join(directory, 'half'), '');
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(await store.derivedDirectory('tree', hash, async () => {})).toContain(hash);
    expect(await readdir(join(root, 'derived', 'tree', hash))).toEqual([]);
  });
});

test('the root comes from the environment', () => {
  expect(defaultStoreRoot({ COGPLAN_STORE: '/s', XDG_CACHE_HOME: '/x', HOME: '/h' })).toBe('/s');
  expect(defaultStoreRoot({ XDG_CACHE_HOME: '/x', HOME: '/h' })).toBe('/x/cogplan');
  expect(defaultStoreRoot({ XDG_CACHE_HOME: 'relative', HOME: '/h' })).toBe('/h/.cache/cogplan');
  expect(defaultStoreRoot({ HOME: '/h' })).toBe('/h/.cache/cogplan');
});

test('a root that cannot be a directory is explained', async () => {
  writeFileSync(join(root, 'file'), '');
  await expect(openStore(join(root, 'file', 'store'))).rejects.toMatchObject({ code: 'COGPLAN_STORE_UNUSABLE' });
});
