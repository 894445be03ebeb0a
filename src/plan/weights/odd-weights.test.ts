import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import { publishRepository } from '../../../test/servers/hub.ts';
import { sha256 } from '../../digest.ts';
import type { EngineEvent } from '../../events.ts';
import { resolveWeights } from './resolve.ts';

/* Addresses and files as people have them. */

let server: HttpTestServer;
let storage: HttpTestServer;
let context: TestContext;
let directory: string;
let events: EngineEvent[];

beforeEach(async () => {
  [server, storage] = [await startHttpServer(), await startHttpServer()];
  const plain = await aContext({ HF_ENDPOINT: server.url });
  events = [];
  context = { ...plain, host: { ...plain.host, notify: (event) => void events.push(event) } };
  directory = mkdtempSync(join(tmpdir(), 'cogplan-odd-weights-'));
});
afterEach(async () => {
  await server.close();
  await storage.close();
  context.dispose();
  rmSync(directory, { recursive: true, force: true });
});

const WHERE = { file: 'cogplan.yaml', line: 3 };
const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12345\n`;

async function lock(...uris: readonly string[]) {
  const sets = uris.map((uri, index) => ({
    name: `w${index}`,
    target: `/src/w${index}`,
    place: 'image' as const,
    sources: [{ uri, include: [], exclude: [], where: WHERE }],
    where: WHERE,
  }));
  return resolveWeights(context, { directory, sets, previous: [], upgrade: false });
}
const warnings = () =>
  events.flatMap((event) => ('level' in event && event.level === 'warn' ? [`${event.code} ${event.text}`] : []));

it('a redirect to a signed address that ends leaves the lasting one in the lock', async () => {
  storage.answer('/object?X-Amz-Signature=canary', { body: 'bytes' });
  server.answer('/get/model%20%C3%BC.bin', {
    status: 302,
    headers: { location: `${storage.url}/object?X-Amz-Signature=canary` },
  });
  const [set] = await lock(`${server.url}/get/model%20%C3%BC.bin`);
  expect(set?.files).toMatchObject([{ path: 'model ü.bin', file: { sha256: sha256('bytes'), size: 5 } }]);
  expect(JSON.stringify(set)).not.toContain('canary');
  expect(warnings()).toEqual([]);
});

it('one that is signed itself, a pointer of LFS and a page in place of the file are told', async () => {
  server.answer('/m.bin?X-Amz-Signature=a', { body: 'bytes' });
  server.answer('/lfs.bin', { body: POINTER });
  server.answer('/blob/m.bin', { body: '\n<!DOCTYPE html><html>sign in</html>' });
  server.answer('/page.html', { body: '<html></html>' });
  await lock(...['/m.bin?X-Amz-Signature=a', '/lfs.bin', '/blob/m.bin', '/page.html'].map((path) => server.url + path));
  expect(warnings().map((text) => text.replaceAll(server.url, ''))).toEqual([
    expect.stringMatching(/^lock.signed-address cogplan.yaml:3: .*name a lasting one$/),
    'lock.lfs-pointer cogplan.yaml:3: /lfs.bin is a pointer of Git LFS, not the file itself',
    'lock.web-page cogplan.yaml:3: /blob/m.bin is a page of HTML, not a file',
  ]);
});

it('pointers of LFS in a folder of the project are told once, by the first of them', async () => {
  mkdirSync(join(directory, 'weights'));
  for (const name of ['a.bin', 'b.bin']) writeFileSync(join(directory, 'weights', name), POINTER);
  writeFileSync(join(directory, 'weights/c.bin'), '');
  const [set] = await lock('weights');
  expect(set?.files.map(({ path }) => path)).toEqual(['a.bin', 'b.bin', 'c.bin']);
  expect(warnings()).toEqual([
    'lock.lfs-pointer weights/a.bin is a pointer of Git LFS, not the file itself, and 1 more: git lfs pull fetches them',
  ]);
});

it('names of repositories with dots and underscores, of files with blanks, letters of any script and either case, and empty files', async () => {
  const files = {
    'Sub Dir/Größe+1.bin': Buffer.from('one'),
    'a.txt': 'x',
    'A.txt': 'y',
    'empty.txt': '',
    '模型.json': '{}',
  };
  publishRepository(server, { name: 'o.w_n-er/Some.Model_v1.5', refs: ['v1.0-rc.1'], files });
  const [one, other] = await lock('hf://o.w_n-er/Some.Model_v1.5@v1.0-rc.1', 'hf://o.w_n-er/Some.Model_v1.5@v1.0-rc.1');
  expect(one?.files.map(({ path, file }) => [path, file.size])).toEqual([
    ['A.txt', 1],
    ['Sub Dir/Größe+1.bin', 3],
    ['a.txt', 1],
    ['empty.txt', 0],
    ['模型.json', 2],
  ]);
  expect(one?.files.map(({ file }) => file.url)).toContain(
    `https://huggingface.co/o.w_n-er/Some.Model_v1.5/resolve/${one?.sources[0]?.fingerprint.slice('commit:'.length)}/Sub%20Dir/Gr%C3%B6%C3%9Fe%2B1.bin`,
  );
  expect(other?.setDigest).toBe(one?.setDigest);
});

it('a gated repository says what to do, by its owner and name', async () => {
  publishRepository(server, { name: 'o/gated', files: { 'a.bin': 'a' }, token: 'who-may' });
  await expect(lock('hf://o/gated')).rejects.toMatchObject({
    code: 'COGPLAN_HUB_REFUSED',
    message: 'the hub refuses hf://o/gated@main (401)',
    hint: expect.stringContaining('HF_TOKEN'),
  });
});

it('an address of a directory names no file', async () => {
  await expect(lock(`${server.url}/models/`)).rejects.toMatchObject({ code: 'COGPLAN_WEIGHTS_SOURCE' });
});
