import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type LoopbackContext, loopbackContext } from '../../../test/builders/loopback-context.ts';
import {
  makeDeb,
  makeKey,
  publishFlat,
  publishSuite,
  type TestDeb,
  type TestKey,
} from '../../../test/servers/debian-archive.ts';
import { type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import type { ArchiveSource } from './archive-sources.ts';
import { type ArchivesInput, openArchives } from './open-archives.ts';

const MARCH = new Date('2025-03-01T00:00:00Z');
const JUNE = new Date('2025-06-01T00:00:00Z');

let key: TestKey;
let stranger: TestKey;
let old: TestDeb;
let recent: TestDeb;
let server: HttpTestServer;
let loopback: LoopbackContext;

beforeAll(async () => {
  [key, stranger] = await Promise.all([makeKey(), makeKey()]);
  [old, recent] = await Promise.all([makeDeb({ name: 'curl', version: '1' }), makeDeb({ name: 'curl', version: '2' })]);
});

beforeEach(async () => {
  server = await startHttpServer();
  loopback = await loopbackContext();
});

afterEach(async () => {
  await loopback.close();
  await server.close();
});

function source(more: Partial<ArchiveSource> = {}): ArchiveSource {
  return {
    url: `${server.url}/debian`,
    suite: 'bookworm',
    component: 'main',
    keys: [key],
    snapshot: `${server.url}/snapshot/debian`,
    ...more,
  };
}

async function open(more: Partial<ArchiveSource> = {}, input: Partial<ArchivesInput> = {}) {
  const archives = await openArchives(loopback.context, {
    sources: [source(more)],
    architecture: 'amd64',
    previous: [],
    asOf: null,
    ...input,
  });
  try {
    const [entry] = archives.entries;
    const versions = archives.indexes.flatMap((index) => index.named('curl')).map(({ version }) => version);
    return { entry, versions, indexes: archives.indexes };
  } finally {
    archives.close();
  }
}

async function publish(root: string, date: Date, debs: readonly TestDeb[], keys = [key], validUntil?: Date) {
  const valid = validUntil === undefined ? {} : { validUntil };
  await publishSuite(server, { root, suite: 'bookworm', debs, keys, date, ...valid });
}

/** As snapshot.debian.org: any instant leads to the import before it. */
function redirect(from: string, to: string): void {
  const path = (stamp: string) => `/snapshot/debian/${stamp}/dists/bookworm/InRelease`;
  server.answer(path(from), { status: 302, headers: { location: `${server.url}${path(to)}` } });
}

describe('as of a date', () => {
  const asOf = '2025-04-01T12:30:00Z';

  test('an archive that has not moved since is asked itself', async () => {
    await publish('/debian', MARCH, [old]);
    const { entry, versions } = await open({}, { asOf });
    expect(versions).toEqual(['1']);
    expect(entry).toMatchObject({ url: `${server.url}/debian`, date: '2025-03-01T00:00:00Z' });
    expect(server.requests.some(({ path }) => path.startsWith('/snapshot'))).toBe(false);
  });

  test('the snapshot of that instant is taken, and named by the import that it leads to', async () => {
    await publish('/debian', JUNE, [recent]);
    const root = '/snapshot/debian/20250401T090000Z';
    // A week later it would have expired: that of its own day counts.
    await publish(root, MARCH, [old], [key], new Date('2025-04-02T00:00:00Z'));
    redirect('20250401T123000Z', '20250401T090000Z');
    const { entry, versions } = await open({}, { asOf });
    expect(versions).toEqual(['1']);
    expect(entry?.url).toBe(server.url + root);
    expect(entry?.inRelease.url).toBe(`${server.url}${root}/dists/bookworm/InRelease`);
    expect((await open({}, { asOf })).entry).toEqual(entry);
  });

  test('an archive that was not renewed since is taken as it was', async () => {
    await publish('/debian', MARCH, [old], [key], new Date('2025-04-02T00:00:00Z'));
    await expect(open()).rejects.toMatchObject({ code: 'COGPLAN_ARCHIVE_EXPIRED' });
    expect((await open({}, { asOf })).versions).toEqual(['1']);
  });

  test('a snapshot that limits its rate is asked again after the pause it names', async () => {
    await publish('/debian', JUNE, [recent]);
    await publish('/snapshot/debian/20250401T123000Z', MARCH, [old]);
    const path = '/snapshot/debian/20250401T123000Z/dists/bookworm/InRelease';
    const patient = await loopbackContext({ retries: 2 });
    try {
      const body = await (await fetch(server.url + path)).text();
      server.answer(path, { status: 429, headers: { 'retry-after': '1' } }, { body });
      const archives = await openArchives(patient.context, {
        sources: [source()],
        architecture: 'amd64',
        previous: [],
        asOf,
      });
      archives.close();
      expect(archives.entries[0]?.date).toBe('2025-03-01T00:00:00Z');
    } finally {
      await patient.close();
    }
  });

  test('where only today’s archive can be had, the newest state before that the store has seen is taken', async () => {
    await publish('/debian', new Date('2025-02-01T00:00:00Z'), []);
    await open();
    await publish('/debian', MARCH, [old]);
    const seen = await open();
    await publish('/debian', JUNE, [recent]);
    await open();
    const { entry, versions } = await open({}, { asOf });
    expect(versions).toEqual(['1']);
    expect(entry).toEqual(seen.entry);
    expect(loopback.events).toContainEqual(
      expect.objectContaining({ code: 'apt.remembered', text: expect.stringMatching(/as it was at 2025-03-01/) }),
    );
  });

  test('what nobody has is an error that tells what there is', async () => {
    await publish('/debian', JUNE, [recent]);
    await open();
    await expect(open({}, { asOf })).rejects.toMatchObject({
      code: 'COGPLAN_AS_OF_UNAVAILABLE',
      message: expect.stringMatching(/is of 2025-06-01.*404/),
    });
  });

  test('a forged snapshot, one that had expired by then, and one of a later date are refused', async () => {
    const root = '/snapshot/debian/20250401T123000Z';
    await publish('/debian', JUNE, [recent]);
    await publish(root, MARCH, [old], [stranger]);
    await expect(open({}, { asOf })).rejects.toMatchObject({ code: 'COGPLAN_SIGNATURE_KEY_UNKNOWN' });
    await publish(root, MARCH, [old], [key], new Date('2025-03-08T00:00:00Z'));
    await expect(open({}, { asOf })).rejects.toMatchObject({ code: 'COGPLAN_ARCHIVE_EXPIRED' });
    await publish(root, new Date('2025-04-01T12:00:00Z'), [old]);
    expect((await open({}, { asOf })).versions).toEqual(['1']);
    await publish(root, new Date('2025-04-02T00:00:00Z'), [old]);
    await expect(open({}, { asOf })).rejects.toBeInstanceOf(Error);
  });
});

describe('a flat archive', () => {
  test.each([
    ['signed in one file', false],
    ['with its signature apart', true],
  ])('%s is read like any other', async (_, detached) => {
    await publishFlat(server, { root: '/cuda/x86_64', debs: [old, recent], key, detached });
    const { entry, versions, indexes } = await open({ url: `${server.url}/cuda`, suite: 'x86_64/', component: '' });
    expect(versions).toEqual(['1', '2']);
    expect(entry?.signature === undefined).toBe(!detached);
    expect(entry?.packages.url).toBe(`${server.url}/cuda/x86_64/Packages.gz`);
    expect(indexes).toHaveLength(1);
  });

  test('with a signature of another key is refused', async () => {
    await publishFlat(server, { root: '/cuda', debs: [old], key: stranger, detached: true });
    const flat = { url: `${server.url}/cuda`, suite: '/', component: '' };
    await expect(open(flat)).rejects.toMatchObject({ code: 'COGPLAN_SIGNATURE_KEY_UNKNOWN' });
    const changed = await (await fetch(`${server.url}/cuda/Release`)).text();
    server.answer('/cuda/Release', { body: `${changed}# more\n` });
    await expect(open({ ...flat, keys: [stranger] })).rejects.toMatchObject({ code: 'COGPLAN_SIGNATURE_INVALID' });
    server.answer('/cuda/Release.gpg', { body: 'not a signature' });
    await expect(open({ ...flat, keys: [stranger] })).rejects.toMatchObject({ code: 'COGPLAN_SIGNATURE_INVALID' });
    server.answer('/cuda/Release.gpg', { status: 404 });
    await expect(open({ ...flat, keys: [stranger] })).rejects.toMatchObject({ code: 'COGPLAN_HTTP_STATUS' });
  });

  test('gives only the packages that it is named for', async () => {
    const other = await makeDeb({ name: 'cuda-runtime', fields: { Provides: 'curl' } });
    await publishFlat(server, { root: '/cuda', debs: [old, other], key });
    const { versions, indexes } = await open({
      url: `${server.url}/cuda`,
      suite: '/',
      component: '',
      packages: ['cuda-*'],
    });
    expect(versions).toEqual([]);
    expect(indexes[0]?.names()).toEqual(['cuda-runtime']);
  });

  test('leaves packages of other architectures aside', async () => {
    const arm = await makeDeb({ name: 'curl', version: '3', architecture: 'arm64' });
    await publishFlat(server, { root: '/cuda', debs: [old, arm], key });
    const { versions } = await open({ url: `${server.url}/cuda`, suite: './', component: '' });
    expect(versions).toEqual(['1']);
  });
});

describe('an index that means harm', () => {
  test('with two files for one version is refused', async () => {
    const other = await makeDeb({ name: 'curl', version: '1', fields: { Description: 'other' } });
    await publish('/debian', MARCH, [old, { ...other, filename: 'pool/main/other.deb' }]);
    await expect(open()).rejects.toMatchObject({ code: 'COGPLAN_ARCHIVE_MISMATCH' });
  });

  test('of 200 MB is refused before it is fetched', async () => {
    const edit = (release: string) => release.replace(/ \d+ (main\/binary-amd64\/Packages\n)/, ' 209715200 $1');
    await publishSuite(server, { root: '/debian', suite: 'bookworm', debs: [old], keys: [key], date: MARCH, edit });
    await expect(open()).rejects.toMatchObject({ code: 'COGPLAN_TOO_LARGE' });
    expect(server.requests.map(({ path }) => path)).toEqual(['/debian/dists/bookworm/InRelease']);
  });
});
