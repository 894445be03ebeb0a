import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { etagOf, type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import { sha256 } from '../../digest.ts';
import { fetchArtifacts } from '../fetch-artifacts.ts';
import { fetchNewFile } from './fetch-new-file.ts';

const BODY = randomBytes(200_000);
let server: HttpTestServer;
let storage: HttpTestServer;
let context: TestContext;

beforeAll(async () => {
  [server, storage] = [await startHttpServer(), await startHttpServer()];
});
afterEach(() => context.dispose());
afterAll(async () => {
  await server.close();
  await storage.close();
});

const fetchFile = async (path: string, more: { sha256?: string } = {}) => {
  context = await aContext();
  return fetchNewFile(context, { url: `${server.url}${path}`, what: 'the file', ...more });
};

describe('fetchNewFile', () => {
  it('stores the bytes and says what they are', async () => {
    server.answer('/f', { body: BODY });
    const file = await fetchFile('/f#part');
    expect(file).toEqual({ url: `${server.url}/f`, sha256: sha256(BODY), size: BODY.length, computed: true });
    expect(readFileSync(context.store.blobPath(file.sha256)).equals(BODY)).toBe(true);
  });

  it('pins where "latest" leads on its host, not the signed address of the storage behind it', async () => {
    server.answer('/latest/download/x', { status: 302, headers: { location: '/download/v2/x' } });
    server.answer('/download/v2/x', { status: 302, headers: { location: `${storage.url}/blob?signature=secret` } });
    storage.answer('/blob?signature=secret', { body: BODY });
    expect((await fetchFile('/latest/download/x')).url).toBe(`${server.url}/download/v2/x`);
  });

  it('continues a cut transfer of the same file', async () => {
    const headers = { etag: etagOf(BODY) };
    server.answer('/cut', { body: BODY, headers, cutAfter: 120_000 }, { body: BODY, headers });
    expect((await fetchFile('/cut')).sha256).toBe(sha256(BODY));
    expect(server.requestsOf('/cut')[1]?.headers).toMatchObject({
      'if-range': etagOf(BODY),
      range: expect.stringMatching(/^bytes=[1-9]/),
    });
  });

  it('starts again when the file has changed in between, or nothing says that it has not', async () => {
    const other = randomBytes(200_000);
    server.answer(
      '/changed',
      { body: BODY, headers: { etag: '"a"' }, cutAfter: 120_000 },
      { body: other, headers: { etag: '"b"' } },
    );
    expect((await fetchFile('/changed')).sha256).toBe(sha256(other));
    context.dispose();
    server.answer('/mute', { body: BODY, cutAfter: 120_000 }, { body: other });
    expect((await fetchFile('/mute')).sha256).toBe(sha256(other));
  });

  it('does not read a file again that the server says is unchanged', async () => {
    server.answer('/same', { body: BODY, headers: { etag: etagOf(BODY) } });
    const first = await fetchFile('/same');
    expect(await fetchNewFile(context, { url: `${server.url}/same`, what: 'the file' })).toEqual(first);
  });

  it('refuses bytes of another hash than was written down, naming both', async () => {
    server.answer('/f', { body: BODY });
    const wanted = sha256('other');
    const failure = await fetchFile('/f', { sha256: wanted }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'COGPLAN_HASH_MISMATCH' });
    expect(String(failure)).toContain(wanted);
    expect(String(failure)).toContain(sha256(BODY));
  });

  it.each([404, 429, 500])('status %i is an error with its code', async (status) => {
    server.answer('/gone', { status });
    await expect(fetchFile('/gone')).rejects.toMatchObject({ code: 'COGPLAN_HTTP_STATUS', data: { status } });
  });

  it('a file replaced between lock and apply is refused, naming both hashes', async () => {
    server.answer('/f', { body: BODY });
    const file = await fetchFile('/f');
    context.dispose();
    context = await aContext();
    const other = randomBytes(BODY.length);
    server.answer('/f', { body: other });
    const failure = await fetchArtifacts(context, [{ file, what: 'the file' }]).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'COGPLAN_HASH_MISMATCH' });
    expect(String(failure)).toContain(sha256(BODY));
    expect(String(failure)).toContain(sha256(other));
  });
});
