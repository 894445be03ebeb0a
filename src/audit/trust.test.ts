import { readFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aLock, aTarget } from '../../test/builders/lock.ts';
import { type LoopbackContext, loopbackContext } from '../../test/builders/loopback-context.ts';
import {
  clearSign,
  makeDeb,
  makeKey,
  publishFlat,
  publishSuite,
  type TestDeb,
  type TestKey,
} from '../../test/servers/debian-archive.ts';
import { type HttpTestServer, startHttpServer } from '../../test/servers/http-server.ts';
import type { Archive, Lock, System } from '../lock/schema.generated.ts';
import { resolveOnBase } from '../plan/system/resolve-on-base.ts';
import { replayTrust } from './trust.ts';

let key: TestKey;
let stranger: TestKey;
let debs: readonly TestDeb[];
let server: HttpTestServer;
let loopback: LoopbackContext;
let system: System;

beforeAll(async () => {
  [key, stranger] = await Promise.all([makeKey(), makeKey()]);
  debs = await Promise.all([makeDeb({ name: 'tree', fields: { Depends: 'libc6' } }), makeDeb({ name: 'libc6' })]);
});

beforeEach(async () => {
  server = await startHttpServer();
  loopback = await loopbackContext();
  await publishSuite(server, { root: '/debian', suite: 'bookworm', debs, keys: [key] });
  system = await lockTree();
});

afterEach(async () => {
  await loopback.close();
  await server.close();
});

function lockTree(suite = 'bookworm', root = '/debian', component = 'main'): Promise<System> {
  return resolveOnBase(loopback.context, {
    sources: [{ url: server.url + root, suite, component, keys: [key] }],
    distribution: 'Debian',
    suite: 'bookworm',
    architecture: 'amd64',
    installed: [],
    asked: [{ name: 'tree', text: 'tree', where: { file: 'cog.yaml' } }],
    previous: undefined,
    options: { mode: 'keep', asOf: null },
  });
}

function replay(changed: System, keys: readonly TestKey[] = [key]) {
  const lock: Lock = aLock({ tools: [] }, aTarget({ system: changed }));
  return replayTrust(loopback.context, { lock, platform: 'linux/amd64', keysOf: async () => keys });
}

/** The system with another evidence, whose bytes are in the store as if they had been fetched. */
async function withEvidence(inRelease: string, archive: Partial<Archive> = {}): Promise<System> {
  const [before] = system.archives;
  if (before === undefined) throw new Error('no archive');
  const { sha256, size } = await loopback.context.store.put(Buffer.from(inRelease));
  const entry = { ...before, inRelease: { ...before.inRelease, sha256, size }, ...archive };
  return { ...system, archives: [entry] };
}

async function currentRelease(): Promise<string> {
  const signed = await (await fetch(`${server.url}/debian/dists/bookworm/InRelease`)).text();
  return signed.slice(signed.indexOf('\n\n') + 2, signed.indexOf('-----BEGIN PGP SIGNATURE-----')).trimEnd();
}

const DATE = new Date('2026-01-10T00:00:00Z');

test('every package is traced from its signature, with the network gone', async () => {
  await server.close();
  const report = await replay(system);
  expect(report).toMatchObject({ clean: true, proved: 2, problems: [] });
  expect(report.archives[0]).toMatchObject({ suite: 'bookworm', signers: [key.fingerprint] });
});

test('a tool need not be in the store, but must be one that is signed', async () => {
  const [tree] = system.packages.filter(({ name }) => name === 'tree');
  if (tree === undefined) throw new Error('no tree');
  const bare = { ...system, packages: [] };
  const tool = { name: 'tree', version: '1', host: 'linux/amd64', file: tree.file };
  const fresh = await loopbackContext();
  try {
    for (const { inRelease, packages } of system.archives) {
      for (const file of [inRelease, packages]) {
        const path = await loopback.context.store.verified(file.sha256, file.size, 'evidence');
        await fresh.context.store.put(readFileSync(path));
      }
    }
    const request = { platform: 'linux/amd64', keysOf: async () => [key] } as const;
    const lock = aLock({ tools: [tool] }, aTarget({ system: bare }));
    expect(await replayTrust(fresh.context, { ...request, lock })).toMatchObject({ clean: true, proved: 1 });
    const locked = aLock({ tools: [] }, aTarget({ system: { ...bare, packages: [tree] } }));
    expect((await replayTrust(fresh.context, { ...request, lock: locked })).problems).toMatchObject([
      { code: 'COGPLAN_BLOB_MISSING' },
    ]);
  } finally {
    await fresh.close();
  }
});

