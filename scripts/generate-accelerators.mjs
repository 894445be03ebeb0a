#!/usr/bin/env node
/*
 * Writes src/plan/tables/accelerators.json: which builds of torch, TensorFlow and JAX there are for which CUDA, and what each row was read from.
 *
 *   node scripts/generate-accelerators.mjs [--cog DIRECTORY] [--date DATE] [--again]
 *
 * What releases need, and which kernels torch has, is read from the wheels on PyPI (directory and single members only). Rows that the table has are kept: a run asks for new
 * releases only, `--again` for all. What PyPI does not tell stands in accelerator-sources.mjs. `--cog` is a folder with `torch-cuda.json`, `tensorflow-cuda.json` and
 * `cuda-images.json`, rows as Cog's compatibility tables have them; without it those of the table stay. DATE is the day the data is of; default: today.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DRIVERS, JAX_LEAST_GPU, JAX_PAGES, KERNELS, SOURCES, TENSORFLOW, TORCH } from './accelerator-sources.mjs';
import { get, sourceMembers, wheelMembers } from './remote-archive.mjs';

const { values: options } = parseArgs({
  options: { cog: { type: 'string' }, date: { type: 'string' }, again: { type: 'boolean', default: false } },
});
const file = new URL('../src/plan/tables/accelerators.json', import.meta.url);
const before = options.again ? undefined : JSON.parse(readFileSync(file, 'utf8'));
const cog = (name) => (options.cog === undefined ? [] : JSON.parse(readFileSync(join(options.cog, name), 'utf8')));
const pages = new Map();

const torch = await torchRows();
const table = {
  date: options.date ?? new Date().toISOString().slice(0, 10),
  sources: SOURCES,
  torch,
  tensorflow: await tensorflowRows(),
  jax: await jaxRows(),
  images: options.cog === undefined ? (before?.images ?? []) : imageRows(),
  kernels: await kernelRows(torch),
  jaxLeastGpu: JAX_LEAST_GPU,
  jaxPages: JAX_PAGES,
  drivers: DRIVERS,
};
writeFileSync(file, render(table));

async function torchRows() {
  const kin = { torchvision: await kinOf('torchvision'), torchaudio: await kinOf('torchaudio') };
  const rows = [];
  for (const [version, { amd64, arm64, pythons }] of await releases('torch', '1.4.0')) {
    const written = TORCH.find((row) => row.version === version);
    const listed = cog('torch-cuda.json').filter((row) => plain(row.torch) === version);
    const known = before?.torch.find((row) => row.version === version);
    const read = known?.from?.includes('wheel') ? known : await readTorch(version, amd64, arm64);
    const cuda = listed.flatMap((row) => (row.cuda === null || row.index === null ? [] : [row.cuda]));
    const companion = (name) =>
      kin[name].get(version) ?? written?.[name] ?? (plain(listed[0]?.[name] ?? '') || known?.[name]) ?? null;
    rows.push({
      version,
      torchvision: companion('torchvision'),
      torchaudio: companion('torchaudio'),
      pypi: read.pypi,
      arm64: read.arm64,
      cudnn: read.cudnn,
      cuda: distinct([
        ...cuda,
        ...(written?.cuda ?? []),
        ...(options.cog === undefined ? (known?.cuda ?? []) : []),
      ]).sort(compare),
      pythons,
      from: distinct([
        'wheel',
        ...(cuda.length > 0 || (options.cog === undefined && known?.from?.includes('cog')) ? ['cog'] : []),
        ...(written?.from ?? []),
      ]),
    });
  }
  return rows;
}

async function readTorch(version, amd64, arm64) {
  const ours = await metadata('torch', version, amd64, (name) => name === 'torch/version.py');
  const theirs = arm64 === undefined ? undefined : await wheelMembers(arm64, (name) => name === 'torch/version.py');
  const cudaOf = (members) => {
    const found = /^cuda\b.*?= *'(\d+\.\d+)/m.exec(members?.get('torch/version.py')?.toString('utf8') ?? '')?.[1];
    return found ?? null;
  };
  return { pypi: cudaOf(ours.members), arm64: cudaOf(theirs), cudnn: cudnnOf(ours.requires) };
}

/** torch -> the newest companion that asks for exactly it. */
async function kinOf(name) {
  const found = new Map();
  for (const [version, { amd64 }] of await releases(name, '0.5.0')) {
    const known = before?.torch.find((row) => row[name] === version);
    const torchVersion =
      known?.version ??
      (await metadata(name, version, amd64)).requires
        .map((line) => /^torch\s*\(?==\s*([\d.]+)/.exec(line)?.[1])
        .find(Boolean);
    if (torchVersion !== undefined) found.set(torchVersion, version);
  }
  return found;
}

/** Kernels of PyPI's builds, by the first release of each line and CUDA; the other builds as their scripts have them. */
async function kernelRows(rows) {
  const found = [];
  for (const row of rows) {
    for (const platform of ['linux/amd64', 'linux/arm64']) {
      const cuda = platform === 'linux/amd64' ? row.pypi : row.arm64;
      const line = minor(row.version);
      const isSame = (item) =>
        item.cuda === cuda && (item.platform ?? 'linux/amd64') === platform && minor(item.torch) === line;
      if (cuda === null || compare(row.version, '1.6.0') < 0 || found.some(isSame)) continue;
      const known = before?.kernels?.find((item) => isSame(item) && item.from.includes('wheel'));
      found.push(known ?? (await readKernels(row.version, cuda, platform)));
    }
  }
  const all = [...found, ...KERNELS.filter((item) => !found.some((other) => sameBuild(other, item)))];
  return all.sort(
    (a, b) =>
      compare(a.torch, b.torch) || compare(a.cuda, b.cuda) || (a.platform ?? '').localeCompare(b.platform ?? ''),
  );
}

function sameBuild(a, b) {
  return a.torch === b.torch && a.cuda === b.cuda && a.platform === b.platform;
}

async function readKernels(version, cuda, platform) {
  const release = (await releases('torch', version)).get(version);
  const wheel = platform === 'linux/amd64' ? release.amd64 : release.arm64;
  const [library] = (await wheelMembers(wheel, (name) => name === 'torch/lib/libtorch_python.so')).values();
  const lists =
    library?.toString('latin1').match(/(?:sm|compute)_\d{2,3}[af]?(?: (?:sm|compute)_\d{2,3}[af]?)+/g) ?? [];
  const [list] = lists.sort((a, b) => b.length - a.length);
  if (list === undefined) throw new Error(`no list of kernels in torch ${version}`);
  const names = list.split(' ');
  return {
    torch: version,
    cuda,
    ...(platform === 'linux/amd64' ? {} : { platform }),
    architectures: distinct(names.filter((name) => name.startsWith('sm_'))),
    ...(names.some((name) => name.startsWith('compute_')) ? { ptx: true } : {}),
    from: ['wheel'],
  };
}

async function tensorflowRows() {
  const rows = [];
  const built = new Map();
  for (const [version, { amd64, pythons }] of await releases('tensorflow', '1.13.1')) {
    const known = before?.tensorflow.find((row) => row.version === version);
    const line = minor(version);
    const mate = rows.find((row) => minor(row.version) === line && row.architectures !== undefined);
    if (known?.from.includes('wheel') || known?.from.includes('tensorflow')) {
      rows.push({ ...known, pythons });
      continue;
    }
    if (!built.has(line))
      built.set(line, mate ?? (compare(version, '2.1.0') < 0 ? {} : await readTensorflow(version, amd64)));
    const { cuda, cudnn, architectures, ptx } = built.get(line);
    const written = TENSORFLOW.findLast((row) => compare(version, row.version) >= 0);
    rows.push({
      version,
      cuda: cuda ?? written.cuda,
      cudnn: cudnn ?? written.cudnn,
      pythons,
      ...(architectures === undefined ? {} : { architectures, ...(ptx === true ? { ptx } : {}) }),
      from: [cuda === undefined ? 'tensorflow' : 'wheel'],
    });
  }
  return rows;
}

/** What TensorFlow's wheel says of its own build, and the exact cuDNN that `[and-cuda]` brings. */
async function readTensorflow(version, wheel) {
  const { requires, members } = await metadata('tensorflow', version, wheel, (name) =>
    name.endsWith('python/platform/build_info.py'),
  );
  const [, bytes] = [...members].find(([name]) => name.endsWith('build_info.py')) ?? [];
  const text = bytes?.toString('utf8') ?? '';
  const value = (name) => new RegExp(`['"]${name}['"](?:,|:) ['"]([\\d.]+)['"]`).exec(text)?.[1];
  const list = /['"]cuda_compute_capabilities['"](?:,|:) \[([^\]]*)\]/.exec(text)?.[1] ?? '';
  const names = list.match(/(?:sm|compute)_\d+/g) ?? [];
  const cuda = cudaOf(requires) ?? value('cuda_version');
  const cudnn = cudnnOf(requires) ?? value('cudnn_version');
  return {
    ...(cuda === undefined ? {} : { cuda: minor(cuda) }),
    ...(cudnn === undefined || !cudnn.includes('.') ? {} : { cudnn: minor(cudnn) }),
    ...(names.length === 0
      ? {}
      : {
          // `compute_90` is PTX of 9.0: good for that one too.
          architectures: distinct(names.map((name) => name.replace('compute_', 'sm_'))),
          ...(names.some((name) => name.startsWith('compute_')) ? { ptx: true } : {}),
        }),
  };
}

async function jaxRows() {
  const rows = [];
  const lib = await releases('jaxlib', '0.1.60');
  for (const [version, release] of await releases('jax', '0.2.12')) {
    const known = before?.jax.find((row) => row.version === version && row.from !== undefined);
    rows.push({ ...(known ?? (await readJax(version, release))), pythons: lib.get(version)?.pythons ?? [] });
  }
  return rows;
}

async function readJax(version, release) {
  const { requires, python } = await metadata('jax', version, release.amd64 ?? release.source);
  const builds = [];
  for (const line of requires) {
    const { name, extra, text } =
      /^(?<name>[\w-]+)(?:\[[^\]]*\])?\s*(?<text>[^;]*);.*\bextra == ["'](?<extra>cuda[\w-]*)["']/.exec(line)?.groups ??
      {};
    if (extra === undefined) continue;
    const local = name === 'jaxlib' ? /\+cuda(\d+)(?:\.cudnn(\d+))?/.exec(text) : null;
    const plugin = /^jax[-_]cuda(\d+)[-_]plugin$/.exec(name)?.[1];
    const cudnn = /^nvidia-cudnn-cu\d+$/.test(name) ? /(\d+\.\d+)/.exec(text)?.[1] : undefined;
    const build = builds.find((item) => item.extra === extra) ?? { extra, cuda: null, cudnn: null };
    if (!builds.includes(build)) builds.push(build);
    if (local !== null) {
      const [major, rest] = local[1].length === 3 ? [local[1].slice(0, 2), local[1].slice(2)] : [local[1]];
      build.cuda = rest === undefined ? major : `${major}.${rest}`;
      build.page = 'cuda';
      build.cudnn ??= local[2] === undefined ? null : `${local[2][0]}.${local[2].slice(1, 2)}`;
    }
    build.cuda ??= plugin ?? null;
    build.cudnn ??= cudnn ?? null;
  }
  const named = builds.filter(({ cuda }) => cuda !== null).sort((a, b) => (a.extra < b.extra ? -1 : 1));
  const plugins = distinct(named.filter(({ page }) => page === undefined).map(({ cuda }) => cuda));
  for (const cuda of plugins) await pluginCudnn(named, cuda, version);
  return { version, python: python ?? null, builds: named, from: ['metadata'] };
}

/** What `jax[cudaNN]` brings stands in the metadata of its plugin. */
async function pluginCudnn(builds, cuda, version) {
  const unknown = builds.filter((build) => build.cuda === cuda && build.page === undefined && build.cudnn === null);
  const name = `jax-cuda${cuda}-plugin`;
  const release = unknown.length === 0 ? undefined : (await releases(name, '0.4.0')).get(version);
  if (release?.amd64 === undefined) return;
  const cudnn = cudnnOf((await metadata(name, version, release.amd64)).requires);
  for (const build of unknown) build.cudnn = cudnn === null ? null : minor(cudnn);
}

/** The newest of NVIDIA's images by CUDA and cuDNN, on the newest Ubuntu. */
function imageRows() {
  const rows = new Map();
  const images = cog('cuda-images.json').sort((a, b) => compare(a.cuda, b.cuda) || compare(a.ubuntu, b.ubuntu));
  for (const { tag, cuda, cudnn } of images) rows.set(minor(cuda), { cuda, cudnn, tag });
  return [...rows.values()].sort((a, b) => compare(a.cuda, b.cuda));
}

function cudaOf(requires) {
  const runtime = requires
    .map(
      (line) =>
        /^(?:nvidia-cuda-runtime(?:-cu\d+)?|cuda-toolkit(?:\[[^\]]*\])?)\s*\(?[^;]*?[=>]=\s*([\d.]+)/.exec(line)?.[1],
    )
    .find(Boolean);
  return runtime === undefined ? null : minor(runtime);
}

function cudnnOf(requires) {
  return (
    requires.map((line) => /^nvidia-cudnn-cu\d+\s*\(?[^;]*?[=>]=\s*([\d.]+)/.exec(line)?.[1]).find(Boolean) ?? null
  );
}

/** Final releases from a version on that have a file: version -> one wheel of each architecture, the source, and the Pythons there are wheels for. */
async function releases(name, from) {
  if (!pages.has(name)) pages.set(name, await readPage(name));
  return new Map([...pages.get(name)].filter(([version]) => compare(version, from) >= 0));
}

async function readPage(name) {
  const response = await get(`https://pypi.org/simple/${name}/`, { accept: 'application/vnd.pypi.simple.v1+json' });
  const found = new Map();
  for (const item of (await response.json()).files) {
    const { version, python, platform } =
      /^[^-]+-(?<version>\d+(?:\.\d+)*)(?:-\d+)?-(?<python>[a-z]\w*(?:\.\w+)*)-\w+-(?<platform>[\w.]+)\.whl$/.exec(
        item.filename,
      )?.groups ??
      /-(?<version>\d+(?:\.\d+)*)\.tar\.gz$/.exec(item.filename)?.groups ??
      {};
    if (version === undefined || item.yanked) continue;
    const row = found.get(version) ?? { pythons: new Set() };
    found.set(version, row);
    if (platform === undefined) row.source = item;
    else if (/linux.*_x86_64|^any$/.test(platform)) row.amd64 = item;
    else if (/linux.*_aarch64/.test(platform)) row.arm64 = item;
    const minorVersion = /linux.*_x86_64/.test(platform ?? '') ? /^cp3(\d+)$/.exec(python)?.[1] : undefined;
    if (minorVersion !== undefined) row.pythons.add(`3.${minorVersion}`);
  }
  return new Map(
    [...found]
      .filter(([, row]) => row.amd64 !== undefined || row.source !== undefined)
      .map(([version, row]) => [version, { ...row, pythons: [...row.pythons].sort(compare) }])
      .sort(([a], [b]) => compare(a, b)),
  );
}

/** Requires-Dist and Requires-Python of a wheel or a source archive, and other members that are asked for. */
async function metadata(name, version, item, also = () => false) {
  if (item.filename.endsWith('.tar.gz')) {
    const members = await sourceMembers(item, (path) =>
      /^[^/]+\/(?:[^/]+\.egg-info\/requires\.txt|PKG-INFO)$/.test(path),
    );
    const text = (pattern) => [...members].find(([path]) => pattern.test(path))?.[1].toString('utf8') ?? '';
    return {
      requires: fromSections(text(/requires\.txt$/)),
      python: header(text(/PKG-INFO$/), 'Requires-Python')[0],
      members,
    };
  }
  const members = await wheelMembers(item, (path) => also(path) || path.endsWith('.dist-info/METADATA'));
  const [, bytes] = [...members].find(([path]) => path.endsWith('/METADATA')) ?? [];
  if (bytes === undefined) throw new Error(`${name} ${version} has no METADATA`);
  const text = bytes.toString('utf8');
  return { requires: header(text, 'Requires-Dist'), python: header(text, 'Requires-Python')[0], members };
}

function header(text, name) {
  const lines = text.split(/\r?\n/);
  const end = lines.indexOf('');
  return lines
    .slice(0, end < 0 ? lines.length : end)
    .flatMap((line) => (line.startsWith(`${name}: `) ? [line.slice(name.length + 2)] : []));
}

/** requires.txt of setuptools, as lines of Requires-Dist. */
function fromSections(text) {
  let section = '';
  return text.split(/\r?\n/).flatMap((line) => {
    const heading = /^\[([^\]]*)\]$/.exec(line)?.[1];
    if (heading !== undefined) section = heading.split(':')[0] ?? '';
    return line === '' || heading !== undefined ? [] : [section === '' ? line : `${line}; extra == "${section}"`];
  });
}

function plain(version) {
  return version.replace(/\+.*/, '');
}

function minor(version) {
  return version.split('.').slice(0, 2).join('.');
}

function distinct(items) {
  return [...new Set(items)];
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
function render(value) {
  const fields = Object.entries(value).map(([key, item]) => {
    if (Array.isArray(item))
      return `  ${JSON.stringify(key)}: [\n${item.map((row) => `    ${JSON.stringify(row)}`).join(',\n')}\n  ]`;
    if (typeof item !== 'object') return `  ${JSON.stringify(key)}: ${JSON.stringify(item)}`;
    const pairs = Object.entries(item).map(([name, text]) => `    ${JSON.stringify(name)}: ${JSON.stringify(text)}`);
    return `  ${JSON.stringify(key)}: {\n${pairs.join(',\n')}\n  }`;
  });
  return `{\n${fields.join(',\n')}\n}\n`;
}
