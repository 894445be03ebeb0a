import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Pushed, pushToRegistry } from '../../src/apply/outputs/registry.ts';
import { sha256, toDigest } from '../../src/digest.ts';
import { silentHost, startSpan } from '../../src/events.ts';
import { parseLock } from '../../src/lock/read-lock.ts';
import type { Lock } from '../../src/lock/schema.generated.ts';
import { formatLock } from '../../src/lock/write-lock.ts';
import { readAttachedLock } from '../../src/sources/oci/read-attached-lock.ts';
import { parseReference } from '../../src/sources/oci/reference.ts';
import { applied } from '../builders/applied.ts';
import { aContext, type TestContext } from '../builders/context.ts';
import { file, layerTar } from '../builders/registry-image.ts';
import { type HttpTestServer, startHttpServer } from '../servers/http-server.ts';
import { type RegistryTestServer, startRegistry } from '../servers/registry.ts';
import { ROOT } from './cogplan.ts';

/* Receipts beside pushed images: by tag in Debian's docker-registry, which has no referrers API, and by the API of a registry that has it. */

const LOCK_TYPE = 'application/vnd.cogplan.lock.v1+json';
const ARTIFACT = 'application/vnd.cogplan.receipt.v1';

let registry: RegistryTestServer;
let server: HttpTestServer;
let context: TestContext;

beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry.stop());
beforeEach(async () => {
  server = await startHttpServer();
  context = await aContext({ PATH: process.env.PATH ?? '' });
});
afterEach(async () => {
  await context.http.close();
  await server.close();
  context.dispose();
});

async function push(name: string, lock: Lock): Promise<Pushed> {
  const image = await applied(context, [layerTar([file('etc/os-release', 'ID=test\n')])]);
  const withLock = { ...image, lock };
  return pushToRegistry(context, withLock, parseReference(name), startSpan(silentHost, 'test', 'push'));
}

const lockOf = (name: string) => readAttachedLock(context, parseReference(name));

test('each lock that an image was made from is kept, and the last is read', async () => {
  const name = `${registry.host}/team/twice:1`;
  const path = join(ROOT, 'examples/hello-world/cogplan.lock');
  const lock = parseLock(readFileSync(path, 'utf8'), path);
  const newer: Lock = { ...lock, tools: [] };
  const first = await push(name, lock);
  expect(first.receipt).toMatch(/^sha256:/);
  expect(await lockOf(name)).toBe(formatLock(lock));
  const second = await push(name, newer);
  expect(second.manifestDigest).toBe(first.manifestDigest);
  const again = await push(name, newer);
  expect([again.receipt, again.sent]).toEqual([second.receipt, 0]);
  expect(await lockOf(name)).toBe(formatLock(newer));
  await push(name, lock);
  expect(await lockOf(name)).toBe(formatLock(lock));
  const tag = second.manifestDigest.replace(':', '-');
  const list = await fetch(`http://${registry.host}/v2/team/twice/manifests/${tag}`, {
    headers: { accept: 'application/vnd.oci.image.index.v1+json' },
  });
  const { manifests } = (await list.json()) as { manifests: readonly { digest: string; artifactType: string }[] };
  expect(new Set(manifests.map(({ digest }) => digest))).toEqual(new Set([first.receipt, second.receipt]));
  expect(manifests.map(({ artifactType }) => artifactType)).toContain(ARTIFACT);
  const artifact = await fetch(`http://${registry.host}/v2/team/twice/manifests/${second.receipt}`, {
    headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
  });
  expect(await artifact.json()).toMatchObject({
    artifactType: ARTIFACT,
    subject: { digest: second.manifestDigest },
    layers: [{ mediaType: 'application/vnd.cogplan.receipt.v1+json' }, { mediaType: LOCK_TYPE }],
  });
});

test('an image without a receipt says so', async () => {
  const image = await applied(context, [layerTar([file('etc/other', 'x')])]);
  const name = `${registry.host}/team/bare:1`;
  await pushToRegistry(context, image, parseReference(name), startSpan(silentHost, 'test', 'push'));
  await expect(lockOf(name)).rejects.toMatchObject({ code: 'COGPLAN_LOCK_MISSING' });
});

/** An image and its receipt as a registry with the referrers API serves them. */
function serve(receiptLayer: string, sent = receiptLayer): string {
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const digest = (bytes: Buffer) => toDigest(sha256(bytes));
  const answer = (path: string, body: Buffer, type: string): void => {
    server.answer(`/v2/team/model/${path}`, { body, headers: { 'content-type': type } });
  };
  const manifestType = 'application/vnd.oci.image.manifest.v1+json';
  const indexType = 'application/vnd.oci.image.index.v1+json';
  const image = json({ schemaVersion: 2, mediaType: manifestType, layers: [] });
  const empty = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digest(Buffer.from('{}')), size: 2 };
  const lock = Buffer.from(receiptLayer);
  const layers = [{ mediaType: LOCK_TYPE, digest: digest(lock), size: lock.length }];
  const receipt = json({ schemaVersion: 2, mediaType: manifestType, config: empty, layers });
  const other = { mediaType: manifestType, digest: digest(image), size: 1, artifactType: 'application/x-signature' };
  const own = { mediaType: manifestType, digest: digest(receipt), size: receipt.length, artifactType: ARTIFACT };
  server.answer('/v2/', { body: Buffer.from('{}') });
  answer('manifests/1', image, manifestType);
  answer(`referrers/${digest(image)}`, json({ schemaVersion: 2, manifests: [own, other] }), indexType);
  answer(`manifests/${digest(receipt)}`, receipt, manifestType);
  answer(`blobs/${digest(lock)}`, Buffer.from(sent), 'application/octet-stream');
  return `${new URL(server.url).host}/team/model:1`;
}

test('is found by the referrers API among other artifacts', async () => {
  expect(await lockOf(serve('{"lockVersion": 1}'))).toBe('{"lockVersion": 1}');
});

test('with other bytes than its digest is refused', async () => {
  await expect(lockOf(serve('{"lockVersion": 1}', '{"lockVersion": 2}'))).rejects.toMatchObject({
    code: 'COGPLAN_HASH_MISMATCH',
  });
});
