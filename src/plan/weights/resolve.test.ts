import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { etagOf, type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import { publishRepository } from '../../../test/servers/hub.ts';
import { sha256 } from '../../digest.ts';
import { fetchArtifacts } from '../../sources/fetch-artifacts.ts';
import type { WeightSet } from '../../spec/spec.ts';
import { resolveWeights } from './resolve.ts';

let server: HttpTestServer;
let context: TestContext;
let directory: string;

beforeEach(async () => {
  server = await startHttpServer();
  context = await aContext({ HF_ENDPOINT: server.url, HF_TOKEN: 'canary-token' });
  directory = mkdtempSync(join(tmpdir(), 'cogplan-weights-'));
});
afterEach(async () => {
  await server.close();
  context.dispose();
  rmSync(directory, { recursive: true, force: true });
});

const WHERE = { file: 'cog.yaml', line: 3 };
const LARGE = Buffer.alloc(1000, 'w');

function put(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  writeFileSync(join(directory, path), content);
}

function aSet(uri: string, change: Partial<WeightSet> & { include?: string[]; exclude?: string[] } = {}): WeightSet {
  const { include = [], exclude = [], ...rest } = change;
  const sources = [{ uri, include, exclude, where: WHERE }];
  return { name: 'w', target: '/src/weights', place: 'image', sources, where: WHERE, ...rest };
}

function resolve(
  sets: readonly WeightSet[],
  { previous = [], upgrade = false }: Partial<Parameters<typeof resolveWeights>[1]> = {},
) {
  return resolveWeights(context, { directory, sets, previous, upgrade });
}

async function failure(set: WeightSet) {
  return resolve([set]).then(
    () => undefined,
    (error: unknown) => error as { code: string; message: string; hint: string },
  );
}

describe('a folder of the project', () => {
  test('gives each file by path, hash and size, sorted, and the set its digest', async () => {
    put('weights/b.bin', LARGE);
    put('weights/a/c.txt', 'c');
    put('weights/.git/config', 'no weight');
    const [set] = await resolve([aSet('weights')]);
    expect(set?.files).toEqual([
      { path: 'a/c.txt', file: { url: 'project:weights/a/c.txt', sha256: sha256('c'), size: 1 } },
      { path: 'b.bin', file: { url: 'project:weights/b.bin', sha256: sha256(LARGE), size: 1000 } },
    ]);
    expect(set?.setDigest).toBe(
      `sha256:${sha256([`${sha256('c')}  a/c.txt`, `${sha256(LARGE)}  b.bin`].sort().join('\n'))}`,
    );
  });

  test('is looked at again each time, and files that did not change are not read again', async () => {
    put('weights/a.txt', 'a');
    utimesSync(join(directory, 'weights/a.txt'), 1, 1);
    const first = await resolve([aSet('weights')]);
    put('weights/b.txt', 'b');
    const second = await resolve([aSet('weights')], { previous: first });
    expect(second[0]?.files.map(({ path }) => path)).toEqual(['a.txt', 'b.txt']);
  });

  test('may be one file, which lies in its target, or at it where the target has its name', async () => {
    put('weights/model.onnx', LARGE);
    const [below] = await resolve([aSet('weights/model.onnx')]);
    const [at] = await resolve([aSet('weights/model.onnx', { target: '/models/model.onnx' })]);
    expect([below?.target, below?.files[0]?.path]).toEqual(['/src/weights', 'model.onnx']);
    expect([at?.target, at?.files[0]?.path]).toEqual(['/models', 'model.onnx']);
  });

  test('is filtered by patterns, of which includes come first', async () => {
    for (const name of ['a.bin', 'b.txt', 'sub/c.bin', 'sub/d.bin']) put(`weights/${name}`, name);
    const chosen = async (include: string[], exclude: string[]) =>
      (await resolve([aSet('weights', { include, exclude })]))[0]?.files.map(({ path }) => path);
    expect(await chosen(['*.bin'], [])).toEqual(['a.bin', 'sub/c.bin', 'sub/d.bin']);
    expect(await chosen(['sub/'], ['d.*'])).toEqual(['sub/c.bin']);
    expect(await chosen([], ['/a.bin', 'sub'])).toEqual(['b.txt']);
  });

  test('is refused where it is missing, outside, empty, or holds links', async () => {
    expect((await failure(aSet('nothing')))?.code).toBe('COGPLAN_WEIGHTS_MISSING');
    expect((await failure(aSet('../elsewhere')))?.code).toBe('COGPLAN_WEIGHTS_MISSING');
    expect((await failure(aSet('/etc')))?.message).toContain('outside the project');
    put('weights/a.txt', 'a');
    expect((await failure(aSet('weights', { exclude: ['*'] })))?.code).toBe('COGPLAN_WEIGHTS_EMPTY');
    expect((await failure(aSet('weights', { place: 'startup' })))?.code).toBe('COGPLAN_WEIGHTS_SOURCE');
    symlinkSync('/etc/passwd', join(directory, 'weights/link'));
    expect((await failure(aSet('weights')))?.code).toBe('COGPLAN_WEIGHTS_FILE_KIND');
  });
});

describe('a repository of the hub', () => {
  test('is pinned to a commit; LFS objects are taken by their oid, small files are read and checked', async () => {
    const files = { 'config.json': '{}', 'model.safetensors': LARGE, 'sub/vocab.txt': 'a\nb\n', 'tf_model.h5': LARGE };
    const commit = publishRepository(server, { name: 'owner/model', files, token: 'canary-token' });
    const [set] = await resolve([aSet('hf://owner/model', { exclude: ['*.h5'] })]);
    const url = `https://huggingface.co/owner/model/resolve/${commit}`;
    expect(set?.sources[0]?.fingerprint).toBe(`commit:${commit}`);
    expect(set?.files.map(({ path, file }) => [path, file.url, file.sha256])).toEqual([
      ['config.json', `${url}/config.json`, sha256('{}')],
      ['model.safetensors', `${url}/model.safetensors`, sha256(LARGE)],
      ['sub/vocab.txt', `${url}/sub/vocab.txt`, sha256('a\nb\n')],
    ]);
    expect(server.requests.some(({ path }) => path.endsWith('model.safetensors'))).toBe(false);
    expect(JSON.stringify(set)).not.toContain('canary-token');
  });

  test('stays at its commit when main moves, until an upgrade', async () => {
    const first = publishRepository(server, { name: 'owner/model', files: { 'a.txt': '1' } });
    const locked = await resolve([aSet('hf://owner/model')]);
    const second = publishRepository(server, { name: 'owner/model', files: { 'a.txt': '2' } });
    const kept = await resolve([aSet('hf://owner/model', { exclude: ['b'] })], { previous: locked });
    expect(kept[0]?.sources[0]?.fingerprint).toBe(`commit:${first}`);
    const moved = await resolve([aSet('hf://owner/model')], { previous: locked, upgrade: true });
    expect(moved[0]?.sources[0]?.fingerprint).toBe(`commit:${second}`);
    const asked = server.requests.length;
    expect(await resolve([aSet('hf://owner/model')], { previous: locked })).toEqual(locked);
    expect(server.requests.length).toBe(asked);
  });

  test('that does not exist, is gated, or contradicts itself is told by its own code', async () => {
    expect((await failure(aSet('hf://owner/nothing')))?.code).toBe('COGPLAN_HUB_MISSING');
    publishRepository(server, { name: 'owner/gated', files: { a: '1' }, token: 'another' });
    const gated = await failure(aSet('hf://owner/gated'));
    expect([gated?.code, gated?.hint]).toEqual(['COGPLAN_HUB_REFUSED', expect.stringContaining('HF_TOKEN')]);
    const commit = publishRepository(server, { name: 'owner/model', files: { 'a.txt': '1' } });
    server.answer(`/owner/model/resolve/${commit}/a.txt`, { body: 'rewritten on the way' });
    expect((await failure(aSet('hf://owner/model')))?.code).toBe('COGPLAN_HASH_MISMATCH');
    server.answer('/api/models/owner/odd/revision/main', { body: '<html>a login page</html>' });
    expect((await failure(aSet('hf://owner/odd')))?.code).toBe('COGPLAN_HUB_INVALID');
  });

  test.each([
    ['a parent', '../../etc/passwd'],
    ['an absolute path', '/etc/passwd'],
    ['a backslash', 'a\\b'],
    ['an empty segment', 'a//b'],
    ['a dot', 'a/./b'],
    ['a name of 2,000 letters', 'x'.repeat(2000)],
  ])('is refused with a file whose path has %s', async (_name, path) => {
    publishRepository(server, { name: 'owner/evil', files: { [path]: LARGE } });
    expect((await failure(aSet('hf://owner/evil')))?.code).toBe('COGPLAN_WEIGHTS_PATH');
  });

  test('does not get its token to the host that a redirect leads to', async () => {
    const objects = await startHttpServer();
    const files = { 'model.bin': LARGE };
    const commit = publishRepository(server, { name: 'owner/model', files, token: 'canary-token', objects });
    const { body } = await context.http.stream(`https://huggingface.co/owner/model/resolve/${commit}/model.bin`);
    for await (const _ of body);
    await objects.close();
    expect(server.requests.at(-1)?.headers.authorization).toBe('Bearer canary-token');
    expect(objects.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});

describe('a file behind an address', () => {
  test('is read once, and known again by its strong ETag', async () => {
    server.answer('/model.bin', { body: LARGE, headers: { etag: etagOf(LARGE) } });
    const uri = `${server.url}/model.bin`;
    const locked = await resolve([aSet(uri)]);
    expect(locked[0]?.files).toEqual([
      { path: 'model.bin', file: { url: uri, sha256: sha256(LARGE), size: 1000, computed: true } },
    ]);
    expect(locked[0]?.sources[0]?.fingerprint).toBe(`etag:${etagOf(LARGE)}`);
    expect(await context.store.stat(sha256(LARGE))).toMatchObject({ size: 1000 });
    server.answer('/model.bin', { body: 'another', headers: { etag: etagOf('another') } });
    expect(await resolve([aSet(uri)], { previous: locked })).toEqual(locked);
    const [moved] = await resolve([aSet(uri)], { previous: locked, upgrade: true });
    expect(moved?.files[0]?.file.sha256).toBe(sha256('another'));
  });

  test('goes on where it was cut, and starts again when the file has changed in between', async () => {
    const [old, now] = [Buffer.alloc(900_000, 'a'), Buffer.alloc(900_000, 'b')];
    server.answer(
      '/cut.bin',
      { body: now, headers: { etag: '"2"' }, cutAfter: 300_000 },
      { body: now, headers: { etag: '"2"' } },
    );
    const [set] = await resolve([aSet(`${server.url}/cut.bin`)]);
    expect(set?.files[0]?.file).toMatchObject({ sha256: sha256(now), size: 900_000 });
    expect(server.requestsOf('/cut.bin')[1]?.headers).toMatchObject({ 'if-range': '"2"' });
    server.answer(
      '/moved.bin',
      { body: old, headers: { etag: '"1"' }, cutAfter: 300_000 },
      { body: now, headers: { etag: '"2"' } },
    );
    const [moved] = await resolve([aSet(`${server.url}/moved.bin`)]);
    expect(moved?.files[0]?.file.sha256).toBe(sha256(now));
    expect(moved?.sources[0]?.fingerprint).toBe('etag:"2"');
  });

  test('is only taken with the bytes that its LFS oids name', async () => {
    publishRepository(server, { name: 'o/wrong', files: { 'm.bin': Buffer.from('right') } });
    const [set] = await resolve([aSet('hf://o/wrong')]);
    const { file } = set!.files[0]!;
    server.answer(`/objects/${file.sha256}`, { body: 'wrong' });
    const error = await fetchArtifacts(context, [{ file, what: 'm.bin' }]).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'COGPLAN_HASH_MISMATCH' });
    expect((error as Error).message).toContain(file.sha256);
    expect((error as Error).message).toContain(sha256('wrong'));
  });

  test('without a strong ETag is known by its digest; an address without a name is refused', async () => {
    server.answer('/model.bin', { body: LARGE, headers: { etag: 'W/"weak"' } });
    const [set] = await resolve([aSet(`${server.url}/model.bin`)]);
    expect(set?.sources[0]?.fingerprint).toBe(`sha256:${sha256(LARGE)}`);
    expect((await failure(aSet(`${server.url}/folder/`)))?.code).toBe('COGPLAN_WEIGHTS_SOURCE');
  });
});

test('of two sources with one path the later wins; a path that is file and directory is refused', async () => {
  put('one/a.txt', '1');
  put('one/b.txt', '1');
  put('two/a.txt', '2');
  const sources = ['one', 'two'].map((uri) => ({ uri, include: [], exclude: [], where: WHERE }));
  const [set] = await resolve([aSet('one', { sources })]);
  expect(set?.files.map(({ path, file }) => [path, file.sha256])).toEqual([
    ['a.txt', sha256('2')],
    ['b.txt', sha256('1')],
  ]);
  put('two/b.txt/c.txt', '3');
  expect((await failure(aSet('one', { sources })))?.code).toBe('COGPLAN_WEIGHTS_PATH');
});
