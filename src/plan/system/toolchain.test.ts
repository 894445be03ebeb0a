import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { makeDeb, makeKey, publishSuite, type TestDeb, type TestKey } from '../../../test/servers/debian-archive.ts';
import { type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import type { Target } from '../../lock/schema.generated.ts';
import { openArchives } from './open-archives.ts';
import { resolveToolchain } from './toolchain.ts';

let key: TestKey;
let debs: readonly TestDeb[];
let server: HttpTestServer;
let context: TestContext;

beforeAll(async () => {
  key = await makeKey();
  const odd = { postinst: '#!/bin/sh\nset -e\nfrobnicate --everything\n' };
  debs = await Promise.all([
    makeDeb({ name: 'gcc', fields: { Depends: 'cpp' } }),
    makeDeb({ name: 'cpp', scripts: odd }),
    ...['g++', 'libc6-dev', 'make', 'pkg-config', 'libpython3.11-dev'].map((name) => makeDeb({ name })),
  ]);
});
beforeEach(async () => {
  server = await startHttpServer();
  context = await aContext();
});
afterEach(async () => {
  await server.close();
  context.dispose();
});

async function target(): Promise<Pick<Target, 'base' | 'interpreter' | 'system'>> {
  await publishSuite(server, { root: '/debian', suite: 'bookworm', debs: [...debs], keys: [key] });
  const sources = [{ url: `${server.url}/debian`, suite: 'bookworm', component: 'main', keys: [key] }];
  const archives = await openArchives(context, { sources, architecture: 'amd64', previous: [], asOf: null });
  archives.close();
  return {
    base: { kind: 'debian', suite: 'bookworm', why: 'a test' },
    interpreter: { version: '3.11.2', provider: 'debian', path: '/usr/bin/python3.11', why: 'a test' },
    system: { archives: [...archives.entries], packages: [] },
  };
}

test('a compiler whose scripts are not understood is refused with the way out, which the project may take', async () => {
  const input = { target: await target(), platform: 'linux/amd64', previous: [], asOf: null } as const;
  await expect(resolveToolchain(context, input)).rejects.toMatchObject({
    code: 'COGPLAN_SCRIPT_UNKNOWN',
    hint: expect.stringContaining('configure: sealed'),
  });
  const { packages } = await resolveToolchain(context, { ...input, configure: 'sealed' });
  expect(packages.filter(({ configure }) => configure === 'sealed').map(({ name }) => name)).toEqual(['cpp']);
  expect(packages.map(({ name }) => name)).toContain('libpython3.11-dev');
});
