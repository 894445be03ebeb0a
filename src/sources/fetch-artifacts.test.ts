import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Answer, type HttpTestServer, startHttpServer } from '../../test/servers/http-server.ts';
import type { Context } from '../context.ts';
import { sha256 } from '../digest.ts';
import { type EngineEvent, silentHost } from '../events.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import { type Artifact, fetchArtifacts } from './fetch-artifacts.ts';
import { createHttpClient } from './http/undici-client.ts';

let root: string;
let store: Store;
let server: HttpTestServer;
let events: EngineEvent[];
let abort: AbortController;
let context: Context;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'cogplan-fetch-'));
  store = await openStore(root);
  server = await startHttpServer();
  events = [];
  abort = new AbortController();
  context = createContext({ offline: false });
});
afterEach(async () => {
  await context.http.close();
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

function createContext({ offline }: { readonly offline: boolean }): Context {
  const env = { HOME: root };
  const now = (): Date => new Date();
  const http = createHttpClient({
    cacheDirectory: join(root, 'cache'),
    env,
    offline,
    userAgent: 'test',
    now,
    retries: 1,
    backoff: () => 1,
  });
  const host = { ...silentHost, notify: (event: EngineEvent) => events.push(event) };
  return { host, store, http, env, signal: abort.signal, concurrency: 2, now };
}

/** Different bytes everywhere, so that pieces put together wrongly show. */
function content(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size);
  let state = seed;
  for (let at = 0; at < size; at++) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    bytes[at] = state >> 16;
  }
  return bytes;
}

function artifact(path: string, bytes: Buffer, mirrors: readonly string[] = []): Artifact {
  return {
    what: `thing ${path}`,
    file: { url: server.url + path, mirrors: [...mirrors], sha256: sha256(bytes), size: bytes.length },
  };
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error,
  );
}

async function expectStored(bytes: Buffer): Promise<void> {
  expect(readFileSync(await store.verified(sha256(bytes), bytes.length, 'it')).equals(bytes)).toBe(true);
  expect(readdirSync(join(root, 'partial'))).toEqual([]);
}

test('brings what is missing, each once, and shows how far it is', async () => {
  const files = [1, 2, 3, 4, 5].map((seed) => content(50_000 * seed, seed));
  const artifacts = files.map((bytes, index) => {
    server.answer(`/${index}`, { body: bytes });
    return artifact(`/${index}`, bytes);
  });
  await store.put(files[0]!);
  await fetchArtifacts(context, [...artifacts, artifacts[1]!], { limit: 3 });
  for (const bytes of files) await expectStored(bytes);
  expect(server.requests.map(({ path }) => path).sort()).toEqual(['/1', '/2', '/3', '/4']);
  expect(events[0]).toMatchObject({ kind: 'span-start', code: 'fetch', total: 700_000, unit: 'bytes' });
  const progress = events.flatMap((event) => (event.kind === 'span-progress' ? [event.done] : []));
  expect(progress).toEqual([...progress].sort((a, b) => a - b));
  expect(progress.at(-1)).toBe(700_000);
  expect(events.at(-1)).toMatchObject({ kind: 'span-end' });
  events.length = 0;
  await fetchArtifacts(context, artifacts);
  expect(events).toEqual([]);
});

test('an empty file is a file', async () => {
  server.answer('/e', { body: '' });
  await fetchArtifacts(context, [artifact('/e', Buffer.alloc(0))]);
  await expectStored(Buffer.alloc(0));
});

