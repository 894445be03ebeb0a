import { afterEach, beforeEach, expect, test } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { aWheelFile } from '../../../test/builders/wheel.ts';
import { type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import { sha256 } from '../../digest.ts';
import { type MetadataSource, readCoreMetadata } from './core-metadata.ts';

const WHEEL = aWheelFile({ name: 'demo', version: '1.0', metadata: ['Requires-Dist: inside'] });
const PATH = `/${WHEEL.filename}`;
const BESIDE = 'Metadata-Version: 2.1\nName: Demo\nVersion: 1.0.0\nRequires-Dist: beside\n';

let server: HttpTestServer;
let context: TestContext;

beforeEach(async () => {
  server = await startHttpServer();
  context = await aContext();
});
afterEach(async () => {
  await server.close();
  context.dispose();
});

const source = (change: Partial<MetadataSource> = {}): MetadataSource => ({
  filename: WHEEL.filename,
  url: server.url + PATH,
  sha256: sha256(WHEEL.bytes),
  size: WHEEL.bytes.length,
  ...change,
});
const requires = async (change?: Partial<MetadataSource>): Promise<readonly string[]> =>
  (await readCoreMetadata(context, source(change))).requires;

test('beside the wheel, checked by its hash', async () => {
  server.answer(`${PATH}.metadata`, { body: BESIDE });
  expect(await requires({ metadata: { sha256: sha256(BESIDE) } })).toEqual(['beside']);
  expect(server.requestsOf(PATH)).toEqual([]);
});

test('another hash: the wheel itself is asked, and it is told', async () => {
  server.answer(`${PATH}.metadata`, { body: `${BESIDE}\n` });
  server.answer(PATH, { body: WHEEL.bytes });
  expect(await requires({ metadata: { sha256: sha256(BESIDE) } })).toEqual(['inside']);
  expect(context.warnings()).toEqual(['COGPLAN_METADATA_MISMATCH']);
});

test.each([
  ['missing', { status: 404 }],
  ['forbidden', { status: 403 }],
  ['a web page', { headers: { 'content-type': 'text/html' }, body: '<form>' }],
])('nothing beside the wheel (%s): a range of the wheel', async (_, answer) => {
  server.answer(`${PATH}.metadata`, answer);
  server.answer(PATH, { body: WHEEL.bytes });
  expect(await requires()).toEqual(['inside']);
  expect(server.requestsOf(PATH).every((request) => request.headers.range !== undefined)).toBe(true);
  expect(await context.store.stat(sha256(WHEEL.bytes))).toBeUndefined();
});

test('no ranges: the wheel goes into the store, and is not fetched again', async () => {
  server.answer(PATH, { body: WHEEL.bytes, ranges: false });
  expect(await requires()).toEqual(['inside']);
  const asked = server.requests.length;
  expect(await requires()).toEqual(['inside']);
  expect(server.requests).toHaveLength(asked);
});

test.each([
  ['a wheel of another size', { size: WHEEL.bytes.length + 1 }, true, 'COGPLAN_HASH_MISMATCH'],
  ['a wheel of another hash', { sha256: sha256('other') }, false, 'COGPLAN_HASH_MISMATCH'],
])('%s than the index tells is refused', async (_, change, ranges, code) => {
  server.answer(PATH, { body: WHEEL.bytes, ranges });
  await expect(requires(change)).rejects.toMatchObject({ code });
});

test.each([
  ['another name', BESIDE.replace('Demo', 'other')],
  ['another version', BESIDE.replace('1.0.0', '1.1')],
  ['no version', 'Metadata-Version: 2.1\nName: demo\n'],
])('metadata with %s is refused', async (_, body) => {
  server.answer(`${PATH}.metadata`, { body });
  await expect(requires()).rejects.toMatchObject({ code: 'COGPLAN_WHEEL_INVALID' });
});

test('a wheel without METADATA is refused by name', async () => {
  const { bytes } = aWheelFile({
    name: 'demo',
    version: '1.0',
    extra: [{ name: 'x.dist-info/METADATA', content: 'x' }],
  });
  server.answer(PATH, { body: bytes });
  await expect(requires({ sha256: sha256(bytes), size: bytes.length })).rejects.toMatchObject({
    code: 'COGPLAN_WHEEL_INVALID',
    subject: WHEEL.filename,
  });
});
