import { expect, test } from 'vitest';
import { isTorchIndex, routeOf } from './routes.ts';

const PYPI = 'https://pypi.org/simple';
const CU118 = 'https://download.pytorch.org/whl/cu118';
const OWN = 'https://pypi.example/simple';

test.each<[string, Parameters<typeof routeOf>[0], string, readonly string[]]>([
  ['one index', { primary: PYPI, extra: [], findLinks: [] }, 'numpy', [PYPI]],
  ['an extra index goes first', { primary: PYPI, extra: [OWN], findLinks: [] }, 'numpy', [OWN, PYPI]],
  ["PyTorch's goes first for its own family", { primary: PYPI, extra: [CU118], findLinks: [] }, 'torch', [CU118, PYPI]],
  ['and last for all else', { primary: PYPI, extra: [CU118, OWN], findLinks: [] }, 'numpy', [OWN, PYPI, CU118]],
  [
    'a rule names the only index',
    { primary: PYPI, extra: [OWN], findLinks: [], rules: [{ url: CU118, packages: ['torch'], only: true }] },
    'torch',
    [CU118],
  ],
  [
    'a rule with a pattern',
    { primary: PYPI, extra: [], findLinks: [], rules: [{ url: OWN, packages: ['acme-*'], only: true }] },
    'acme-tools',
    [OWN],
  ],
  [
    'a name goes before a pattern',
    {
      primary: PYPI,
      extra: [],
      findLinks: [],
      rules: [
        { url: OWN, packages: ['acme-*'], only: true },
        { url: CU118, packages: ['acme-tools'], only: true },
      ],
    },
    'acme-tools',
    [CU118],
  ],
  [
    'a pattern is no part of a name',
    { primary: PYPI, extra: [], findLinks: [], rules: [{ url: OWN, packages: ['acme-*'], only: true }] },
    'not-acme-tools',
    [PYPI],
  ],
])('%s', (_, sources, name, indexes) => {
  expect(routeOf(sources, name).indexes).toEqual(indexes);
});

test.each([
  [CU118, true],
  ['https://download.pytorch.org/whl/nightly/cu128', true],
  ['http://127.0.0.1:8080/mirror/whl/cpu/', true],
  [PYPI, false],
  ['https://wheels.example/whl/', false],
])('is %s an index of PyTorch builds: %s', (url, is) => {
  expect(isTorchIndex(url)).toBe(is);
});
