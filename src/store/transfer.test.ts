import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { aContext, type TestContext } from '../../test/builders/context.ts';
import { sha256 } from '../digest.ts';
import { exportBlobs, importBlobs } from './transfer.ts';

let from: TestContext;
let to: TestContext;
beforeAll(async () => {
  [from, to] = [await aContext(), await aContext()];
});
afterAll(() => {
  from.dispose();
  to.dispose();
});

it('carries blobs from one store to another, in any order with the same bytes', async () => {
  const blobs = await Promise.all(['one', 'two'].map((text) => from.store.put(Buffer.from(text))));
  const named = blobs.map((blob) => ({ ...blob, what: 'a blob' }));
  const [file, again] = ['a.tar', 'b.tar'].map((name) => join(from.store.root, name)) as [string, string];
  expect(await exportBlobs(from.store, named, file)).toEqual({ blobs: 2, bytes: 6 });
  await exportBlobs(from.store, [...named, ...named].reverse(), again);
  expect(readFileSync(again).equals(readFileSync(file))).toBe(true);
  expect(await importBlobs(to.store, file)).toHaveLength(2);
  for (const { sha256: hash, size } of blobs) await to.store.verified(hash, size, 'a blob');
});

it('tells what is not there, and leaves nothing half written', async () => {
  const target = join(from.store.root, 'gone.tar');
  const blob = { sha256: sha256('gone'), what: 'the wheel' };
  await expect(exportBlobs(from.store, [blob], target)).rejects.toMatchObject({ code: 'COGPLAN_BLOB_MISSING' });
  expect(() => readFileSync(target)).toThrow();
});

it.each<[string, string, string]>([
  ['another name', '../../etc/x', 'COGPLAN_ARCHIVE_INVALID'],
  ['other bytes than its name says', `blobs/sha256/${'a'.repeat(64)}`, 'COGPLAN_HASH_MISMATCH'],
])('takes nothing with %s', async (_title, name, code) => {
  const packer = pack();
  packer.entry({ name }, 'hostile');
  packer.finalize();
  const file = join(to.store.root, 'hostile.tar');
  writeFileSync(file, await buffer(packer));
  await expect(importBlobs(to.store, file)).rejects.toMatchObject({ code });
  expect(await to.store.stat(sha256('hostile'))).toBeUndefined();
});

it('refuses what is no tar', async () => {
  const file = join(to.store.root, 'text.tar');
  writeFileSync(file, 'x'.repeat(2000));
  await expect(importBlobs(to.store, file)).rejects.toMatchObject({ code: 'COGPLAN_ARCHIVE_INVALID' });
});
