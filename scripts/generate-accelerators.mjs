#!/usr/bin/env node
/*
 * Writes src/plan/tables/accelerators.json: which builds of torch, TensorFlow and JAX there are for which CUDA.
 *
 *   node scripts/generate-accelerators.mjs DIRECTORY [DATE]
 *
 * DIRECTORY holds `torch-cuda.json`, `tensorflow-cuda.json` and `cuda-images.json`, rows as Cog's compatibility tables have them. What PyPI's own builds of torch and the extras
 * of JAX need is read from their metadata on PyPI. DATE is the day the data is of; default: today.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [directory, date = new Date().toISOString().slice(0, 10)] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: node scripts/generate-accelerators.mjs DIRECTORY [DATE]');
const read = (name) => JSON.parse(readFileSync(join(directory, name), 'utf8'));

/** Builds older than the rows: https://pytorch.org/get-started/previous-versions/ and the table in torchvision's README. */
const OLD_TORCH = {
  '1.5.0': ['0.6.0', null, []],
  '1.5.1': ['0.6.1', null, []],
  '1.6.0': ['0.7.0', '0.6.0', ['10.1']],
  '1.7.0': ['0.8.1', '0.7.0', ['10.1', '11.0']],
  '1.7.1': ['0.8.2', '0.7.2', ['10.1', '11.0']],
  '1.8.0': ['0.9.0', '0.8.0', ['10.1', '11.1']],
  '1.8.1': ['0.9.1', '0.8.1', ['10.1', '11.1']],
  '1.9.0': ['0.10.0', '0.9.0', ['11.1']],
  '1.9.1': ['0.10.1', '0.9.1', ['11.1']],
  '1.10.0': ['0.11.1', '0.10.0', ['11.1', '11.3']],
  '1.10.1': ['0.11.2', '0.10.1', ['11.1', '11.3']],
  '1.10.2': ['0.11.3', '0.10.2', ['11.1', '11.3']],
};
/** PyPI's builds before torch asked for NVIDIA's wheels hold their CUDA themselves. */
const BUNDLED_CUDA = { from: '1.5.0', before: '1.13.0', cuda: '10.2' };

/** CUDA of PyPI's builds by first version, for those whose metadata does not lie beside the wheel. https://github.com/pytorch/pytorch/releases */
const PYPI_CUDA = [
  ['2.11.0', '13.0'],
  ['2.8.0', '12.8'],
  ['2.7.0', '12.6'],
  ['2.5.0', '12.4'],
  ['2.1.0', '12.1'],
  ['1.13.0', '11.7'],
];

/** GPU architectures of PyTorch's builds by CUDA: TORCH_CUDA_ARCH_LIST of its build scripts (manywheel/build_cuda.sh). */
const ARCHITECTURES = {
  11.6: { architectures: ['sm_37', 'sm_50', 'sm_60', 'sm_70', 'sm_75', 'sm_80', 'sm_86'] },
  11.7: { architectures: ['sm_37', 'sm_50', 'sm_60', 'sm_70', 'sm_75', 'sm_80', 'sm_86'] },
  11.8: { architectures: ['sm_37', 'sm_50', 'sm_60', 'sm_70', 'sm_75', 'sm_80', 'sm_86', 'sm_90'] },
  12.1: { architectures: ['sm_50', 'sm_60', 'sm_70', 'sm_75', 'sm_80', 'sm_86', 'sm_90'] },
  12.4: { architectures: ['sm_50', 'sm_60', 'sm_70', 'sm_75', 'sm_80', 'sm_86', 'sm_90'] },
  12.6: { architectures: ['sm_50', 'sm_60', 'sm_70', 'sm_75', 'sm_80', 'sm_86', 'sm_90'] },
  12.8: { architectures: ['sm_70', 'sm_75', 'sm_80', 'sm_86', 'sm_90', 'sm_100', 'sm_120'] },
  12.9: { architectures: ['sm_70', 'sm_75', 'sm_80', 'sm_86', 'sm_90', 'sm_100', 'sm_120'], ptx: true },
};

/** Least driver by CUDA major version: https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/, minor version compatibility. */
const DRIVERS = { 10: '440.33', 11: '450.80.02', 12: '525.60.13', 13: '580.65.06' };

const pages = new Map();
const table = {
  date,
  torch: await torchRows(),
  tensorflow: read('tensorflow-cuda.json')
    .map(({ tensorflow, cuda, cudnn, pythons }) => ({ version: tensorflow, cuda, cudnn, pythons }))
    .sort(byVersion),
  jax: await jaxRows(),
  images: imageRows(),
  cuda: Object.fromEntries(Object.entries(ARCHITECTURES).sort(([a], [b]) => compare(a, b))),
  drivers: DRIVERS,
};
writeFileSync(new URL('../src/plan/tables/accelerators.json', import.meta.url), render(table));

