import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LoopbackContext, loopbackContext } from '../../../test/builders/loopback-context.ts';
import { makeDeb, makeKey, publishSuite } from '../../../test/servers/debian-archive.ts';
import { type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import { readDpkgStatus } from '../../formats/debian/dpkg-status.ts';
import type { System } from '../../lock/schema.generated.ts';
import { parseAskedPackages } from '../../spec/system-packages.ts';
import type { ArchiveSource } from './archive-sources.ts';
import { resolveOnBase } from './resolve-on-base.ts';

let server: HttpTestServer;
let loopback: LoopbackContext;
let on: (packages: readonly string[], previous?: System, more?: readonly ArchiveSource[]) => Promise<System>;

const STATUS = `Package: libc6
Status: install ok installed
Version: 2.35
Architecture: amd64

Package: libssl3
Status: install ok installed
Version: 3.0.1
Architecture: amd64
Depends: libc6

Package: openssl
Status: install ok installed
Version: 3.0.1
Architecture: amd64
Depends: libssl3 (= 3.0.1)
`;

beforeEach(async () => {
  server = await startHttpServer();
  loopback = await loopbackContext();
  const key = await makeKey();
  const debs = await Promise.all([
    makeDeb({ name: 'libc6', version: '2.36' }),
    makeDeb({ name: 'libssl3', version: '3.0.2', fields: { Depends: 'libc6 (>= 2.30)' } }),
    makeDeb({ name: 'openssl', version: '3.0.2', fields: { Depends: 'libssl3 (= 3.0.2)' } }),
    makeDeb({ name: 'libssl-dev', version: '3.0.2', fields: { Depends: 'libssl3 (= 3.0.2)' } }),
    makeDeb({ name: 'tree', scripts: { postinst: '#!/bin/sh\nset -e\nexit 0\n' }, fields: { Depends: 'libc6' } }),
  ]);
  await publishSuite(server, { root: '/ubuntu', suite: 'jammy', debs, keys: [key] });
  on = (packages, previous, more = []) =>
    resolveOnBase(loopback.context, {
      sources: [...more, { url: `${server.url}/ubuntu`, suite: 'jammy', component: 'main', keys: [key] }],
      distribution: 'Ubuntu jammy',
      suite: 'jammy',
      architecture: 'amd64',
      installed: readDpkgStatus(STATUS, 'amd64', 'the base'),
      asked: parseAskedPackages(
        packages.map((value, index) => ({ value, where: { file: 'cog.yaml', line: index + 1 } })),
        'amd64',
      ),
      previous,
      options: { mode: 'keep', asOf: null },
    });
});

afterEach(async () => {
  await loopback.close();
  await server.close();
});

test('what the base has is not locked again; what must be newer is', async () => {
  const system = await on(['tree', 'libssl-dev']);
  expect(system.packages.map(({ name, version, group, depends }) => [name, version, group, depends])).toEqual([
    ['libssl-dev', '3.0.2', 'system', ['libssl3']],
    ['libssl3', '3.0.2', 'system', []],
    ['openssl', '3.0.2', 'system', ['libssl3']],
    ['tree', '1', 'system', []],
  ]);
  expect(system.packages.at(-1)).toMatchObject({
    asked: 'build.system_packages: tree',
    scripts: { postinst: expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
  expect(system.archives.map(({ suite, component }) => [suite, component])).toEqual([['jammy', 'main']]);
  expect(await on(['tree', 'libssl-dev'], system)).toEqual(system);
});

test('what is not automatic is taken only where no other archive has it, or where it is asked for', async () => {
  const key = await makeKey();
  const debs = await Promise.all([
    makeDeb({ name: 'tree', version: '2', fields: { Depends: 'libc6' } }),
    makeDeb({ name: 'only-backported', version: '2~bpo', fields: { Depends: 'libc6' } }),
  ]);
  const edit = (release: string): string => release.replace('SHA256:', 'NotAutomatic: yes\nSHA256:');
  await publishSuite(server, { root: '/ubuntu', suite: 'jammy-backports', debs, keys: [key], edit });
  const source = { url: `${server.url}/ubuntu`, suite: 'jammy-backports', component: 'main', keys: [key] };
  const versions = async (...packages: readonly string[]) =>
    (await on(packages, undefined, [source])).packages.map(({ name, version }) => `${name} ${version}`);
  expect(await versions('tree', 'only-backported')).toEqual(['only-backported 2~bpo', 'tree 1']);
  expect(await versions('tree/jammy-backports')).toEqual(['tree 2']);
  expect(await versions('tree=2')).toEqual(['tree 2']);
});

test('nothing asked is nothing fetched', async () => {
  expect(await on([])).toEqual({ archives: [], packages: [] });
  expect(server.requests).toEqual([]);
});

test('errors name the distribution of the base', async () => {
  await expect(on(['libgl9'])).rejects.toThrow('Ubuntu jammy has no package libgl9 for amd64');
  await expect(on(['tree=7'])).rejects.toThrow('Ubuntu jammy has no tree of version 7');
});
