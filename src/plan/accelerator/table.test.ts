import { expect, test } from 'vitest';
import { buildsFor } from './builds-for.ts';
import { acceleratorTable, compareNumbers, leastDriver, torchKernels } from './table.ts';
import { acceleratorShape } from './table-shape.ts';

const table = acceleratorTable();

test('the file has its shape, and nothing else', () => {
  const { digest, ...data } = table;
  expect(acceleratorShape.parse(data)).toEqual(data);
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
});

test('every row says what it was read from', () => {
  const rows = [...table.torch, ...table.tensorflow, ...table.jax, ...table.kernels];
  for (const row of rows) {
    expect(row.from.length, JSON.stringify(row)).toBeGreaterThan(0);
    for (const source of row.from) expect(table.sources).toHaveProperty(source);
  }
});

test.each([['torch'], ['tensorflow'], ['jax']] as const)('rows of %s are in order, one for each version', (name) => {
  const versions = table[name].map(({ version }) => version);
  expect(versions).toEqual([...new Set(versions)].sort(compareNumbers));
});

test('for every CUDA that a torch is built for, kernels and a driver are known', () => {
  const unknown = table.torch.flatMap(({ version, pypi, arm64, cuda }) => {
    const builds = [
      ...[...cuda, pypi].map((item) => ({ cuda: item, platform: 'linux/amd64' })),
      { cuda: arm64, platform: 'linux/arm64' },
    ];
    return builds.flatMap((build) => {
      if (build.cuda === null || compareNumbers(version, '1.6.0') < 0 || build.cuda === '9.2') return [];
      const isKnown = torchKernels(table, { version, cuda: build.cuda, platform: build.platform }) !== undefined;
      return isKnown && leastDriver(table, build.cuda) !== undefined
        ? []
        : [`${version} ${build.cuda} ${build.platform}`];
    });
  });
  expect(unknown).toEqual([]);
});

test('extras of JAX name a page where PyPI has not what they need', () => {
  const old = table.jax.find(({ version }) => version === '0.4.25')?.builds;
  expect(old?.find(({ extra }) => extra === 'cuda11_pip')).toEqual({
    extra: 'cuda11_pip',
    cuda: '11',
    cudnn: '8.6',
    page: 'cuda',
  });
  expect(old?.find(({ extra }) => extra === 'cuda12')).toEqual({ extra: 'cuda12', cuda: '12', cudnn: '8.9' });
  expect(table.jax.at(-1)?.builds.map(({ extra }) => extra)).toEqual(expect.arrayContaining(['cuda12', 'cuda13']));
});

test.each([
  ['sm_120', 'linux/amd64', /^torch 2\.7\.0 was the first with kernels for sm_120, in its build for CUDA 12\.8$/],
  ['sm_61', 'linux/amd64', /^torch 2\.\d+\.0 was the last line with kernels for sm_61/],
  ['sm_37', 'linux/amd64', /^torch 2\.0\.0 was the last line/],
  ['sm_30', 'linux/amd64', /^undefined$/],
  ['sm_110', 'linux/arm64', /was the first with kernels for sm_110/],
])('a build for %s on %s', (gpu, platform, text) => {
  expect(String(buildsFor(table, gpu, platform))).toMatch(text);
});
