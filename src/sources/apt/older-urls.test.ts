import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LoopbackContext, loopbackContext } from '../../../test/builders/loopback-context.ts';
import { type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import { sha256 } from '../../digest.ts';
import type { Archive } from '../../lock/schema.generated.ts';
import { fetchArtifacts } from '../fetch-artifacts.ts';
import { createHttpClient } from '../http/undici-client.ts';
import { withOlderUrls } from './older-urls.ts';

const bytes = Buffer.from('a .deb');
const file = {
  url: 'https://deb.debian.org/debian/pool/main/t/tree/tree_2.1.0-1_amd64.deb',
  sha256: sha256(bytes),
  size: bytes.length,
};
const archives = [
  { url: 'https://deb.debian.org/debian', date: '2025-03-01T08:00:00Z' },
  { url: 'https://deb.debian.org/debian-security', date: '2025-03-02T08:00:00Z' },
] as Archive[];
const PATH = 'pool/main/t/tree/tree_2.1.0-1_amd64.deb';

let server: HttpTestServer;
let loopback: LoopbackContext;

beforeEach(async () => {
  server = await startHttpServer();
  loopback = await loopbackContext();
});

afterEach(async () => {
  await loopback.close();
  await server.close();
});

test('a .deb of Debian has its snapshot and its hash beside its own URL; other files are left alone', () => {
  expect(withOlderUrls(file, archives).mirrors).toEqual([
    `https://snapshot.debian.org/archive/debian/20250301T140000Z/${PATH}`,
    `https://archive.debian.org/debian/${PATH}`,
    `https://snapshot.debian.org/file/${file.sha256}`,
  ]);
  const security = { ...file, url: `https://deb.debian.org/debian-security/${PATH}` };
  expect(withOlderUrls(security, archives).mirrors?.[1]).toBe(`https://archive.debian.org/debian-security/${PATH}`);
  const ubuntu = { ...file, url: `http://security.ubuntu.com/ubuntu/${PATH}` };
  const state = { url: 'http://security.ubuntu.com/ubuntu', date: '2025-03-01T08:00:00Z' } as Archive;
  expect(withOlderUrls(ubuntu, [state]).mirrors).toEqual([
    `https://snapshot.ubuntu.com/ubuntu/20250301T140000Z/${PATH}`,
    `https://old-releases.ubuntu.com/ubuntu/${PATH}`,
  ]);
  const other = { ...file, url: 'https://example.com/tree.deb' };
  expect(withOlderUrls(other, archives)).toBe(other);
});

test.each([
  ['the snapshot of its time', (hash: string) => [`/snap/archive/debian/20250301T140000Z/${PATH}`, hash]],
  ['the archive of old releases', () => [`/old/debian/${PATH}`]],
  ['its hash', (hash: string) => [`/snap/file/${hash}`, hash]],
])('a .deb that left its mirror is found by %s', async (_, where) => {
  const [path = ''] = where(file.sha256);
  server.answer(path, { body: bytes });
  const mirrors = `https://deb.debian.org/debian/=${server.url}/debian/,https://snapshot.debian.org/=${server.url}/snap/,https://archive.debian.org/=${server.url}/old/`;
  const http = createHttpClient({
    cacheDirectory: `${loopback.directory}/mirrored`,
    env: { COGPLAN_MIRRORS: mirrors },
    offline: false,
    userAgent: 'test',
    now: loopback.context.now,
    retries: 0,
  });
  try {
    const context = { ...loopback.context, http };
    await fetchArtifacts(context, [{ file: withOlderUrls(file, archives), what: 'tree 2.1.0-1' }]);
    expect((await context.store.stat(file.sha256))?.size).toBe(bytes.length);
  } finally {
    await http.close();
  }
});
