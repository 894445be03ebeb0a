import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { aTarget, aWheel } from '../../../test/builders/lock.ts';
import { requirementLine } from '../../../test/builders/spec.ts';
import { thePinnedUv } from '../../../test/builders/uv.ts';
import { type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import { publishWheels } from '../../../test/servers/package-index.ts';
import type { Context } from '../../context.ts';
import type { Hold, Target } from '../../lock/schema.generated.ts';
import type { Requirements, Spec } from '../../spec/spec.ts';
import type { ResolveInput } from '../families.ts';
import { type Held, NOTHING_HELD } from '../holds.ts';
import { resolvePython } from './resolve.ts';
import { uvTools } from './uv-table.ts';

vi.mock('../../sources/bundled-runtime.ts', () => ({ bundledSdk: () => aWheel('cog', '0.23.1') }));

const environment = { version: '3.11.2', path: '/usr/bin/python3', platform: 'linux/amd64', glibc: '2.36' } as const;
const SERVER = ['httptools', 'orjson', 'uvicorn', 'uvloop'];
let uv: string;
let server: HttpTestServer;
let base: TestContext;
let context: Context;

beforeAll(async () => {
  uv = await thePinnedUv();
});
beforeEach(async () => {
  server = await startHttpServer();
  const mirrors = ['simple', 'simple-files'].map((path) => `https://pypi.org/${path}=${server.url}/${path}`);
  base = await aContext({ COGPLAN_MIRRORS: mirrors.join(',') });
  const { store } = base;
  context = {
    ...base,
    store: {
      ...store,
      derivedDirectory: async (kind, key, build) =>
        kind === 'uv' ? dirname(uv) : store.derivedDirectory(kind, key, build),
    },
  };
  publishWheels(server, [
    { name: 'numpy', version: '1.26.4' },
    { name: 'numpy', version: '2.0.0' },
    ...SERVER.map((name) => ({ name, metadata: name === 'uvicorn' ? ['Requires-Dist: h11>=0.8'] : [] })),
    { name: 'h11', version: '0.16.0' },
  ]);
});
afterEach(async () => {
  await server.close();
  base.dispose();
});

function ask(lines: readonly string[], change: Partial<ResolveInput> & { requirements?: Partial<Requirements> } = {}) {
  const { requirements, ...rest } = change;
  const spec = {
    requirements: {
      requirements: lines.map((text, index) => requirementLine(text, { where: { file: 'r.txt', line: index + 1 } })),
      constraints: [],
      extraIndexUrls: [],
      findLinks: [],
      pre: false,
      noBinary: [],
      onlyBinary: [],
      files: [],
      ...requirements,
    },
  };
  const input: ResolveInput = {
    spec: spec as unknown as Spec,
    platform: 'linux/amd64',
    previous: undefined,
    options: { mode: 'keep', asOf: null },
    ...rest,
  };
  return resolvePython(context, input, environment);
}

test("the model's wheels, the server's, the cog module and uv for every host", async () => {
  const { python, runtime, tools } = await ask(['numpy<2']);
  expect(python).toMatchObject({
    indexes: ['https://pypi.org/simple'],
    packages: [
      {
        name: 'numpy',
        version: '1.26.4',
        file: { url: 'https://pypi.org/simple-files/numpy-1.26.4-py3-none-any.whl' },
        asked: ['r.txt:1: numpy<2'],
      },
    ],
  });
  expect(runtime.sdk.name).toBe('cog');
  expect(runtime.server.map(({ name, asked }) => [name, asked?.[0]])).toEqual([
    ['h11', undefined],
    ...SERVER.map((name) => [name, `cogplan: ${name}`]),
  ]);
  expect(tools.map((tool) => tool.host)).toEqual(['darwin/amd64', 'darwin/arm64', 'linux/amd64', 'linux/arm64']);
});

describe('holds', () => {
  const hold: Hold = { subject: 'python/numpy', reason: 'ABI', since: '2026-01-01' };
  const keptBack: Held = { ...NOTHING_HELD, python: new Map([['numpy', hold]]) };
  const upgrade = { mode: 'upgrade', asOf: null } as const;

  async function locked(): Promise<Target> {
    const target = aTarget();
    return { ...target, interpreter: { ...target.interpreter, version: '3.11.2' }, ...(await ask(['numpy<2'])) };
  }

  test('what is held keeps its file when everything else is upgraded', async () => {
    const previous = await locked();
    const free = await ask(['numpy'], { previous, options: upgrade });
    expect(free.python.packages[0]?.version).toBe('2.0.0');
    const held = await ask(['numpy'], { previous, options: upgrade, held: keptBack });
    expect(held.python.packages[0]?.file).toEqual(previous.python.packages[0]?.file);
  });

  test('a named package is upgraded alone', async () => {
    const previous = await locked();
    const kept = await ask(['numpy'], { previous });
    expect(kept.python.packages[0]?.version).toBe('1.26.4');
    const options = { mode: 'keep', asOf: null, upgradePackages: ['NumPy'] } as const;
    expect((await ask(['numpy'], { previous, options })).python.packages[0]?.version).toBe('2.0.0');
  });

  test('a hold that a requirement rules out is refused with what forces it', async () => {
    const previous = await locked();
    const failure = await ask(['numpy>=2'], { previous, held: keptBack }).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'COGPLAN_HOLD_IMPOSSIBLE',
      subject: 'python/numpy',
      data: { chain: [expect.stringContaining('numpy>=2')] },
    });
  });

  test('a held file that was replaced on its index cannot be held', async () => {
    const previous = await locked();
    publishWheels(server, [{ name: 'numpy', version: '1.26.4', metadata: ['Summary: other bytes'] }]);
    const failure = await ask(['numpy'], { previous, held: keptBack }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'COGPLAN_HOLD_IMPOSSIBLE', subject: 'python/numpy' });
  });
});