async function torchRows() {
  const rows = new Map();
  const rowOf = (version) => {
    if (!rows.has(version))
      rows.set(version, { version, torchvision: null, torchaudio: null, pypi: null, cuda: [], pythons: [] });
    return rows.get(version);
  };
  for (const [version, [torchvision, torchaudio, cuda]] of Object.entries(OLD_TORCH))
    Object.assign(rowOf(version), { torchvision, torchaudio, cuda });
  for (const item of read('torch-cuda.json')) {
    const row = rowOf(plain(item.torch));
    row.torchvision = plain(item.torchvision);
    row.torchaudio = plain(item.torchaudio);
    row.pythons = item.pythons;
    if (item.cuda !== null && item.index !== null && !row.cuda.includes(item.cuda)) row.cuda.push(item.cuda);
  }
  for (const version of await releases('torch')) {
    if (compare(version, '1.5.0') < 0) continue;
    const row = rowOf(version);
    if (compare(version, BUNDLED_CUDA.before) < 0) row.pypi = BUNDLED_CUDA.cuda;
    else
      row.pypi =
        cudaOf(await fields('torch', version, 'Requires-Dist')) ??
        PYPI_CUDA.find(([from]) => compare(version, from) >= 0)?.[1] ??
        null;
  }
  for (const row of rows.values()) row.cuda.sort(compare);
  return [...rows.values()].sort(byVersion);
}

async function jaxRows() {
  const newest = new Map();
  for (const version of (await releases('jax')).filter((item) => compare(item, '0.4.0') >= 0))
    newest.set(
      version.split('.').slice(0, 2).join('.') === '0.4' ? version : version.split('.').slice(0, 2).join('.'),
      version,
    );
  const rows = [];
  const wanted = [...newest.values()].filter(
    (version) => !version.startsWith('0.4.') || Number(version.split('.')[2]) % 5 === 0,
  );
  for (const version of wanted) {
    const extras = (await fields('jax', version, 'Provides-Extra')).filter((name) =>
      /^cuda1\d(?:[-_]pip)?$/.test(name),
    );
    if (extras.length > 0) rows.push({ version, cuda: [...new Set(extras.map((name) => name.slice(4, 6)))].sort() });
  }
  return rows.sort(byVersion);
}

/** The newest of NVIDIA's images by CUDA and cuDNN, on the newest Ubuntu. */
function imageRows() {
  const rows = new Map();
  const images = read('cuda-images.json').sort((a, b) => compare(a.cuda, b.cuda) || compare(a.ubuntu, b.ubuntu));
  for (const { tag, cuda, cudnn } of images) rows.set(cuda.split('.').slice(0, 2).join('.'), { cuda, cudnn, tag });
  return [...rows.values()].sort((a, b) => compare(a.cuda, b.cuda));
}

function cudaOf(requires) {
  const runtime = requires
    .map((line) => /^(?:nvidia-cuda-runtime(?:-cu\d+)?|cuda-toolkit(?:\[[^\]]*\])?)\s*\(?==\s*([\d.]+)/.exec(line)?.[1])
    .find(Boolean);
  return runtime === undefined ? null : runtime.split('.').slice(0, 2).join('.');
}

async function releases(name) {
  return [...(await wheels(name)).keys()].filter((version) => /^\d+(?:\.\d+)+$/.test(version)).sort(compare);
}

/** Values of a header of the metadata of one wheel for Linux. */
async function fields(name, version, header) {
  const response = await fetch(`${(await wheels(name)).get(version)}.metadata`);
  if (!response.ok) return [];
  const lines = (await response.text()).split(/\r?\n/);
  return lines
    .slice(0, lines.indexOf(''))
    .flatMap((line) => (line.startsWith(`${header}: `) ? [line.slice(header.length + 2)] : []));
}

async function wheels(name) {
  const known = pages.get(name);
  if (known !== undefined) return known;
  const response = await get(`https://pypi.org/simple/${name}/`, { accept: 'application/vnd.pypi.simple.v1+json' });
  const found = new Map();
  for (const { filename, url } of (await response.json()).files)
    if (/(?:linux.*_x86_64|-none-any)\.whl$/.test(filename)) found.set(filename.split('-')[1], url);
  pages.set(name, found);
  return found;
}

async function get(url, headers = {}) {
  const response = await fetch(url, { headers });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  return response;
}

function plain(version) {
  return version.replace(/\+.*/, '');
}

function byVersion(a, b) {
  return compare(a.version, b.version);
}

function compare(a, b) {
  const [left, right] = [a, b].map((text) => text.split('.').map(Number));
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** One row per line, so that an update shows what it changes. */
function render({ date: day, torch, tensorflow, jax, images, cuda, drivers }) {
  const rows = (items) => `[\n${items.map((item) => `    ${JSON.stringify(item)}`).join(',\n')}\n  ]`;
  const pairs = (items) =>
    `{\n${Object.entries(items)
      .map(([key, item]) => `    ${JSON.stringify(key)}: ${JSON.stringify(item)}`)
      .join(',\n')}\n  }`;
  return `{\n  "date": ${JSON.stringify(day)},\n  "torch": ${rows(torch)},\n  "tensorflow": ${rows(tensorflow)},\n  "jax": ${rows(jax)},\n  "images": ${rows(images)},\n  "cuda": ${pairs(cuda)},\n  "drivers": ${pairs(drivers)}\n}\n`;
}
