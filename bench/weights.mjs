import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { interleave, run } from './lib/measure.mjs';
import { peakMemory } from './lib/peak-memory.mjs';
import { whyMissing } from './lib/programs.mjs';
import { CLI, ROOT } from './lib/workspace.mjs';

const MIB = 1024 ** 2;
const LARGE = 6 * 1024 ** 3;
const SMALL_FILES = 300;
const FETCHED = 1024 ** 3;
/** The bars speak of megabytes. */
const megabytes = (count) => (count * 1e6) / MIB;

const COG = `build:
  python_version: "3.11"
run: "predict.py:Model"
weights:
  - name: model
    source: {uri: weights}
    target: /src/weights
`;
const MODEL =
  'from cog import BasePredictor\nclass Model(BasePredictor):\n    def run(self) -> str:\n        return "a"\n';

/** Weights of 6 GiB and many small files, locked, read again and made layers; and weights fetched at start-up. */
export const measurement = {
  name: 'weights',
  async run(bench) {
    return [...(await ofTheProject(bench)), ...(await atStartUp(bench))];
  },
};

async function ofTheProject({ workspace, runs, log }) {
  const project = workspace.project('weights', { 'cog.yaml': COG, 'predict.py': MODEL });
  const folder = join(project, 'weights');
  mkdirSync(folder);
  writeFileSync(join(folder, 'model.safetensors'), '');
  truncateSync(join(folder, 'model.safetensors'), LARGE);
  for (let index = 0; index < SMALL_FILES; index++) {
    writeFileSync(join(folder, `part-${index}.bin`), randomBytes(100_000 + index * 1000));
  }
  await workspace.fill(project);

  const applied = JSON.parse((await workspace.cogplan(['apply', project, '--json', '--quiet'])).stdout);
  const layers = applied.layers
    .filter(({ family }) => family === 'weights')
    .map(({ diffId }) => diffId.replace('sha256:', ''));

  /** Files that were touched are hashed again. */
  const touch = () => {
    for (const name of readdirSync(folder)) utimesSync(join(folder, name), new Date(), new Date());
  };
  const commands = {
    lock: ['lock', project, '--yes', '--quiet'],
    verify: ['weights', 'verify', '-C', project, '--quiet'],
    layer: ['apply', project, '--offline', '--quiet'],
  };
  const prepare = {
    lock: touch,
    verify: () => {},
    // Of the image only the layers of the weights are made anew.
    layer: () => {
      for (const diffId of layers) rmSync(join(workspace.store, 'blobs/sha256', diffId), { force: true });
    },
  };
  const timed = Object.entries(commands).map(([key, command]) => ({
    key,
    prepare: prepare[key],
    measure: async () => (await workspace.cogplan(command)).seconds,
  }));
  const weighed = Object.entries(commands).map(([key, command]) => ({
    key: `memory of ${key}`,
    prepare: prepare[key],
    measure: async () =>
      (await peakMemory(process.execPath, [CLI, ...command], { COGPLAN_STORE: workspace.store })) / MIB,
  }));
  const peer = {
    key: 'sha256sum',
    measure: async () => (await run('sh', ['-c', 'cat "$0"/* | sha256sum', folder])).seconds,
  };
  const samples = await interleave([...timed, peer, ...weighed], { runs, log });
  rmSync(project, { recursive: true });
  workspace.forgetDerived();

  const what = { lock: '`lock` that reads', verify: '`weights verify` of', layer: '`apply` that makes layers of' };
  const how = `Weights of a project: a file of 6 GiB, sparse, and ${SMALL_FILES} of 0.1 to 0.4 MB; the store leaves holes where they are.`;
  return Object.keys(commands).flatMap((key) => [
    {
      id: `weights-${key}`,
      what: `${what[key]} 6.5 GB of weights`,
      how,
      unit: 's',
      ours: samples.get(key),
      peer: samples.get('sha256sum'),
      peerName: '`sha256sum` of all by `cat`',
      bar: { kind: 'peer/ours', least: 0.8 },
    },
    {
      id: `weights-${key}-memory`,
      what: `peak memory of ${what[key]} them`,
      unit: 'MiB',
      ours: samples.get(`memory of ${key}`),
      bar: { kind: 'ours', most: Math.floor(megabytes(300)), unit: 'MiB' },
    },
  ]);
}

async function atStartUp({ workspace, runs, log }) {
  const bar = { kind: 'peer/ours', least: 0.9 };
  const what = '1 GiB of weights fetched and checked when the server starts, from loopback';
  const missing = whyMissing('aria2c');
  if (missing !== undefined) return [{ id: 'weights-start', what, bar, missing }];
  const server = spawn(process.execPath, [join(ROOT, 'bench/lib/zeros-server.mjs'), String(FETCHED)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const url = await new Promise((resolve) => server.stdout.once('data', (text) => resolve(String(text).trim())));
    const directory = workspace.output('start-up');
    const clear = () => {
      for (const name of ['cache', 'placed', 'peer']) rmSync(join(directory, name), { recursive: true, force: true });
    };
    const ours = [
      'python3',
      ['-c', 'from cog._weights import present; present.ensure()'],
      {
        COG_CACHE_DIR: join(directory, 'cache'),
        COG_WEIGHTS_MANIFEST: manifest(directory, `${url}/model.bin`),
        PYTHONPATH: join(ROOT, 'runtime-python/src'),
      },
    ];
    // No time goes into writing the file's length beforehand.
    const aria2c = ['-q', '-x', '16', '-s', '16', '--file-allocation=none', '-d', join(directory, 'peer')];
    const peer = ['aria2c', [...aria2c, `${url}/model.bin`], {}];
    const timed =
      ([command, args, env]) =>
      async () =>
        (await run(command, args, { env })).seconds;
    const samples = await interleave(
      [
        { key: 'start-up', prepare: clear, measure: timed(ours), cleanUp: clear },
        { key: 'aria2c', prepare: clear, measure: timed(peer), cleanUp: clear },
        { key: 'memory', prepare: clear, measure: async () => (await peakMemory(...ours)) / MIB, cleanUp: clear },
      ],
      { runs, log },
    );
    const version = /aria2 version (\S+)/.exec(spawnSync('aria2c', ['--version']).stdout)?.[1];
    return [
      {
        id: 'weights-start',
        what,
        unit: 's',
        ours: samples.get('start-up'),
        peer: samples.get('aria2c'),
        peerName: `\`aria2c -x 16 -s 16\` ${version}, unchecked`,
        bar,
      },
      {
        id: 'weights-start-memory',
        what: 'peak memory of that',
        unit: 'MiB',
        ours: samples.get('memory'),
        bar: { kind: 'ours', most: Math.floor(megabytes(200)), unit: 'MiB' },
      },
    ];
  } finally {
    server.kill();
  }
}

function manifest(directory, url) {
  const hash = createHash('sha256');
  const piece = Buffer.alloc(MIB);
  for (let done = 0; done < FETCHED; done += piece.length) hash.update(piece);
  const file = { path: 'model.bin', sha256: hash.digest('hex'), size: FETCHED, urls: [url] };
  const sets = [{ name: 'model', target: join(directory, 'placed'), setDigest: '', files: [file] }];
  const path = join(directory, 'weights.json');
  writeFileSync(path, JSON.stringify({ version: 1, sets }));
  return path;
}
