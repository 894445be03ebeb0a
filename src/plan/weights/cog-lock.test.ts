import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loopbackContext } from '../../../test/builders/loopback-context.ts';
import { startHttpServer } from '../../../test/servers/http-server.ts';
import { sha256 } from '../../digest.ts';
import { parseCogWeightsLock } from '../../formats/weights/cog-weights-lock.ts';
import { weightSetDigest } from '../../formats/weights/set-digest.ts';
import type { WeightSet } from '../../spec/spec.ts';
import { resolveWeights } from './resolve.ts';

const directory = mkdtempSync(join(tmpdir(), 'weights-lock-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const where = { file: 'cog.yaml', line: 1 };

function setOf(uri: string): WeightSet {
  return { name: 'w', target: '/src/w', place: 'image', sources: [{ uri, include: [], exclude: [], where }], where };
}

function write(uri: string, fingerprint: string, files: Readonly<Record<string, string>>): void {
  const hashed = Object.entries(files).map(([path, text]) => ({ path, sha256: sha256(text), size: text.length }));
  const entry = {
    name: 'w',
    target: '/src/w',
    sources: [{ uri, fingerprint, include: [], exclude: [] }],
    importedAt: '2026-01-01T00:00:00Z',
    setDigest: weightSetDigest(hashed),
    files: hashed.map(({ path, sha256: hash, size }) => ({ path, size, digest: `sha256:${hash}`, layer: 'x' })),
  };
  writeFileSync(join(directory, 'weights.lock'), JSON.stringify({ version: 1, envelopeFormat: 'x', weights: [entry] }));
}

it('weights of the project have to be those that weights.lock records', async () => {
  const { context, close } = await loopbackContext();
  mkdirSync(join(directory, 'weights'), { recursive: true });
  writeFileSync(join(directory, 'weights/a'), 'one');
  const lock = (upgrade = false) =>
    resolveWeights(context, { directory, sets: [setOf('weights')], previous: [], upgrade });
  write('file://./weights', 'sha256:x', { a: 'one' });
  expect((await lock())[0]?.files).toHaveLength(1);
  write('file://./weights', 'sha256:x', { a: 'other' });
  await expect(lock()).rejects.toMatchObject({
    code: 'COGPLAN_WEIGHTS_LOCK_DIFFERS',
    message: expect.stringMatching(new RegExp(`a: sha256 ${sha256('other')} there, sha256 ${sha256('one')} now`)),
  });
  expect(await lock(true)).toHaveLength(1);
  write('file://./elsewhere', 'sha256:x', { a: 'other' });
  expect(await lock()).toHaveLength(1);
  await close();
});

it('a file behind an address is taken only as weights.lock has it', async () => {
  const { context, close } = await loopbackContext();
  const server = await startHttpServer();
  server.answer('/m.bin', { body: 'new bytes', headers: { etag: '"2"' } });
  write(`${server.url}/m.bin`, 'etag:"1"', { 'm.bin': 'old bytes' });
  const input = { directory, sets: [setOf(`${server.url}/m.bin`)], previous: [], upgrade: false };
  await expect(resolveWeights(context, input)).rejects.toMatchObject({ code: 'COGPLAN_WEIGHTS_LOCK_DIFFERS' });
  await Promise.all([server.close(), close()]);
});

it.each([
  ['{', /not JSON/],
  ['{"version": 2, "weights": []}', /version/],
  ['{"version": "v1", "weights": []}', /version/],
  ['{"version": 1, "weights": [{"name": "a"}]}', /weights/],
])('%s is refused', (text, message) => {
  expect(() => parseCogWeightsLock(text)).toThrow(
    expect.objectContaining({ code: 'COGPLAN_WEIGHTS_LOCK_INVALID', message: expect.stringMatching(message) }),
  );
});
