import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { startEngine, whyNoEngine } from './docker-engine.mjs';
import { interleave } from './measure.mjs';
import { servePackages } from './package-server.mjs';
import { whyNotHere } from './programs.mjs';
import { pythonBase } from './python-base.mjs';
import { lockedUv } from './wheels.mjs';
import { readLock, targetOf } from './workspace.mjs';

const BASE = 'cogplan-bench-base';
const IMAGE = 'cogplan-bench-model';

/** Both compile bytecode, or neither does. */
const INSTALLERS = {
  pip: (bytecode) =>
    `/venv/bin/pip install --no-cache-dir --disable-pip-version-check${bytecode ? '' : ' --no-compile'}`,
  uv: (bytecode) => `uv pip install --python /venv/bin/python --no-cache${bytecode ? ' --compile-bytecode' : ''}`,
};

/**
 * Lets cogplan and a Docker Engine make the image of one project, from the same .debs and wheels: cogplan from a store that holds
 * them and nothing derived, to an OCI layout; the Engine with BuildKit from an image that has Python, pip and uv already, with packages served on loopback,
 * and `docker save`. `pairs` name the installers and whether there is bytecode. Gives samples and versions, or why there are none.
 */
export async function raceImages({ workspace, runs, log }, { project, systemPackages, pairs }) {
  const missing = whyNoEngine() ?? whyNotHere('mmdebstrap', 'dpkg-deb');
  if (missing !== undefined) return { missing };
  const lock = readLock(project);
  const uv = await lockedUv(workspace, lock);
  log('  making the base image of the peers');
  const base = await pythonBase(workspace, uv);
  const server = await servePackages(targetOf(lock), workspace);
  const engine = await startEngine(workspace.directory);
  try {
    await engine.docker(['import', base.tar, BASE]);
    const contender = { workspace, project, engine, server, target: targetOf(lock), systemPackages };
    const contenders = [true, false].flatMap((bytecode) => {
      const peers = pairs.filter((pair) => pair.bytecode === bytecode).map((pair) => dockerBuild(contender, pair));
      return peers.length === 0 ? [] : [cogplanApply(contender, bytecode), ...peers];
    });
    const samples = await interleave(contenders, { runs, log });
    return { samples, versions: { docker: engine.version, pip: base.pip, uv: uv.version } };
  } finally {
    await engine.stop();
    await server.close();
  }
}

export function cogplanKey(bytecode) {
  return `cogplan${bytecode ? ', bytecode' : ''}`;
}

export function dockerKey({ installer, bytecode }) {
  return `docker, ${installer}${bytecode ? ', bytecode' : ''}`;
}

function cogplanApply({ workspace, project }, bytecode) {
  let output;
  return {
    key: cogplanKey(bytecode),
    prepare: () => {
      workspace.forgetDerived();
      output = join(workspace.output('layout'), 'image');
    },
    measure: async () => {
      const options = ['--offline', '--quiet', ...(bytecode ? [] : ['--no-bytecode'])];
      return (await workspace.cogplan(['apply', project, '-o', `oci:${output}`, ...options])).seconds;
    },
  };
}

function dockerBuild({ workspace, project, engine, server, target, systemPackages }, pair) {
  let context;
  return {
    key: dockerKey(pair),
    prepare: () => {
      context = workspace.output('context');
      cpSync(project, join(context, 'src'), {
        recursive: true,
        filter: (path) => !/\/(\.cogplan|cogplan\.lock)$/.test(path),
      });
      const pins = target.python.packages.map(({ name, version }) => `${name}==${version}\n`);
      writeFileSync(join(context, 'requirements.txt'), pins.join(''));
      writeFileSync(
        join(context, 'Dockerfile'),
        dockerfile(server.url, systemPackages, INSTALLERS[pair.installer](pair.bytecode)),
      );
    },
    measure: async () => {
      const started = performance.now();
      await engine.docker(['build', '--no-cache', '--network', 'host', '--progress', 'plain', '-t', IMAGE, context]);
      const archive = join(context, 'image.tar');
      await engine.docker(['save', '-o', archive, IMAGE]);
      return (performance.now() - started) / 1000;
    },
    cleanUp: async () => {
      await engine.docker(['image', 'rm', '--force', IMAGE]);
      await engine.docker(['builder', 'prune', '--all', '--force']);
      rmSync(context, { recursive: true });
    },
  };
}

function dockerfile(url, systemPackages, install) {
  const apt = [
    `echo 'deb [trusted=yes] ${url}/debs/ ./' > /etc/apt/sources.list`,
    'apt-get update',
    `apt-get install -y --no-install-recommends ${systemPackages.join(' ')}`,
    'rm -rf /var/lib/apt/lists/*',
  ];
  return [
    `FROM ${BASE}`,
    ...(systemPackages.length === 0 ? [] : [`RUN ${apt.join(' && ')}`]),
    'COPY requirements.txt /tmp/requirements.txt',
    `RUN ${install} --no-deps --index-url ${url}/simple/ -r /tmp/requirements.txt`,
    'COPY src /src',
    'WORKDIR /src',
    'CMD ["/venv/bin/python", "predict.py"]',
    '',
  ].join('\n');
}
