import {
  chmodSync,
  closeSync,
  copyFileSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  applyFresh,
  cogplan,
  cogplanJson,
  copyExample,
  inDirectory,
  type Receipt,
  readLock,
  storeOf,
} from './cogplan.ts';

const HALF_AN_HOUR = 1_800_000;

/** `hello-world` with everything that its lock names in the shared store. */
let expected: Receipt;

beforeAll(async () => {
  await inDirectory(async (directory) => {
    expected = await applyFresh(copyExample('hello-world', directory));
  });
}, HALF_AN_HOUR);

async function withFilledStore(work: (project: string, store: string) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    const project = copyExample('hello-world', directory);
    await applyFresh(project);
    await work(project, storeOf(readLock(project), join(directory, 'store')));
  });
}

describe('apply without a network', () => {
  it(
    'works in a network namespace of its own, from locked blobs alone',
    async () => {
      await withFilledStore(async (project, store) => {
        const receipt = await cogplanJson<Receipt>(['apply', project], { store, prefix: ['unshare', '-rn'] });
        expect(receipt.imageId).toBe(expected.imageId);
      });
    },
    HALF_AN_HOUR,
  );

  it(
    'names the artifact that is missing',
    async () => {
      await withFilledStore(async (project, store) => {
        const wheel = readLock(project).targets['linux/amd64']!.runtime.server[0]!;
        rmSync(join(store, 'blobs/sha256', wheel.file.sha256));
        const { status, stdout } = await cogplan(['apply', project, '--json'], { store, prefix: ['unshare', '-rn'] });
        expect(status).toBe(1);
        expect(JSON.stringify(JSON.parse(stdout).error)).toContain(wheel.name);
      });
    },
    HALF_AN_HOUR,
  );

  it(
    'finds one changed byte, names both hashes, and sets the blob aside',
    async () => {
      await withFilledStore(async (project, store) => {
        const wheel = readLock(project).targets['linux/amd64']!.runtime.server[0]!;
        const blob = join(store, 'blobs/sha256', wheel.file.sha256);
        // The store's blobs are links to the shared ones here: the damaged one must be a file of its own.
        copyFileSync(blob, `${blob}.copy`);
        rmSync(blob);
        copyFileSync(`${blob}.copy`, blob);
        rmSync(`${blob}.copy`);
        expect((await cogplan(['apply', project, '--json'], { store })).status).toBe(0);

        const { atime, mtime } = statSync(blob);
        chmodSync(blob, 0o644);
        const file = openSync(blob, 'r+');
        const byte = Buffer.alloc(1);
        readSync(file, byte, 0, 1, 100);
        byte[0]! ^= 1;
        writeSync(file, byte, 0, 1, 100);
        closeSync(file);
        utimesSync(blob, atime, mtime);

        const { status, stdout } = await cogplan(['apply', project, '--json'], { store, prefix: ['unshare', '-rn'] });
        expect(status).toBe(1);
        const { error } = JSON.parse(stdout);
        expect(error.code).toBe('COGPLAN_BLOB_CORRUPT');
        const hashes = JSON.stringify(error).match(/[0-9a-f]{64}/g) ?? [];
        expect(new Set(hashes).size).toBeGreaterThanOrEqual(2);
        expect(readdirSync(join(store, 'quarantine')).length).toBe(1);
        expect(readdirSync(join(store, 'blobs/sha256'))).not.toContain(wheel.file.sha256);
      });
    },
    HALF_AN_HOUR,
  );
});