describe('goes on after a cut', () => {
  const bytes = content(900_000);

  test('from where it was, where the server can', async () => {
    server.answer('/x', { body: bytes, cutAfter: 300_000 }, { body: bytes, cutAfter: 300_000 }, { body: bytes });
    await fetchArtifacts(context, [artifact('/x', bytes)]);
    await expectStored(bytes);
    const offsets = server.requests.map(({ headers }) => Number(/\d+/.exec(headers.range ?? '0')?.[0]));
    expect(offsets[0]).toBe(0);
    expect(offsets[1]).toBeGreaterThan(100_000);
    expect(offsets[2]).toBeGreaterThan(offsets[1]!);
  });

  test('from the start, where it cannot', async () => {
    server.answer('/x', { body: bytes, cutAfter: 300_000, ranges: false }, { body: bytes, ranges: false });
    await fetchArtifacts(context, [artifact('/x', bytes)]);
    await expectStored(bytes);
  });

  test('also when the end comes in good order', async () => {
    server.answer('/x', { body: bytes.subarray(0, 1000), chunked: true }, { body: bytes });
    await fetchArtifacts(context, [artifact('/x', bytes)]);
    await expectStored(bytes);
  });

  test('but not for ever, and keeps what it has for the next run', async () => {
    server.answer('/x', { body: bytes, cutAfter: 300_000, ranges: false });
    expect(await failure(fetchArtifacts(context, [artifact('/x', bytes)]))).toMatchObject({
      code: 'COGPLAN_NETWORK',
      subject: 'thing /x',
    });
    expect(server.requests.length).toBeLessThan(10);
    expect(readdirSync(join(root, 'partial'))).toEqual([`${sha256(bytes)}.part`]);
    server.answer('/x', { body: bytes });
    await fetchArtifacts(context, [artifact('/x', bytes)]);
    await expectStored(bytes);
    expect(server.requests.at(-1)?.headers.range).toMatch(/^bytes=[1-9]/);
  });

  test.each([
    ['wrong', Buffer.alloc(1000)],
    ['whole but wrong', Buffer.alloc(900_000)],
    ['too long', Buffer.alloc(900_001)],
    ['whole and right', bytes],
  ])('whatever an earlier run left: %s', async (_, left) => {
    writeFileSync(join(root, 'partial', `${sha256(bytes)}.part`), left);
    server.answer('/x', { body: bytes });
    await fetchArtifacts(context, [artifact('/x', bytes)]);
    await expectStored(bytes);
  });
});

describe('refuses', () => {
  const bytes = content(10_000);
  const wrong = content(10_000, 9);

  test('wrong bytes, with both hashes, the URL and the name', async () => {
    server.answer('/x', { body: wrong });
    const error = (await failure(fetchArtifacts(context, [artifact('/x', bytes)]))) as Error;
    expect(error).toMatchObject({ code: 'COGPLAN_HASH_MISMATCH', subject: 'thing /x' });
    for (const part of [sha256(bytes), sha256(wrong), `${server.url}/x`, 'thing /x'])
      expect(error.message).toContain(part);
    expect(await store.stat(sha256(wrong))).toBeUndefined();
    expect(readdirSync(join(root, 'partial'))).toEqual([]);
  });

  test.each<[string, Answer]>([
    ['a body that does not end', { body: wrong, endless: true }],
    ['a longer body', { body: content(10_001) }],
    ['a longer body that hides its length', { body: content(10_001), chunked: true }],
    ['a shorter file', { body: wrong.subarray(1) }],
  ])('%s', async (_, answer) => {
    server.answer('/x', answer);
    expect(await failure(fetchArtifacts(context, [artifact('/x', bytes)]))).toMatchObject({
      code: 'COGPLAN_HASH_MISMATCH',
    });
    expect(readdirSync(join(root, 'partial'))).toEqual([]);
  });

  test('a login page, and says that it may be one', async () => {
    server.answer('/x', { body: '<html>', headers: { 'content-type': 'text/html; charset=utf-8' } });
    expect(await failure(fetchArtifacts(context, [artifact('/x', bytes)]))).toMatchObject({
      code: 'COGPLAN_HASH_MISMATCH',
      hint: expect.stringContaining('login page'),
    });
  });

  test('a blob in the store that was changed', async () => {
    await store.put(bytes);
    rmSync(store.blobPath(sha256(bytes)));
    writeFileSync(store.blobPath(sha256(bytes)), wrong);
    expect(await failure(fetchArtifacts(context, [artifact('/x', bytes)]))).toMatchObject({
      code: 'COGPLAN_BLOB_CORRUPT',
      subject: 'thing /x',
    });
  });
});

