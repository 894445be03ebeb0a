import { execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LoopbackContext, loopbackContext } from '../../../test/builders/loopback-context.ts';
import { file, layerTar } from '../../../test/builders/registry-image.ts';
import { type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import { sha256, toDigest } from '../../digest.ts';
import { type StoredLayer, storeBaseLayers } from './base-layers.ts';
import type { LayerCompression } from './layer-types.ts';

let server: HttpTestServer;
let loopback: LoopbackContext;
beforeEach(async () => {
  server = await startHttpServer();
  server.answer('/v2/', { body: '{}' });
  loopback = await loopbackContext();
});
afterEach(async () => {
  await loopback.close();
  await server.close();
});

const tar = layerTar([file('etc/os-release', 'ID=test\n'.repeat(1000))]);
const zstd = (bytes: Buffer): Buffer => execFileSync('zstd', ['-c'], { input: bytes, maxBuffer: 64 * 1024 * 1024 });

/** A layer as a manifest names it, and what the registry gives for it. */
function layer(
  bytes: Buffer,
  compression: LayerCompression,
  { given = bytes, size = bytes.length, diffId = sha256(tar) } = {},
): StoredLayer {
  const hash = sha256(bytes);
  server.answer(`/v2/a/b/blobs/${toDigest(hash)}`, { body: given });
  const url = `oci://127.0.0.1:${server.port}/a/b@${toDigest(hash)}`;
  return { file: { url, sha256: hash, size }, compression, diffId: toDigest(diffId) };
}

async function blobs(): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { sha256: name } of loopback.context.store.list()) names.push(name);
  return names;
}

test.each([
  ['none', tar],
  ['gzip', gzipSync(tar)],
  ['zstd', zstd(tar)],
] as const)('a layer of kind %s lies in the store under its diffID', async (compression, bytes) => {
  const stored = await storeBaseLayers(loopback.context, [layer(bytes, compression)], 'the base');
  expect(stored).toEqual([tar.length]);
  expect(await blobs()).toContain(sha256(tar));
});

const zipped = gzipSync(tar);
const bomb = (): Buffer => zstd(Buffer.alloc(320_000_000));

test.each<[string, () => StoredLayer, string]>([
  [
    'more bytes than the manifest says',
    () => layer(zipped, 'gzip', { size: zipped.length - 1 }),
    'COGPLAN_HASH_MISMATCH',
  ],
  ['fewer bytes', () => layer(zipped, 'gzip', { size: zipped.length + 1 }), 'COGPLAN_HASH_MISMATCH'],
  ['other bytes', () => layer(zipped, 'gzip', { given: Buffer.alloc(zipped.length) }), 'COGPLAN_HASH_MISMATCH'],
  ['a tar of another digest', () => layer(zipped, 'gzip', { diffId: sha256('other') }), 'COGPLAN_HASH_MISMATCH'],
  ['zstd that is said to be gzip', () => layer(zstd(tar), 'gzip'), 'COGPLAN_ARCHIVE_INVALID'],
  ['a bomb', () => layer(bomb(), 'zstd'), 'COGPLAN_ARCHIVE_TOO_LARGE'],
])('%s: refused, and no layer is in the store', async (_, make, code) => {
  const hostile = make();
  await expect(storeBaseLayers(loopback.context, [hostile], 'the base')).rejects.toMatchObject({ code });
  const names = await blobs();
  expect(names.filter((name) => name !== hostile.file.sha256)).toEqual([]);
});
