import { afterEach, beforeEach, expect, test } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { aLock, aWheel } from '../../../test/builders/lock.ts';
import { type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import { publishWheels } from '../../../test/servers/package-index.ts';
import { asSha256 } from '../../digest.ts';
import type { Lock } from '../../lock/schema.generated.ts';
import { findReleases } from './find-releases.ts';

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

function lockOf(...packages: ReturnType<typeof aWheel>[]): Lock {
  const runtime = { sdk: aWheel('cog', '1'), server: [] };
  return aLock({}, { python: { indexes: [`${server.url}/simple`], packages }, runtime });
}

test('tells when new wheels were released and whether they were yanked, and asks about no others', async () => {
  const [file] = publishWheels(server, [
    { name: 'numpy', version: '2.0', yanked: 'broken', uploadTime: '2026-11-01T00:00:00Z' },
  ]).values();
  const wheel = aWheel('numpy', '2.0', { file: { url: file!.url, sha256: asSha256(file!.sha256), size: 1 } });
  const before = lockOf(aWheel('six', '1.0'));
  const { releases, notes } = await findReleases(context, before, lockOf(wheel, aWheel('six', '1.0')));
  expect([...releases.values()]).toEqual([{ released: '2026-11-01T00:00:00Z', yanked: 'broken' }]);
  expect(notes).toEqual([]);
  expect(server.requests.map(({ path }) => path)).toEqual(['/simple/numpy/']);
});

test('says what could not be looked up, and goes on', async () => {
  const before = lockOf();
  const after = lockOf(aWheel('gone', '1.0'));
  expect((await findReleases(context.offline(), before, after)).notes[0]).toContain('Offline');
  server.answer('/simple/gone/', { status: 200, body: 'a login page', headers: { 'content-type': 'text/plain' } });
  expect(await findReleases(context, before, after)).toMatchObject({ notes: [expect.stringContaining('1 wheels')] });
});

test('asks nothing for a first lock, or when no wheel is new', async () => {
  const lock = lockOf(aWheel('six', '1.0'));
  await findReleases(context, undefined, lock);
  await findReleases(context, lock, lock);
  expect(server.requests).toEqual([]);
});