test('a flat archive is traced through the key that the lock names', async () => {
  await publishFlat(server, { root: '/flat', debs, key, detached: true });
  const flat = await lockTree('/', '/flat', '');
  const stored = await loopback.context.store.put(Buffer.from(key.armored));
  const file = { url: 'project:key.asc', sha256: stored.sha256, size: stored.size };
  const archives = flat.archives.map((archive) => ({ ...archive, key: file }));
  expect(await replay({ ...flat, archives }, [])).toMatchObject({ clean: true, proved: 2 });
});

describe('a broken chain is found: ', () => {
  const cases: [string, string, () => Promise<System>][] = [];
  const add = (name: string, code: string, make: () => Promise<System>) => cases.push([name, code, make]);

  add('an index other than the signed one', 'COGPLAN_HASH_MISMATCH', async () => {
    const { sha256, size } = await loopback.context.store.put(Buffer.from('Package: tree\n'));
    const archives = system.archives.map((entry) => ({ ...entry, packages: { ...entry.packages, sha256, size } }));
    return { ...system, archives };
  });
  add('the signature of a stranger', 'COGPLAN_SIGNATURE_KEY_UNKNOWN', async () =>
    withEvidence(await clearSign(await currentRelease(), [stranger], DATE)),
  );
  add('another suite', 'COGPLAN_ARCHIVE_MISMATCH', async () => {
    const release = (await currentRelease()).replace('Codename: bookworm', 'Codename: trixie');
    return withEvidence(await clearSign(release, [key], DATE));
  });
  add('a date before that of the lock', 'COGPLAN_ARCHIVE_ROLLBACK', async () => {
    const release = (await currentRelease()).replace('10 Jan 2026', '09 Jan 2026').replace('Sat', 'Fri');
    return withEvidence(await clearSign(release, [key], DATE));
  });
  add('an index that had expired', 'COGPLAN_ARCHIVE_EXPIRED', async () => {
    const release = `${await currentRelease()}\nValid-Until: Fri, 09 Jan 2026 00:00:00 UTC`;
    return withEvidence(await clearSign(release, [key], DATE));
  });
  add('text outside the signature', 'COGPLAN_SIGNATURE_UNCOVERED', async () =>
    withEvidence(`Codename: bookworm\n${await clearSign(await currentRelease(), [key], DATE)}`),
  );
  add('a changed text', 'COGPLAN_SIGNATURE_INVALID', async () => {
    const signed = await clearSign(await currentRelease(), [key], DATE);
    return withEvidence(signed.replace('Origin: Test', 'Origin: Evil'));
  });
  add('evidence that is not in the store', 'COGPLAN_BLOB_MISSING', async () => {
    const sha256 = '0'.repeat(64) as Archive['inRelease']['sha256'];
    return {
      ...system,
      archives: system.archives.map((entry) => ({ ...entry, inRelease: { ...entry.inRelease, sha256 } })),
    };
  });
  test.each(cases)('%s', async (_, code, make) => {
    const report = await replay(await make());
    expect(report.clean).toBe(false);
    expect(report.problems[0]).toMatchObject({ code });
  });

  test('a weak digest, and an expired key', async () => {
    const fixtures = new URL('../../test/fixtures/debian/', import.meta.url);
    const read = (name: string) => readFileSync(new URL(name, fixtures), 'utf8');
    const weak = { fingerprint: 'C71ABC11E3A190127C55BE37E6B4BB8CC3CB0307', armored: read('weak-digest.key.asc') };
    const changed = await withEvidence(read('weak-digest.asc'), { date: '2026-11-21T00:00:00Z' });
    const report = await replayTrust(loopback.context, {
      lock: aLock({ tools: [] }, aTarget({ system: changed })),
      platform: 'linux/amd64',
      keysOf: async () => [weak],
    });
    expect(report.problems[0]).toMatchObject({ code: 'COGPLAN_SIGNATURE_WEAK' });
    const old = await makeKey(new Date('2020-01-01T00:00:00Z'), 86_400 * 365);
    const signed = await clearSign(await currentRelease(), [old], new Date('2020-06-01T00:00:00Z'));
    expect((await replay(await withEvidence(signed), [old])).problems[0]).toMatchObject({
      code: 'COGPLAN_SIGNATURE_KEY_EXPIRED',
    });
  });

  test('another file than the signed index names, one that it does not name, one that is gone', async () => {
    const packages = system.packages.map((item) =>
      item.name === 'tree'
        ? { ...item, file: { ...item.file, sha256: system.archives[0]?.packages.sha256 ?? item.file.sha256 } }
        : { ...item, version: '9' },
    );
    const report = await replay({ ...system, packages });
    expect(report.problems.map(({ subject, code }) => [subject, code])).toEqual([
      ['libc6', 'COGPLAN_ARCHIVE_MISMATCH'],
      ['tree', 'COGPLAN_HASH_MISMATCH'],
    ]);
  });
});
