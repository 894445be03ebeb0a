import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bundleProgram } from '../../../test/programs/bundle-program.ts';
import { runProgram } from '../../../test/programs/run-program.ts';
import { etagOf, type HttpTestServer, startHttpServer, TLS_DIRECTORY } from '../../../test/servers/http-server.ts';
import { startProxyServer } from '../../../test/servers/proxy-server.ts';
import type { HttpClient } from './http-client.ts';
import { createHttpClient, type HttpClientInput } from './undici-client.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
let directory: string;
let server: HttpTestServer;
let clients: HttpClient[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-http-'));
  server = await startHttpServer();
  clients = [];
});
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

function open(input: Partial<HttpClientInput> = {}): HttpClient {
  const client = createHttpClient({
    cacheDirectory: join(directory, 'cache'),
    offline: false,
    userAgent: 'cogplan/test',
    now: () => NOW,
    backoff: () => 1,
    ...input,
    env: { HOME: directory, ...input.env },
  });
  clients.push(client);
  return client;
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error,
  );
}

async function drain(body: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('get', () => {
  test('gives status, headers and body, and says who asks', async () => {
    server.answer('/a?b=c', { body: 'hello', headers: { 'content-type': 'text/plain' } });
    const response = await open().get(`${server.url}/a?b=c#fragment`, {
      accept: 'text/plain',
      headers: { 'X-Y': 'z' },
    });
    expect(response).toMatchObject({
      status: 200,
      url: `${server.url}/a?b=c`,
      headers: { 'content-type': 'text/plain' },
    });
    expect(response.body.toString()).toBe('hello');
    expect(server.requests[0]?.headers).toMatchObject({
      accept: 'text/plain',
      'accept-encoding': 'identity',
      'user-agent': 'cogplan/test',
      'x-y': 'z',
    });
  });

  test('names status and type of an error answer, and returns allowed ones', async () => {
    server.answer('/x', { status: 403, body: '<html>', headers: { 'content-type': 'text/html' } });
    const client = open();
    expect(await failure(client.get(`${server.url}/x`))).toMatchObject({
      code: 'COGPLAN_HTTP_STATUS',
      subject: `${server.url}/x`,
      data: { status: 403, contentType: 'text/html' },
    });
    expect((await client.get(`${server.url}/x`, { allowStatus: [403] })).status).toBe(403);
    expect((await client.get(`${server.url}/none`, { allowStatus: [404] })).status).toBe(404);
  });

  test('takes gzip for pages, and never more than the limit however it is packed', async () => {
    const page = 'a'.repeat(100_000);
    const headers = { 'content-encoding': 'gzip' };
    server.answer('/page', { body: gzipSync(page), headers });
    server.answer('/bad', { body: 'not gzip', headers });
    server.answer('/endless', { body: 'x'.repeat(10_000), endless: true });
    server.answer('/long', { body: page });
    const client = open({ retries: 0 });
    const options = { accept: 'application/vnd.pypi.simple.v1+json' };
    expect((await client.get(`${server.url}/page`, options)).body.toString()).toBe(page);
    for (const path of ['/page', '/endless', '/long'])
      expect(await failure(client.get(server.url + path, { ...options, maxBytes: 50_000 }))).toMatchObject({
        code: 'COGPLAN_TOO_LARGE',
      });
    expect(await failure(client.get(`${server.url}/bad`, options))).toMatchObject({ code: 'COGPLAN_NETWORK' });
  });

  test('can be interrupted', async () => {
    server.answer('/slow', { body: 'x', delay: 600_000 });
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    expect(await failure(open().get(`${server.url}/slow`, { signal: abort.signal }))).toMatchObject({
      code: 'COGPLAN_INTERRUPTED',
    });
  });

  test.each(['ftp://host/x', 'file:///etc/passwd', 'nonsense'])('refuses %s', async (url) => {
    expect(await failure(open().get(url))).toMatchObject({ code: 'COGPLAN_URL_UNSUPPORTED' });
  });
});

describe('retries', () => {
  test.each([408, 429, 500, 502, 503, 504])('after status %d', async (status) => {
    server.answer('/x', { status }, { status }, { body: 'at last' });
    expect((await open().get(`${server.url}/x`)).body.toString()).toBe('at last');
    expect(server.requests).toHaveLength(3);
  });

  test('after a cut connection', async () => {
    server.answer('/x', { body: 'whole answer', cutAfter: 5 }, { body: 'whole answer' });
    expect((await open().get(`${server.url}/x`)).body.toString()).toBe('whole answer');
  });

  test('not after other statuses, and not for ever', async () => {
    server.answer('/x', { status: 503 });
    expect(await failure(open({ retries: 2 }).get(`${server.url}/x`))).toMatchObject({ data: { status: 503 } });
    expect(server.requestsOf('/x')).toHaveLength(3);
    await failure(open().get(`${server.url}/404`));
    expect(server.requestsOf('/404')).toHaveLength(1);
  });

  test('waits as long as the server asks, unless that is too long', async () => {
    server.answer('/x', { status: 429, headers: { 'retry-after': '1' } }, { body: 'ok' });
    const started = performance.now();
    await open().get(`${server.url}/x`);
    expect(performance.now() - started).toBeGreaterThan(950);
    server.answer('/y', { status: 429, headers: { 'retry-after': '3600' } }, { body: 'ok' });
    expect(await failure(open().get(`${server.url}/y`))).toMatchObject({ data: { status: 429 } });
    expect(server.requestsOf('/y')).toHaveLength(1);
  });

  test('a server that is not there is named', async () => {
    const { url } = server;
    await server.close();
    const error = await failure(open({ retries: 1 }).get(`${url.replace('//', '//user:secret@')}/x`));
    expect(error).toMatchObject({ code: 'COGPLAN_NETWORK', subject: `${url}/x`, data: { cause: 'ECONNREFUSED' } });
    expect(JSON.stringify(error) + (error as Error).message).not.toContain('secret');
    server = await startHttpServer();
  });
});

describe('redirects', () => {
  test('are followed, relative ones too, but not for ever', async () => {
    server.answer('/a/b', { status: 302, headers: { location: '../c?d' } });
    server.answer('/c?d', { status: 301, headers: { location: `${server.url}/e` } });
    server.answer('/e', { body: 'there' });
    server.answer('/loop', { status: 307, headers: { location: '/loop' } });
    const response = await open().get(`${server.url}/a/b`);
    expect(response.url).toBe(`${server.url}/e`);
    expect(await failure(open().get(`${server.url}/loop`))).toMatchObject({ code: 'COGPLAN_NETWORK' });
    expect(server.requestsOf('/loop').length).toBeLessThan(20);
  });

  test('take no credentials to another host', async () => {
    const other = await startHttpServer();
    other.answer('/x', { body: 'ok' });
    server.answer('/same', { status: 302, headers: { location: '/other' } });
    server.answer('/other', {
      status: 302,
      headers: { location: `${other.url.replace('//', '//planted:password@')}/x` },
    });
    const url = `${server.url.replace('//', '//user:p%40ss@')}/same`;
    const response = await open().get(url, { headers: { Cookie: 'c' } });
    expect(response.url).toBe(`${other.url}/x`);
    const basic = `Basic ${Buffer.from('user:p@ss').toString('base64')}`;
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([basic, basic]);
    expect(other.requests[0]?.headers).not.toHaveProperty('authorization');
    expect(other.requests[0]?.headers).not.toHaveProperty('cookie');
    await other.close();
  });

  test('from https to http are refused', async () => {
    const secure = await startHttpServer({ https: true });
    secure.answer('/x', { status: 302, headers: { location: `${server.url}/x` } });
    const client = open({ env: { SSL_CERT_FILE: join(TLS_DIRECTORY, 'ca.pem') } });
    expect(await failure(client.get(`${secure.url}/x`))).toMatchObject({ code: 'COGPLAN_NETWORK' });
    expect(server.requests).toEqual([]);
    await secure.close();
  });
});

test('credentials come from netrc', async () => {
  server.answer('/x', { body: 'ok' });
  writeFileSync(join(directory, '.netrc'), 'machine 127.0.0.1 login me password secret');
  await open().get(`${server.url}/x`);
  expect(server.requests[0]?.headers.authorization).toBe(`Basic ${Buffer.from('me:secret').toString('base64')}`);
});

test('credentials given once are used for the same host again, and for no other', async () => {
  const other = await startHttpServer();
  for (const each of [server, other]) {
    each.answer('/index', { body: 'ok' });
    each.answer('/file', { body: 'ok' });
  }
  const client = open();
  await client.get(`${server.url.replace('//', '//user:secret@')}/index`);
  await client.get(`${server.url}/file`);
  await client.get(`${other.url}/file`);
  expect(server.requestsOf('/file')[0]?.headers.authorization).toMatch(/^Basic /);
  expect(other.requests[0]?.headers).not.toHaveProperty('authorization');
  await other.close();
});

describe('cache', () => {
  test('asks whether its copy still holds, and replaces it when not', async () => {
    server.answer('/x', { body: 'one', headers: { etag: etagOf('one') } });
    expect((await open().get(`${server.url}/x`)).body.toString()).toBe('one');
    const again = await open().get(`${server.url}/x`);
    expect(again).toMatchObject({ status: 200, url: `${server.url}/x` });
    expect(again.body.toString()).toBe('one');
    expect(server.requests[1]?.headers['if-none-match']).toBe(etagOf('one'));
    server.answer('/x', { body: 'two', headers: { etag: etagOf('two') } });
    expect((await open().get(`${server.url}/x`)).body.toString()).toBe('two');
  });

  test('asks nothing for what cannot change, and keeps nothing when told so', async () => {
    server.answer('/i', { body: 'one' });
    server.answer('/n', { body: 'one', headers: { etag: '"e"' } });
    server.answer('/s', { body: 'one', headers: { 'cache-control': 'private, no-store', etag: '"e"' } });
    const client = open();
    for (let round = 0; round < 2; round++) {
      await client.get(`${server.url}/i`, { cache: 'immutable' });
      await client.get(`${server.url}/n`, { cache: 'none' });
      await client.get(`${server.url}/s`);
    }
    expect(server.requestsOf('/i')).toHaveLength(1);
    for (const path of ['/n', '/s'])
      expect(server.requestsOf(path).map(({ headers }) => headers['if-none-match'])).toEqual([undefined, undefined]);
  });

  test('serves offline what it has, and names what it lacks', async () => {
    server.answer('/x', { body: 'one', headers: { 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' } });
    await open().get(`${server.url.replace('//', '//user:secret@')}/x`);
    const client = open({ offline: true });
    expect((await client.get(`${server.url}/x`)).body.toString()).toBe('one');
    const url = `${server.url.replace('//', '//user:secret@')}/y`;
    for (const ask of [() => client.get(url), () => client.range(url, 0, 1), () => client.stream(url)])
      expect(await failure(ask())).toMatchObject({ code: 'COGPLAN_OFFLINE', subject: `${server.url}/y` });
    expect(server.requests).toHaveLength(1);
  });

  test('takes a damaged copy for none, and holds no credentials', async () => {
    server.answer('/x', { body: 'one', headers: { etag: '"e"' } });
    const url = `${server.url.replace('//', '//user:secret@')}/x`;
    await open().get(url);
    const [file] = readdirSync(join(directory, 'cache'), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    const path = join(file!.parentPath, file!.name);
    expect(readFileSync(path, 'utf8')).not.toMatch(/secret|user/);
    writeFileSync(path, readFileSync(path, 'utf8').replace(/one$/, 'two'));
    expect((await open().get(url)).body.toString()).toBe('one');
    expect(server.requests[1]?.headers).not.toHaveProperty('if-none-match');
  });

  test('keeps one answer per Accept', async () => {
    server.answer('/x', ({ headers }) => ({ body: headers.accept ?? 'none' }));
    const client = open();
    for (const accept of ['a/a', 'b/b'])
      expect((await client.get(`${server.url}/x`, { accept, cache: 'immutable' })).body.toString()).toBe(accept);
  });
});

describe('range', () => {
  const body = Buffer.from('0123456789');

  test('gives the part, and the size of the whole', async () => {
    server.answer('/x', { body });
    const client = open();
    expect(await client.range(`${server.url}/x`, 2, 4)).toEqual({ body: Buffer.from('234'), totalSize: 10 });
    expect(await client.range(`${server.url}/x`, 7)).toEqual({ body: Buffer.from('789'), totalSize: 10 });
    expect(await client.range(`${server.url}/x`, -3)).toEqual({ body: Buffer.from('789'), totalSize: 10 });
    expect(await client.range(`${server.url}/x`, -30)).toEqual({ body, totalSize: 10 });
  });

  test.each([
    ['ignores ranges', { body, ranges: false }],
    ['cannot satisfy it', { body: '' }],
    ['sends another part', { status: 206, body: '567', headers: { 'content-range': 'bytes 5-7/10' } }],
    ['sends several parts', { status: 206, body, headers: { 'content-type': 'multipart/byteranges; boundary=x' } }],
    ['does not know the size', { status: 206, body: '234', headers: { 'content-range': 'bytes 2-4/*' } }],
  ])('is undefined when the server %s', async (_, answer) => {
    server.answer('/x', answer);
    expect(await open().range(`${server.url}/x`, 2, 4)).toBeUndefined();
  });

  test('never takes more than it asked for', async () => {
    const headers = { 'content-range': 'bytes 2-4/10' };
    server.answer('/x', { status: 206, body: '2345678', headers, chunked: true });
    expect(await failure(open().range(`${server.url}/x`, 2, 4))).toMatchObject({ code: 'COGPLAN_TOO_LARGE' });
  });
});

describe('stream', () => {
  test('gives the whole, or the rest', async () => {
    server.answer('/x', { body: '0123456789' });
    const client = open();
    const whole = await client.stream(`${server.url}/x`);
    expect(whole).toMatchObject({ status: 200, size: 10, offset: 0 });
    expect((await drain(whole.body)).toString()).toBe('0123456789');
    const rest = await client.stream(`${server.url}/x`, { offset: 6 });
    expect(rest).toMatchObject({ status: 206, size: 10, offset: 6 });
    expect((await drain(rest.body)).toString()).toBe('6789');
  });

  test('fails by name when it is cut, and frees its connection when it is left', async () => {
    server.answer('/cut', { body: 'x'.repeat(1000), cutAfter: 10 });
    server.answer('/endless', { body: 'x'.repeat(1000), endless: true });
    const client = open();
    const cut = await client.stream(`${server.url}/cut`);
    expect(await failure(drain(cut.body))).toMatchObject({ code: 'COGPLAN_NETWORK', subject: `${server.url}/cut` });
    for (let round = 0; round < 40; round++) {
      const { body } = await client.stream(`${server.url}/endless`);
      if (round % 2 === 0) for await (const _ of body) break;
      body.destroy();
    }
  });
});

describe('mirrors', () => {
  test('are asked instead, and leave no trace in the answer', async () => {
    server.answer('/m/simple/six/', { status: 302, headers: { location: '../six2/' } });
    server.answer('/m/simple/six2/', { body: 'page' });
    const to = server.url.replace('//', '//user:pw@');
    for (const mirrors of [
      `https://index.example/=${to}/m/`,
      JSON.stringify({ 'https://index.example/': `${to}/m/` }),
    ]) {
      const response = await open({ env: { COGPLAN_MIRRORS: mirrors } }).get('https://index.example/simple/six/');
      expect(response.url).toBe('https://index.example/simple/six2/');
      expect(response.body.toString()).toBe('page');
    }
    expect(server.requests[0]?.headers.authorization).toMatch(/^Basic /);
  });

  test('are taken for the targets of redirects', async () => {
    server.answer('/x', { status: 302, headers: { location: 'https://files.example/y' } });
    server.answer('/files/y', { body: 'file' });
    const client = open({ env: { COGPLAN_MIRRORS: `https://files.example=${server.url}/files` } });
    expect(await client.get(`${server.url}/x`)).toMatchObject({ url: 'https://files.example/y' });
  });

  test.each(['x', 'a=b', '{"a"', '{"https://a/": 1}', 'https://a/=ftp://b/'])('must be readable: %s', (mirrors) => {
    expect(() => open({ env: { COGPLAN_MIRRORS: mirrors } })).toThrow(
      expect.objectContaining({ code: 'COGPLAN_MIRRORS_INVALID' }),
    );
  });
});

describe('proxies', () => {
  test('tunnel https and forward http, but not for hosts in NO_PROXY', async () => {
    const proxy = await startProxyServer();
    const secure = await startHttpServer({ https: true });
    secure.answer('/x', { body: 'secure' });
    server.answer('/x', { body: 'plain' });
    const env = {
      SSL_CERT_FILE: join(TLS_DIRECTORY, 'ca.pem'),
      HTTPS_PROXY: proxy.url.replace('http://', ''),
      HTTP_PROXY: proxy.url,
    };
    const client = open({ env });
    expect((await client.get(`${secure.url}/x`)).body.toString()).toBe('secure');
    expect((await client.get(`${server.url}/x`)).body.toString()).toBe('plain');
    expect(proxy.seen).toEqual([`CONNECT localhost:${secure.port}`, `GET ${server.url}/x`]);
    await open({ env: { ...env, NO_PROXY: '127.0.0.1' } }).get(`${server.url}/x`, { cache: 'none' });
    expect(proxy.seen).toHaveLength(2);
    await Promise.all([proxy.close(), secure.close()]);
  });
});

describe('certificate authorities', () => {
  test('of SSL_CERT_FILE alone are trusted, and without it the server is not', async () => {
    const program = await bundleProgram(
      fileURLToPath(new URL('../../../test/programs/http-program.ts', import.meta.url)),
    );
    const secure = await startHttpServer({ https: true });
    secure.answer('/x', { body: 'trusted' });
    const { NODE_EXTRA_CA_CERTS: _extra, SSL_CERT_FILE: _file, ...env } = process.env;
    const ca = join(TLS_DIRECTORY, 'ca.pem');
    const run = (variables: Readonly<Record<string, string>>) =>
      runProgram(program, [directory, `${secure.url}/x`], { ...env, ...variables }).ended;
    const [trusted, extra, none] = await Promise.all([
      run({ SSL_CERT_FILE: ca }),
      run({ NODE_EXTRA_CA_CERTS: ca }),
      run({}),
    ]);
    expect(trusted).toMatchObject({ exit: 0, stdout: 'trusted' });
    expect(extra).toMatchObject({ exit: 0, stdout: 'trusted' });
    expect(none.stdout).toMatch(/^COGPLAN_NETWORK: .*SSL_CERT_FILE/);
    await secure.close();
  });

  test('that cannot be read are an error of their own', async () => {
    const client = open({ env: { SSL_CERT_FILE: join(directory, 'none.pem') } });
    expect(await failure(client.get(`${server.url}/x`))).toMatchObject({ code: 'COGPLAN_CA_FILE' });
  });
});