test('a project without requirements has a server all the same', async () => {
  const { python, runtime } = await ask([]);
  expect(python.packages).toEqual([]);
  expect(runtime.server).toHaveLength(5);
});

test('a changed requirement moves nothing else, and the server is not looked up again', async () => {
  const first = await ask(['numpy<2']);
  const target = aTarget();
  const previous: Target = { ...target, interpreter: { ...target.interpreter, version: '3.11.2' }, ...first };
  const asked = server.requests.length;
  const second = await ask(['numpy>=1.20'], { previous });
  expect(second.python.packages[0]?.version).toBe('1.26.4');
  expect(second.runtime).toEqual(first.runtime);
  expect(server.requests.slice(asked).filter((request) => /uvicorn|orjson|h11/.test(request.path))).toEqual([]);
  const upgraded = await ask(['numpy>=1.20'], { previous, options: { mode: 'upgrade', asOf: null } });
  expect(upgraded.python.packages[0]?.version).toBe('2.0.0');
});

test('what the model cannot have is the error, whatever the server does', async () => {
  await expect(ask(['numpy>3'])).rejects.toMatchObject({ code: 'COGPLAN_PYTHON_UNSATISFIABLE', where: { line: 1 } });
});

test("the server does not come from the model's indexes", async () => {
  const other = await startHttpServer();
  publishWheels(other, [
    { name: 'numpy', version: '9.0' },
    { name: 'uvicorn', version: '9.0' },
  ]);
  const indexUrl = { value: `${other.url}/simple`, where: { file: 'r.txt', line: 1 } };
  const { python, runtime } = await ask(['numpy'], { requirements: { indexUrl } });
  await other.close();
  expect(python.packages[0]?.version).toBe('9.0');
  expect(runtime.server.find((item) => item.name === 'uvicorn')?.version).toBe('1.0');
});

test('--no-binary is refused by name', async () => {
  await expect(ask(['numpy'], { requirements: { noBinary: ['numpy'] } })).rejects.toMatchObject({
    code: 'COGPLAN_REQUIREMENT_UNSUPPORTED',
    subject: 'numpy',
  });
});

test('the table of uv names one version, by hash and size, for every host', () => {
  expect(existsSync(uv)).toBe(true);
  const tools = uvTools();
  expect(new Set(tools.map((tool) => tool.version)).size).toBe(1);
  for (const { version, file } of tools) {
    expect(file.url).toContain(`/uv-${version}-`);
    expect(file.size).toBeGreaterThan(1_000_000);
  }
});
