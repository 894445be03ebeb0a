import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { thePinnedUv } from '../../../test/builders/uv.ts';
import { type HttpTestServer, startHttpServer, TLS_DIRECTORY } from '../../../test/servers/http-server.ts';
import { publishWheels } from '../../../test/servers/package-index.ts';
import type { Context } from '../../context.ts';
import { type CompileRequest, compileRequirements } from './compile.ts';
import { targetInterpreter } from './target-interpreter.ts';

let uv: string;
let server: HttpTestServer;
let context: TestContext;

beforeAll(async () => {
  uv = await thePinnedUv();
});
beforeEach(async () => {
  server = await startHttpServer();
  context = await aContext();
});
afterEach(async () => {
  await server.close();
  context.dispose();
});

const request = (requirements: readonly string[], change: Partial<CompileRequest> = {}): CompileRequest => ({
  uv,
  environment: { version: '3.11.2', platform: 'linux/amd64', glibc: '2.36' },
  requirements,
  constraints: [],
  indexes: { primary: `${server.url}/simple`, extra: [], findLinks: [] },
  pre: false,
  preferences: [],
  excludes: [],
  ...change,
});

async function pins(asked: CompileRequest, given: Context = context): Promise<readonly string[]> {
  const outcome = await compileRequirements(given, asked);
  if (outcome.kind !== 'resolved') throw new Error(outcome.explanation);
  return outcome.packages.map(({ name, version }) => `${name}==${version}`);
}

describe('the target', () => {
  test.each([
    ['linux/amd64', '3.9.2', 'python_version < "3.10" and platform_machine == "x86_64"'],
    ['linux/arm64', '3.11.2', 'platform_machine == "aarch64" and python_full_version == "3.11.2"'],
    ['linux/amd64', '3.13.5', 'sys_platform == "linux" and implementation_name == "cpython" and os_name == "posix"'],
  ] as const)('%s, Python %s: markers are its own', async (platform, version, marker) => {
    publishWheels(server, [{ name: 'yes' }, { name: 'no' }]);
    const environment = { platform, version, glibc: '2.36' };
    const lines = [`yes ; ${marker}`, 'no ; platform_release != ""'];
    expect(await pins(request(lines, { environment }))).toEqual(['yes==1.0']);
  });

  test('the newest manylinux tag is that of its glibc', async () => {
    publishWheels(server, [
      { name: 'lib', version: '1.0', tags: 'cp311-cp311-manylinux_2_36_x86_64' },
      { name: 'lib', version: '2.0', tags: 'cp311-cp311-manylinux_2_37_x86_64' },
    ]);
    expect(await pins(request(['lib']))).toEqual(['lib==1.0']);
  });

  test('its description is printed by any shell, under a path that depends on the target alone', async () => {
    const environment = { platform: 'linux/arm64', version: '3.11.2', glibc: '2.36' } as const;
    const path = await targetInterpreter(context.store, environment);
    const { stdout } = await promisify(execFile)(path, ['-I', '-c', 'anything'], { env: {} });
    expect(JSON.parse(stdout)).toMatchObject({
      result: 'success',
      arch: 'aarch64',
      os: { name: 'manylinux', major: 2, minor: 36 },
      markers: { python_version: '3.11', platform_release: '' },
    });
    expect(await targetInterpreter(context.store, environment)).toBe(path);
  });
});

test('nothing of the configuration of the host counts', async () => {
  publishWheels(server, [{ name: 'lib' }]);
  const home = join(context.store.root, '..', 'home');
  mkdirSync(join(home, '.config', 'uv'), { recursive: true });
  mkdirSync(join(home, '.config', 'pip'), { recursive: true });
  writeFileSync(join(home, '.config', 'uv', 'uv.toml'), 'no-index = true\noffline = true\n');
  writeFileSync(join(home, '.config', 'pip', 'pip.conf'), '[global]\nindex-url = http://127.0.0.1:1/\n');
  const env = {
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    UV_INDEX_URL: 'http://127.0.0.1:1/',
    UV_OFFLINE: '1',
    UV_CONSTRAINT: '/nowhere',
    PIP_INDEX_URL: 'http://127.0.0.1:1/',
    VIRTUAL_ENV: '/nowhere',
  };
  expect(await pins(request(['lib']), { ...context, env })).toEqual(['lib==1.0']);
});

test('netrc of the user opens a private index', async () => {
  publishWheels(server, [{ name: 'lib' }], { credentials: 'me:s3cret' });
  const netrc = join(context.store.root, '..', 'netrc');
  writeFileSync(netrc, 'machine 127.0.0.1 login me password s3cret\n');
  expect(await pins(request(['lib']), { ...context, env: { NETRC: netrc } })).toEqual(['lib==1.0']);
});

test.each(['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'])('a private certificate authority named by %s', async (name) => {
  const secure = await startHttpServer({ https: true });
  publishWheels(secure, [{ name: 'lib' }]);
  const indexes = { primary: `${secure.url}/simple`, extra: [], findLinks: [] };
  const env = { [name]: join(TLS_DIRECTORY, 'ca.pem') };
  const found = await pins(request(['lib'], { indexes }), { ...context, env }).finally(() => secure.close());
  expect(found).toEqual(['lib==1.0']);
});

test('a mirror is asked, and what is recorded is what it mirrors', async () => {
  publishWheels(server, [{ name: 'lib' }]);
  const env = {
    COGPLAN_MIRRORS: `https://index.test/simple=${server.url}/simple,https://index.test/simple-files=${server.url}/simple-files`,
  };
  const indexes = { primary: 'https://index.test/simple', extra: [], findLinks: [] };
  const outcome = await compileRequirements({ ...context, env }, request(['lib'], { indexes }));
  expect(outcome).toMatchObject({
    packages: [{ files: [{ url: 'https://index.test/simple-files/lib-1.0-py3-none-any.whl' }] }],
  });
});

test('versions before are preferred while they satisfy', async () => {
  publishWheels(
    server,
    ['1.0', '1.5', '2.0'].map((version) => ({ name: 'lib', version })),
  );
  const preferences = [{ name: 'lib', version: '1.5' }];
  expect(await pins(request(['lib'], { preferences }))).toEqual(['lib==1.5']);
  expect(await pins(request(['lib>1.5'], { preferences }))).toEqual(['lib==2.0']);
  expect(await pins(request(['lib'], { constraints: ['lib<1.5'] }))).toEqual(['lib==1.0']);
});

test('excluded names are left out wherever they are asked for', async () => {
  publishWheels(server, [{ name: 'app', metadata: ['Requires-Dist: cog'] }]);
  expect(await pins(request(['app'], { excludes: ['cog'] }))).toEqual(['app==1.0']);
});

test('an abort stops uv', async () => {
  server.answer('/simple/lib/', { delay: 600_000 });
  const signal = AbortSignal.timeout(200);
  await expect(compileRequirements({ ...context, signal }, request(['lib']))).rejects.toMatchObject({
    code: 'COGPLAN_INTERRUPTED',
  });
});

test('a uv that cannot be started is named', async () => {
  await expect(compileRequirements(context, request(['lib'], { uv: '/nowhere/uv' }))).rejects.toMatchObject({
    code: 'COGPLAN_UV_FAILED',
    subject: '/nowhere/uv',
  });
});
