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
  const wheel = aWheel('numpy', '2.0', {
    file: { url: file!.url, sha256: asSha256(file!.sha256), size: file!.bytes.length },
  });
  const before = lockOf(aWheel('six', '1.0'));
  const { releases, notes } = await findReleases(context, before, lockOf(wheel, aWheel('six', '1.0')));
  expect([...releases.values()]).toEqual([{ released: '2026-11-01T00:00:00Z', yanked: 'broken', people: [] }]);
  expect(notes).toEqual([]);
  expect(server.requests.map(({ path }) => path).filter((path) => path.includes('six'))).toEqual([]);
});

test('tells the licence and the people of a wheel and of the one that it replaces, and asks once', async () => {
  const published = publishWheels(
    server,
    [
      { name: 'numpy', version: '1.0', metadata: ['License: BSD', 'Author: Ada'] },
      { name: 'numpy', version: '2.0', metadata: ['License-Expression: AGPL-3.0-only', 'Author-email: Bob <b@test>'] },
    ],
    { metadata: 'hash', projectStatus: { status: 'quarantined', reason: 'taken over' } },
  );
  const [old, now] = [...published.values()].map(({ url, sha256, bytes }) =>
    aWheel('numpy', url.includes('1.0') ? '1.0' : '2.0', {
      file: { url, sha256: asSha256(sha256), size: bytes.length },
    }),
  );
  const { releases } = await findReleases(context, lockOf(old!), lockOf(now!));
  expect(releases.get(old!.file.sha256)).toEqual({ licence: 'BSD', people: ['Ada'] });
  expect(releases.get(now!.file.sha256)).toEqual({
    licence: 'AGPL-3.0-only',
    people: ['Bob'],
    project: { status: 'quarantined', reason: 'taken over' },
  });
  const asked = server.requests.filter(({ path }) => path.endsWith('.metadata')).length;
  await findReleases(context, lockOf(old!), lockOf(now!));
  expect(server.requests.filter(({ path }) => path.endsWith('.metadata')).length).toBe(asked);
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
