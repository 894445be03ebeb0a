import { expect, test } from 'vitest';
import type { PythonPackage } from '../../lock/schema.generated.ts';
import { type AcceleratorInput, describeAccelerator } from './describe.ts';
import { acceleratorTable } from './table.ts';

const table = acceleratorTable();

function packages(...names: readonly string[]): readonly PythonPackage[] {
  return names.map((text) => {
    const [name = '', version = ''] = text.split('==');
    return { name, version } as unknown as PythonPackage;
  });
}

function describe(names: readonly string[], change: Partial<AcceleratorInput> = {}) {
  return describeAccelerator({
    gpu: true,
    packages: packages(...names),
    platform: 'linux/amd64',
    why: 'why',
    asked: { cuda: undefined, cudnn: undefined },
    explained: false,
    cudaBelow: false,
    table,
    ...change,
  });
}

const CU12 = ['nvidia-cuda-runtime-cu12==12.1.105', 'nvidia-cudnn-cu12==8.9.2.26'];

test.each<[string, readonly string[], string, Record<string, unknown>]>([
  [
    "PyPI's torch",
    ['torch==2.3.1', ...CU12],
    'linux/amd64',
    { cuda: '12.1', cudnn: '8.9', minimumDriver: '525.60.13', from: { cuda: CU12[0]?.replace('==', ' ') } },
  ],
  ['an old torch that holds its own CUDA', ['torch==1.8.1'], 'linux/amd64', { cuda: '10.2', minimumDriver: '440.33' }],
  ['a CUDA before 11 has a driver of its own', ['torch==1.6.0+cu101'], 'linux/amd64', { minimumDriver: '418.39' }],
  [
    'the kernels of that torch, not of a later one for the same CUDA',
    ['torch==2.7.1+cu128'],
    'linux/amd64',
    { architectures: ['sm_75', 'sm_80', 'sm_86', 'sm_90', 'sm_100', 'sm_120'], ptx: true },
  ],
  [
    'Volta is back in the next',
    ['torch==2.8.0+cu128'],
    'linux/amd64',
    { architectures: ['sm_70', 'sm_75', 'sm_80', 'sm_86', 'sm_90', 'sm_100', 'sm_120'] },
  ],
  [
    "arm64 has other kernels, and PyPI's build has CUDA",
    ['torch==2.11.0', 'cuda-toolkit==13.0.2', 'nvidia-cudnn-cu13==9.19.0.56'],
    'linux/arm64',
    { cuda: '13.0', cudnn: '9.19', architectures: ['sm_80', 'sm_90', 'sm_100', 'sm_110', 'sm_120'] },
  ],
  [
    'tensorflow[and-cuda]',
    ['tensorflow==2.16.1', 'nvidia-cuda-runtime-cu12==12.3.101', 'nvidia-cudnn-cu12==8.9.7.29'],
    'linux/amd64',
    { cuda: '12.3', cudnn: '8.9', architectures: ['sm_50', 'sm_60', 'sm_70', 'sm_80', 'sm_90'], ptx: true },
  ],
  [
    'jax[cuda12]',
    ['jax==0.4.30', 'jaxlib==0.4.30', 'jax-cuda12-plugin==0.4.30', 'nvidia-cuda-runtime-cu12==12.5.39'],
    'linux/amd64',
    { cuda: '12.5', architectures: ['sm_52'], ptx: true },
  ],
  [
    'a jaxlib with its CUDA in its version',
    ['jax==0.4.7', 'jaxlib==0.4.7+cuda11.cudnn86'],
    'linux/amd64',
    { cuda: '11', cudnn: '8.6', minimumDriver: '450.80.02', ptx: true, from: { cuda: 'jaxlib 0.4.7+cuda11.cudnn86' } },
  ],
  ['an older one', ['jax==0.2.17', 'jaxlib==0.1.68+cuda111'], 'linux/amd64', { cuda: '11.1', ptx: true }],
])('%s', (_, names, platform, expected) => {
  const { accelerator, notices } = describe(names, { platform });
  expect(accelerator).toMatchObject({ ...expected, table: { date: table.date, sha256: table.digest } });
  if (!('ptx' in expected)) expect(accelerator?.ptx).toBeUndefined();
  expect(notices).toEqual([]);
});

