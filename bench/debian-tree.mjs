import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { interleave, run } from './lib/measure.mjs';
import { servePackages } from './lib/package-server.mjs';
import { peakMemory } from './lib/peak-memory.mjs';
import { whyNotHere } from './lib/programs.mjs';
import { CLI, readLock, targetOf } from './lib/workspace.mjs';

const PACKAGES = [
  ...['ffmpeg', 'git', 'libgl1', 'libglib2.0-0', 'libsm6', 'libxext6', 'libsndfile1', 'build-essential'],
  ...['imagemagick', 'curl'],
];

/** The packages hold the links of a merged /usr, which mmdebstrap makes by itself only for suites that it knows. */
const MERGED_USR = '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr';

/** A file system of some 400 Debian packages, from .debs that lie ready. */
export const measurement = {
  name: 'debian-tree',
  async run({ workspace, runs, log }) {
    const project = workspace.project('debian-tree', {
      'cog.yaml': `build:\n  python_version: "3.11"\n  system_packages:\n${PACKAGES.map((name) => `    - ${name}\n`).join('')}`,
    });
    await workspace.fill(project);
    const { packages } = targetOf(readLock(project)).system;
    const what = `a tree of ${packages.length} Debian packages`;
    const bar = { kind: 'peer/ours', least: 4 };
    const warm = { id: 'debian-tree', what: `${what}, from a store that has them inflated, and no layers`, bar };
    const cold = { id: 'debian-tree-cold', what: `${what}, nothing derived`, bar };
    const memory = { id: 'debian-tree-memory', what: `peak memory of ${what}, nothing derived`, bar: MEMORY };
    const missing = whyNotHere('mmdebstrap', 'dpkg-deb');
    if (missing !== undefined) return [warm, cold, memory].map((row) => ({ ...row, missing }));
    const server = await servePackages(targetOf(readLock(project)), workspace);
    try {
      const contenders = [
        cogplanApply(workspace, project, { key: 'cold', keeping: [] }),
        cogplanApply(workspace, project, { key: 'warm', keeping: ['deb-data'] }),
        mmdebstrap(workspace, packages, server),
        peakOf(workspace, project),
      ];
      const samples = await interleave(contenders, { runs, log });
      const { stdout } = await run('mmdebstrap', ['--version']);
      const peer = { unit: 's', peer: samples.get('mmdebstrap'), peerName: stdout.trim() };
      return [
        { ...warm, how: HOW, ours: samples.get('warm'), ...peer },
        { ...cold, ours: samples.get('cold'), ...peer },
        { ...memory, unit: 'MiB', ours: samples.get('memory') },
      ];
    } finally {
      await server.close();
    }
  },
};

const MEMORY = { kind: 'ours', most: 400, unit: 'MiB' };
const HOW =
  'Debian tree: the same packages in both, served on loopback to mmdebstrap, which writes a tar; cogplan writes an OCI layout that holds the server and bytecode layers too. Its store keeps packages inflated from one apply to the next; the cold row is the first apply. Memory is the sum over the process tree.';

function cogplanApply(workspace, project, { key, keeping }) {
  let output;
  return {
    key,
    prepare: () => {
      workspace.forgetDerived({ keeping });
      output = join(workspace.output('layout'), 'image');
    },
    measure: async () =>
      (await workspace.cogplan(['apply', project, '-o', `oci:${output}`, '--offline', '--quiet'])).seconds,
  };
}

function peakOf(workspace, project) {
  return {
    key: 'memory',
    prepare: () => workspace.forgetDerived(),
    measure: async () => {
      const output = join(workspace.output('layout'), 'image');
      const command = [CLI, 'apply', project, '-o', `oci:${output}`, '--offline', '--quiet'];
      return (await peakMemory(process.execPath, command, { COGPLAN_STORE: workspace.store })) / 1024 ** 2;
    },
  };
}

function mmdebstrap(workspace, packages, server) {
  const tar = join(workspace.directory, 'outputs/debian.tar');
  const names = packages.map(({ name }) => name).join(',');
  return {
    key: 'mmdebstrap',
    measure: async () => {
      const source = `deb [trusted=yes] ${server.url}/debs/ ./`;
      const { seconds } = await run('mmdebstrap', [
        '--variant=essential',
        MERGED_USR,
        `--include=${names}`,
        '',
        tar,
        source,
      ]);
      if (statSync(tar).size < 100_000_000) throw new Error(`${tar} is too small to hold ${packages.length} packages`);
      return seconds;
    },
    cleanUp: () => rmSync(tar),
  };
}
