import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { interleave, run } from './lib/measure.mjs';
import { lockedUv } from './lib/wheels.mjs';
import { CLI, readLock } from './lib/workspace.mjs';

/** Locking `examples/ocr`: anew, beside the resolver alone, and when nothing has changed. */
export const measurement = {
  name: 'lock',
  async run({ workspace, runs, log }) {
    const project = workspace.example('ocr');
    const lockFile = join(project, 'cogplan.lock');
    const lock = () => workspace.cogplan(['lock', project, '--yes', '--quiet']);
    workspace.forgetDerived();
    rmSync(lockFile, { force: true });
    await lock();
    await lockWithoutNetwork(workspace, project);
    const uv = await lockedUv(workspace, readLock(project));
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
    return [
      {
        id: 'lock-anew',
        what: '`lock` of `examples/ocr` without a lock, caches warm, online',
        how: '`lock`, anew: uv resolves the same requirements for the same target with the same cache, both revalidating online; cogplan resolves the Debian packages as well.',
        unit: 's',
        ours: samples.get('lock anew'),
        peer: samples.get('uv'),
        peerName: `\`uv pip compile\` ${uv.version}`,
        bar: { kind: 'ours/peer', most: 1.5 },
      },
      {
        id: 'lock-unchanged',
        what: '`lock` of `examples/ocr` when nothing has changed',
        how: '`lock`, unchanged: works in a network namespace without any interface, which is tried first.',
        unit: 's',
        ours: samples.get('lock unchanged'),
        bar: { kind: 'ours', most: 0.3, unit: 's' },
      },
    ];
  },
};

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
