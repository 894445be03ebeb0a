import { afterAll, beforeAll, expect, it } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import { sha256 } from '../../digest.ts';
import { checkAgainstList } from './check-against-list.ts';

const FOLDER = '/replicate/pget/releases/download/v0.8.2';
let server: HttpTestServer;
let context: TestContext;

beforeAll(async () => {
  server = await startHttpServer();
  context = await aContext({ COGPLAN_MIRRORS: JSON.stringify({ 'https://github.com/': `${server.url}/` }) });
});
afterAll(async () => {
  await server.close();
  context.dispose();
});

const file = (content: string, path = `${FOLDER}/pget_Linux_x86_64`) => ({
  url: `https://github.com${path}`,
  sha256: sha256(content),
  size: content.length,
});

it('a program of pget is what its release lists', async () => {
  server.answer(`${FOLDER}/checksums.txt`, { body: `${sha256('program')}  pget_linux_x86_64\n` });
  await checkAgainstList(context, file('program'), 'pget');
  await expect(checkAgainstList(context, file('another'), 'pget')).rejects.toMatchObject({
    code: 'COGPLAN_HASH_MISMATCH',
    data: { expected: { sha256: sha256('program') }, actual: { sha256: sha256('another') } },
  });
});

it('a release without a list, and a file of anybody else, are taken as they are', async () => {
  server.answer(`${FOLDER}/checksums.txt`, { status: 404 });
  await checkAgainstList(context, file('another'), 'pget');
  const asked = server.requests.length;
  await checkAgainstList(context, file('x', '/replicate/pget/releases/download/v0.0.3/pget'), 'pget');
  await checkAgainstList(context, file('x', '/other/tool'), 'tool');
  expect(server.requests.length).toBe(asked);
});