test.each<[string, readonly string[], Partial<AcceleratorInput>, RegExp]>([
  ['tensorflow', ['tensorflow==2.15.0'], {}, /needs CUDA 12\.2 and cuDNN 8\.9.*tensorflow\[and-cuda\]==2\.15\.0/],
  ['tensorflow before it could', ['tensorflow==2.11.1'], {}, /"base: nvidia\/cuda:11\.2\.2-cudnn8-devel-ubuntu20\.04"/],
  ['jax', ['jax==0.4.30', 'jaxlib==0.4.30'], {}, /ask for jax\[cuda12\]==0\.4\.30/],
  [
    'jax, whose builds lie beside PyPI',
    ['jax==0.4.14', 'jaxlib==0.4.14'],
    {},
    /jax\[cuda11_pip\]==0\.4\.14 with --find-links https:\/\/storage\.googleapis\.com\/jax-releases\/jax_cuda_releases\.html/,
  ],
  ['jax 0.3', ['jax==0.3.25', 'jaxlib==0.3.25'], {}, /jax\[cuda11_cudnn\d+\]==0\.3\.25 with --find-links/],
  ['a jax that the data does not know yet', ['jax==0.99.0', 'jaxlib==0.99.0'], {}, /jax\[cuda12\]==0\.99\.0/],
  ['torch for the CPU', ['torch==2.1.0+cpu'], {}, /torch 2\.1\.0\+cpu is a build without CUDA/],
  ['torch for arm64', ['torch==2.9.1'], { platform: 'linux/arm64' }, /for linux\/arm64 is a build without CUDA/],
  ['onnxruntime', ['onnxruntime-gpu==1.19.0'], {}, /needs CUDA, which no wheel brings.*nvidia-cudnn-cu12/],
  ['onnxruntime before', ['onnxruntime-gpu==1.15.1'], {}, /needs CUDA, which no wheel brings.*nvidia-cudnn-cu11/],
  ['cupy', ['cupy-cuda11x==13.0.0'], {}, /nvidia-cuda-runtime-cu11/],
])('%s without CUDA is told', (_, names, change, text) => {
  const { accelerator, notices } = describe(names, change);
  expect(accelerator).toEqual({ provider: 'wheels', why: 'why' });
  expect(notices).toEqual([{ code: 'COGPLAN_CUDA_MISSING', text: expect.stringMatching(text) }]);
  expect(describe(names, { ...change, cudaBelow: true }).notices).toEqual([]);
});

test('a model that asks for a GPU and needs no package for it is left alone', () => {
  expect(describe(['numpy==2.0.0'])).toEqual({ accelerator: { provider: 'wheels', why: 'why' }, notices: [] });
});

test.each<[string, { cuda?: string; cudnn?: string }, readonly string[]]>([
  ['what is asked for is there', { cuda: '12.1', cudnn: '8' }, []],
  ['a later one within the major version', { cuda: '12.0.1', cudnn: '8.7' }, []],
  [
    'another major version',
    { cuda: '11.8' },
    ['cuda: 11.8 is asked for, but nvidia-cuda-runtime-cu12 12.1.105 brings CUDA 12.1, which is taken'],
  ],
  [
    'a later minor version',
    { cuda: '12.4' },
    ['cuda: 12.4 is asked for, but nvidia-cuda-runtime-cu12 12.1.105 brings CUDA 12.1, which is taken'],
  ],
  [
    'another cuDNN',
    { cudnn: '9' },
    ['cudnn: 9 is asked for, but nvidia-cudnn-cu12 8.9.2.26 brings cuDNN 8.9, which is taken'],
  ],
])('%s', (_, { cuda, cudnn }, texts) => {
  const { notices } = describe(['tensorflow==2.15.0', ...CU12], { asked: { cuda, cudnn } });
  expect(notices.map(({ text }) => text)).toEqual(texts);
});

test('what was explained already is not told again', () => {
  const asked = { cuda: '12.4', cudnn: undefined };
  expect(describe(['torch==2.3.1', ...CU12], { asked, explained: true }).notices).toEqual([]);
});

test('no GPU: nothing is recorded, and CUDA that comes all the same is told', () => {
  expect(describe(['torch==2.3.1', ...CU12], { gpu: false })).toEqual({
    accelerator: null,
    notices: [{ code: 'COGPLAN_CUDA_UNUSED', text: expect.stringContaining('12.1') }],
  });
  expect(describe(['torch==2.3.1+cpu'], { gpu: false })).toEqual({ accelerator: null, notices: [] });
});
