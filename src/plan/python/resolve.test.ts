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
import { emptyRequirements } from '../../spec/read-python-file.ts';
import { NO_SETTINGS } from '../../spec/settings.ts';
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
  const mirrors = [
    ...['simple', 'simple-files'].map((path) => `https://pypi.org/${path}=${server.url}/${path}`),
    `https://download.pytorch.org/whl=${server.url}/whl`,
  ];
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

function ask(
  lines: readonly string[],
  change: Partial<Omit<ResolveInput, 'spec'>> & { requirements?: Partial<Requirements>; spec?: Partial<Spec> } = {},
) {
  const { requirements, spec: changed, ...rest } = change;
  const spec = {
    directory: '/project',
    pythonVersion: { value: '3.11', where: { file: 'cog.yaml', line: 2 } },
    gpu: false,
    settings: NO_SETTINGS,
    ...changed,
    requirements: {
      ...emptyRequirements(),
      requirements: lines.map((text, index) => requirementLine(text, { where: { file: 'r.txt', line: index + 1 } })),
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

test('building everything is refused', async () => {
  await expect(ask(['numpy'], { requirements: { noBinary: [':all:'] } })).rejects.toMatchObject({
    code: 'COGPLAN_REQUIREMENT_UNSUPPORTED',
    subject: ':all:',
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

describe('builds of torch', () => {
  const located = (value: string) => ({ value, where: { file: 'cog.yaml', line: 3, key: 'build.cuda' } });
  const gpu = (cuda?: string): Partial<Spec> => ({ gpu: true, ...(cuda === undefined ? {} : { cuda: located(cuda) }) });
  const chosen = (result: Awaited<ReturnType<typeof ask>>) =>
    result.python.packages.map(({ name, version, index }) => [name, version, index]);
  const PYPI = 'https://pypi.org/simple';

  beforeEach(() => {
    publishWheels(server, [
      { name: 'torch', version: '2.3.1', metadata: ['Requires-Dist: nvidia-cuda-runtime-cu12==12.1.105'] },
      {
        name: 'torch',
        version: '2.0.1',
        metadata: ['Requires-Dist: nvidia-cuda-runtime-cu11==11.7.99', 'Requires-Dist: nvidia-cudnn-cu11==8.5.0.96'],
      },
      { name: 'nvidia_cuda_runtime_cu12', version: '12.1.105' },
      { name: 'nvidia_cuda_runtime_cu11', version: '11.7.99' },
      { name: 'nvidia_cudnn_cu11', version: '8.5.0.96' },
      { name: 'accelerate', version: '1.0', metadata: ['Requires-Dist: torch'] },
      { name: 'tensorflow', version: '2.11.0' },
      ...SERVER.map((name) => ({ name })),
    ]);
    const index = (flavour: string, versions: readonly string[]) =>
      publishWheels(
        server,
        versions.map((version) => ({
          name: 'torch',
          version: `${version}+${flavour}`,
          tags: 'cp311-cp311-linux_x86_64',
        })),
        { path: `/whl/${flavour}`, format: 'html' },
      );
    index('cu118', ['2.0.1', '2.3.1']);
    index('cpu', ['2.0.1', '2.3.1']);
  });

  test("cuda: that PyPI's build has: PyPI", async () => {
    const result = await ask(['torch==2.3.1'], { spec: gpu('12.4.1') });
    expect(result.python.packages.map(({ name, version }) => `${name}==${version}`)).toEqual([
      'nvidia-cuda-runtime-cu12==12.1.105',
      'torch==2.3.1',
    ]);
    expect(result.accelerator).toMatchObject({
      cuda: '12.1',
      provider: 'wheels',
      from: { cuda: 'nvidia-cuda-runtime-cu12 12.1.105' },
      why: "cuda: 12.4.1: of the builds of torch 2.3.1, the one for CUDA 12.1 comes nearest, which is PyPI's",
      minimumDriver: '525.60.13',
    });
    expect(result.accelerator?.architectures).toContain('sm_90');
  });

  test("cuda: that only PyTorch's index has: that index, for torch alone", async () => {
    const result = await ask(['torch==2.3.1', 'numpy'], { spec: gpu('11.8') });
    expect(chosen(result)).toEqual([
      ['numpy', '2.0.0', PYPI],
      ['torch', '2.3.1+cu118', 'https://download.pytorch.org/whl/cu118'],
    ]);
    expect(result.python.packages[1]?.file.url).toBe(
      'https://download.pytorch.org/whl/cu118-files/torch-2.3.1+cu118-cp311-cp311-linux_x86_64.whl',
    );
    expect(result.python.indexes).toEqual(['https://download.pytorch.org/whl/cu118', PYPI]);
    expect(result.accelerator).toMatchObject({ cuda: '11.8', from: { cuda: 'torch 2.3.1+cu118' } });
  });

  test('a local version finds its index', async () => {
    const result = await ask(['torch==2.0.1+cu118'], { spec: gpu() });
    expect(chosen(result)).toEqual([['torch', '2.0.1+cu118', 'https://download.pytorch.org/whl/cu118']]);
  });

  test('a local version against cuda: the wheel decides, and that is told', async () => {
    const result = await ask(['torch==2.0.1+cu118'], { spec: gpu('12.1') });
    expect(result.accelerator).toMatchObject({ cuda: '11.8' });
    expect(base.warnings()).toEqual(['COGPLAN_CUDA_CONTRADICTION']);
  });

  test('gpu: true alone: what the wheels bring, with cuDNN', async () => {
    const result = await ask(['torch==2.0.1'], { spec: gpu() });
    expect(result.accelerator).toMatchObject({ cuda: '11.7', cudnn: '8.5', minimumDriver: '450.80.02' });
  });

  test('gpu: false: the build without CUDA, also when something else needs torch', async () => {
    expect(chosen(await ask(['accelerate']))).toEqual([
      ['accelerate', '1.0', PYPI],
      ['torch', '2.3.1+cpu', 'https://download.pytorch.org/whl/cpu'],
    ]);
    expect(base.warnings()).toEqual([]);
  });

  test("gpu: false where PyTorch's index cannot be reached: PyPI's build, told twice", async () => {
    const mirrors = `${context.env.COGPLAN_MIRRORS?.replace(/,[^,]*$/, '')},https://download.pytorch.org/whl=http://127.0.0.1:9/whl`;
    const away = await aContext({ COGPLAN_MIRRORS: mirrors });
    const here = { ...context, env: away.env, http: away.http, host: away.host };
    const spec = {
      gpu: false,
      settings: NO_SETTINGS,
      requirements: {
        ...emptyRequirements(),
        requirements: [requirementLine('torch==2.3.1', { where: { file: 'r.txt', line: 1 } })],
      },
    };
    const input = {
      spec: spec as unknown as Spec,
      platform: 'linux/amd64' as const,
      previous: undefined,
      options: { mode: 'keep', asOf: null } as const,
    };
    const result = await resolvePython(here, input, environment);
    expect(result.python.packages.map(({ version }) => version)).toEqual(['12.1.105', '2.3.1']);
    expect(away.warnings()).toEqual(['COGPLAN_INDEX_UNREACHABLE', 'COGPLAN_CUDA_UNUSED']);
    expect(result.accelerator).toBeNull();
    away.dispose();
  });

  test("an old torch: the newest CUDA of PyTorch's index", async () => {
    publishWheels(server, [{ name: 'torch', version: '1.12.1+cu116', tags: 'cp311-cp311-linux_x86_64' }], {
      path: '/whl/cu116',
      format: 'html',
    });
    publishWheels(server, [{ name: 'torch', version: '1.12.1' }]);
    const result = await ask(['torch==1.12.1'], { spec: gpu() });
    expect(chosen(result)).toEqual([['torch', '1.12.1+cu116', 'https://download.pytorch.org/whl/cu116']]);
    expect(result.accelerator).toMatchObject({ cuda: '11.6', architectures: expect.arrayContaining(['sm_86']) });
    expect(result.accelerator?.why).toContain('without kernels for GPUs since 2020');
    expect(base.warnings()).toEqual([]);
  });

  test("an old torch, none of which fits, where PyTorch's index cannot be reached: why, not the network", async () => {
    const mirrors = `${context.env.COGPLAN_MIRRORS?.replace(/,[^,]*$/, '')},https://download.pytorch.org/whl=http://127.0.0.1:9/whl`;
    const away = await aContext({ COGPLAN_MIRRORS: mirrors });
    publishWheels(server, [{ name: 'torch', version: '1.8.1', tags: 'cp39-cp39-manylinux1_x86_64' }]);
    context = { ...context, env: away.env, http: away.http, host: away.host };
    const system = () => Promise.reject(new Error('no system is needed'));
    await expect(ask(['torch==1.8.1'], { spec: gpu(), system })).rejects.toMatchObject({
      code: expect.stringMatching(/COGPLAN_(?:NO_WHEEL|PYTHON_UNSATISFIABLE)/),
    });
    expect(away.warnings()).toContain('COGPLAN_INDEX_UNREACHABLE');
    away.dispose();
  });

  test('JAX: CUDA of its plugin, whatever cuda: says, and of the page of its own', async () => {
    publishWheels(server, [
      {
        name: 'jax',
        version: '0.4.30',
        metadata: [
          'Provides-Extra: cuda12',
          "Requires-Dist: jax-cuda12-plugin==0.4.30; extra == 'cuda12'",
          'Requires-Dist: jaxlib',
        ],
      },
      { name: 'jaxlib', version: '0.4.30' },
      {
        name: 'jax_cuda12_plugin',
        version: '0.4.30',
        metadata: ['Requires-Dist: nvidia-cuda-runtime-cu12', 'Requires-Dist: nvidia-cudnn-cu12'],
      },
      { name: 'nvidia_cudnn_cu12', version: '9.1.0.70' },
    ]);
    const with12 = await ask(['jax[cuda12]==0.4.30'], { spec: { ...gpu('11.8'), cudnn: located('8') } });
    expect(with12.accelerator).toMatchObject({ cuda: '12.1', cudnn: '9.1', architectures: ['sm_52'], ptx: true });
    expect(base.warnings()).toEqual(['COGPLAN_CUDA_CONTRADICTION', 'COGPLAN_CUDA_CONTRADICTION']);

    const without = await ask(['jax==0.4.30'], { spec: gpu() });
    expect(without.accelerator?.cuda).toBeUndefined();
    expect(base.warnings().at(-1)).toBe('COGPLAN_CUDA_MISSING');
    expect(JSON.stringify(base.events)).toContain('ask for jax[cuda12]==0.4.30');
  });

  test('torchvision for another torch is told before anything is asked', async () => {
    const asked = server.requests.length;
    await expect(ask(['torch==2.3.1', 'torchvision==0.15.2'], { spec: gpu('11.8') })).rejects.toMatchObject({
      code: 'COGPLAN_PYTHON_UNSATISFIABLE',
    });
    expect(base.warnings()[0]).toBe('COGPLAN_TORCH_FAMILY');
    expect(JSON.stringify(base.events)).toContain(
      'torchvision==0.15.2 is built for torch 2.0.1, but r.txt:1: torch==2.3.1 asks for torch 2.3.1, whose torchvision is 0.18.1',
    );
    expect(server.requests.length).toBeGreaterThan(asked);
  });

  test("tensorflow's wheels bring no CUDA: that is told, with what does", async () => {
    const result = await ask(['tensorflow==2.11.0'], { spec: gpu('11.2') });
    expect(result.accelerator).toMatchObject({ provider: 'wheels' });
    expect(base.warnings()).toEqual(['COGPLAN_CUDA_MISSING']);
    expect(JSON.stringify(base.events)).toContain('nvidia/cuda:11.2.2-cudnn8-devel-ubuntu20.04');
  });
});

describe('indexes of the settings', () => {
  test('give their packages, with credentials of the environment, and leave no trace of them', async () => {
    publishWheels(server, [{ name: 'acme_core', version: '1.0' }], { path: '/own', credentials: 'me:s3cret' });
    publishWheels(server, [
      { name: 'acme_core', version: '9.0' },
      { name: 'numpy', version: '2.0.0' },
      ...SERVER.map((name) => ({ name })),
    ]);
    const settings = {
      ...NO_SETTINGS,
      values: { indexes: [{ name: 'acme', url: `${server.url}/own`, packages: ['acme-*'] }] },
    };
    context = {
      ...context,
      env: { ...context.env, COGPLAN_INDEX_ACME_USERNAME: 'me', COGPLAN_INDEX_ACME_PASSWORD: 's3cret' },
    };
    const result = await ask(['Acme_Core', 'numpy'], { spec: { settings } });
    expect(result.python.packages.map(({ name, version, index }) => [name, version, index])).toEqual([
      ['acme-core', '1.0', `${server.url}/own`],
      ['numpy', '2.0.0', 'https://pypi.org/simple'],
    ]);
    expect(JSON.stringify([result, base.events])).not.toMatch(/s3cret|bWU6czNjcmV0/);
  });
});