describe('servers that have it not', () => {
  const bytes = content(10_000);

  test.each([404, 410])('%d at every URL: the artifact is gone', async (status) => {
    server.answer('/x', { status });
    const error = await failure(fetchArtifacts(context, [artifact('/x', bytes, [`${server.url}/mirror`])]));
    expect(error).toMatchObject({
      code: 'COGPLAN_ARTIFACT_GONE',
      subject: 'thing /x',
      hint: expect.stringContaining('cogplan lock --refresh'),
      data: { url: `${server.url}/x` },
    });
    expect(server.requests.map(({ path }) => path)).toEqual(['/x', '/mirror']);
  });

  test.each<[string, Answer]>([
    ['gone', { status: 404 }],
    ['broken', { status: 500 }],
    ['wrong', { body: content(10_000, 9) }],
    ['cut', { body: bytes, cutAfter: 10, ranges: false }],
  ])('the next URL is taken when one is %s', async (_, answer) => {
    server.answer('/x', answer);
    server.answer('/mirror', { body: bytes });
    await fetchArtifacts(context, [artifact('/x', bytes, [`${server.url}/mirror`])]);
    await expectStored(bytes);
  });

  test('an error names what was needed', async () => {
    server.answer('/x', { status: 503 });
    expect(await failure(fetchArtifacts(context, [artifact('/x', bytes)]))).toMatchObject({
      code: 'COGPLAN_HTTP_STATUS',
      subject: 'thing /x',
      data: { status: 503 },
    });
    const unreachable: Artifact = {
      what: 'numpy 2.1.0',
      file: { ...artifact('/x', bytes).file, url: 'http://127.0.0.1:1/numpy' },
    };
    const error = await failure(fetchArtifacts(context, [unreachable]));
    expect(error).toMatchObject({ code: 'COGPLAN_NETWORK', message: expect.stringContaining('numpy 2.1.0') });
  });

  test('too many requests: waits as asked', async () => {
    server.answer('/x', { status: 429, headers: { 'retry-after': '0' } }, { body: bytes });
    await fetchArtifacts(context, [artifact('/x', bytes)]);
    await expectStored(bytes);
  });
});

test('offline, the missing artifact is named', async () => {
  await context.http.close();
  context = createContext({ offline: true });
  const bytes = content(10);
  await store.put(content(11));
  await fetchArtifacts(context, [artifact('/y', content(11))]);
  expect(await failure(fetchArtifacts(context, [artifact('/x', bytes)]))).toMatchObject({
    code: 'COGPLAN_BLOB_MISSING',
    subject: 'thing /x',
  });
});

test('the first failure stops the rest, and what they have is kept', async () => {
  const big = content(2_000_000);
  // What is left of it would come in ten minutes.
  server.answer('/big', { body: big, cutAfter: 1_000_000 }, { body: big, delay: 600_000 });
  server.answer('/x', { status: 404, delay: 500 });
  expect(
    await failure(fetchArtifacts(context, [artifact('/x', content(10)), artifact('/big', big)], { limit: 2 })),
  ).toMatchObject({ code: 'COGPLAN_ARTIFACT_GONE' });
  expect(readdirSync(join(root, 'partial'))).toEqual([`${sha256(big)}.part`]);
});

test('can be interrupted', async () => {
  const bytes = content(10_000);
  server.answer('/x', { body: bytes, delay: 600_000 });
  setTimeout(() => abort.abort(), 50);
  expect(await failure(fetchArtifacts(context, [artifact('/x', bytes)]))).toMatchObject({
    code: 'COGPLAN_INTERRUPTED',
  });
});

test('two fetches of the same blob download it once', async () => {
  const bytes = content(100_000);
  server.answer('/x', { body: bytes, delay: 50 });
  const other: Context = { ...context, store: await openStore(root) };
  await Promise.all([fetchArtifacts(context, [artifact('/x', bytes)]), fetchArtifacts(other, [artifact('/x', bytes)])]);
  await expectStored(bytes);
  expect(server.requests).toHaveLength(1);
});

describe('files that ship with cogplan', () => {
  const bytes = content(100);
  const shipped: Artifact = {
    what: 'the cog module',
    file: { url: 'cogplan:cog.whl', sha256: sha256(bytes), size: bytes.length },
  };

  test('come from there, offline too, and are checked', async () => {
    const path = join(root, 'cog.whl');
    const bundled = (url: string): string | undefined => (url === 'cogplan:cog.whl' ? path : undefined);
    writeFileSync(path, content(100, 9));
    expect(await failure(fetchArtifacts(context, [shipped], { bundled }))).toMatchObject({
      code: 'COGPLAN_HASH_MISMATCH',
      subject: 'the cog module',
    });
    writeFileSync(path, bytes);
    await fetchArtifacts(context, [shipped], { bundled });
    await expectStored(bytes);
  });

  test('are named when this version has them not', async () => {
    expect(await failure(fetchArtifacts(context, [shipped]))).toMatchObject({
      code: 'COGPLAN_BLOB_MISSING',
      subject: 'the cog module',
    });
  });
});
