import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { interleave, run } from './lib/measure.mjs';
import { lockedUv } from './lib/wheels.mjs';
import { CLI, readLock } from './lib/workspace.mjs';

/** A project of some sixty wheels, as models that serve a transformer have them. */
const SIXTY = {
  'cog.yaml':
    'build:\n  python_version: "3.11"\n  python_requirements: requirements.txt\nrun: "predict.py:Predictor"\n',
  'requirements.txt': 'gradio==5.9.1\ntransformers==4.46.3\nscikit-image==0.24.0\n',
  'predict.py':
    'from cog import BasePredictor\n\n\nclass Predictor(BasePredictor):\n    def predict(self, text: str) -> str:\n        return text\n',
};

/** Locking: anew, beside the resolver alone, and when nothing has changed. */
export const measurement = {
  name: 'lock',
  async run({ workspace, runs, log }) {
    workspace.forgetDerived();
    const example = await race(workspace, workspace.example('ocr'), { runs, log });
    const sixty = await race(workspace, workspace.project('sixty', SIXTY), { runs, log });
    const how =
      '`lock`, anew: uv resolves the same requirements for the same target with the same cache, both revalidating online; cogplan resolves the Debian packages as well, and the wheels of the server.';
    return [
      {
        id: 'lock-anew',
        what: '`lock` of `examples/ocr` without a lock, caches warm, online',
        how,
        unit: 's',
        ours: example.anew,
        peer: example.uv,
        peerName: `\`uv pip compile\` ${example.uvVersion}`,
        bar: { kind: 'ours/peer', most: 1.5 },
      },
      {
        id: 'lock-anew-sixty',
        what: `\`lock\` of a project of ${sixty.wheels} wheels without a lock, caches warm, online`,
        how,
        unit: 's',
        ours: sixty.anew,
        peer: sixty.uv,
        peerName: `\`uv pip compile\` ${sixty.uvVersion}`,
        bar: { kind: 'ours/peer', most: 1.3 },
      },
      {
        id: 'lock-unchanged',
        what: '`lock` of `examples/ocr` when nothing has changed',
        how: '`lock`, unchanged: works in a network namespace without any interface, which is tried first.',
        unit: 's',
        ours: example.unchanged,
        bar: { kind: 'ours', most: 0.3, unit: 's' },
      },
      {
        id: 'lock-unchanged-sixty',
        what: `\`lock\` of a project of ${sixty.wheels} wheels when nothing has changed`,
        how: '`lock`, unchanged: works in a network namespace without any interface, which is tried first.',
        unit: 's',
        ours: sixty.unchanged,
        bar: { kind: 'ours', most: 0.3, unit: 's' },
      },
    ];
  },
};

async function race(workspace, project, { runs, log }) {
  const lockFile = join(project, 'cogplan.lock');
  const lock = () => workspace.cogplan(['lock', project, '--yes', '--quiet']);
  rmSync(lockFile, { force: true });
  await lock();
  await lockWithoutNetwork(workspace, project);
  const locked = readLock(project);
  const uv = await lockedUv(workspace, locked);
  const compile = uvCompile(workspace, project, uv);
  await compile();
  const seconds = (work) => async () => (await work()).seconds;
  const samples = await interleave(
    [
      { key: 'lock anew', prepare: () => rmSync(lockFile), measure: seconds(lock) },
      { key: 'uv', measure: seconds(compile) },
      { key: 'lock unchanged', measure: seconds(lock) },
    ],
    { runs, log },
  );
  return {
    anew: samples.get('lock anew'),
    uv: samples.get('uv'),
    unchanged: samples.get('lock unchanged'),
    uvVersion: uv.version,
    wheels: Object.values(locked.targets)[0].python.packages.length,
  };
}

async function lockWithoutNetwork(workspace, project) {
  const namespace = process.getuid() === 0 ? ['--net'] : ['--map-root-user', '--net'];
  const command = [process.execPath, CLI, 'lock', project, '--yes', '--quiet'];
  await run('unshare', [...namespace, ...command], { env: { COGPLAN_STORE: workspace.store } });
}

/** uv as `lock` calls it, by itself. */
function uvCompile(workspace, project, uv) {
  const interpreters = join(workspace.store, 'derived/uv-interpreter');
  const [target] = readdirSync(interpreters);
  const directory = join(workspace.directory, 'uv-alone');
  mkdirSync(directory, { recursive: true });
  const output = join(directory, 'pylock.toml');
  const options = [
    ...['--format', 'pylock.toml', '--output-file', output, '--no-header', '--no-annotate', '--quiet'],
    ...['--python', join(interpreters, target, 'python3'), '--no-python-downloads', '--only-binary', ':all:'],
    ...['--no-config', '--default-index', 'https://pypi.org/simple'],
  ];
  return () => {
    rmSync(output, { force: true });
    return run(uv.path, ['pip', 'compile', join(project, 'requirements.txt'), ...options], {
      env: { UV_CACHE_DIR: join(workspace.store, 'cache/uv') },
    });
  };
}
