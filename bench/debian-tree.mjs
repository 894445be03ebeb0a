import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { interleave, run } from './lib/measure.mjs';
import { servePackages } from './lib/package-server.mjs';
import { whyNotHere } from './lib/programs.mjs';
import { readLock, targetOf } from './lib/workspace.mjs';

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
    const what = `a tree of ${packages.length} Debian packages, nothing derived`;
    const row = { id: 'debian-tree', what, bar: { kind: 'peer/ours', least: 4 } };
    const missing = whyNotHere('mmdebstrap', 'dpkg-deb');
    if (missing !== undefined) return [{ ...row, missing }];
    const server = await servePackages(targetOf(readLock(project)), workspace);
    try {
      const samples = await interleave([cogplanApply(workspace, project), mmdebstrap(workspace, packages, server)], {
        runs,
        log,
      });
      const { stdout } = await run('mmdebstrap', ['--version']);
      return [
        {
          ...row,
          how: 'Debian tree: the same packages in both, served on loopback to mmdebstrap, which writes a tar; cogplan writes an OCI layout that holds the server and bytecode layers too.',
          unit: 's',
          ours: samples.get('cogplan'),
          peer: samples.get('mmdebstrap'),
          peerName: stdout.trim(),
        },
      ];
    } finally {
      await server.close();
    }
  },
};

function cogplanApply(workspace, project) {
  let output;
  return {
    key: 'cogplan',
    prepare: () => {
      workspace.forgetDerived();
      output = join(workspace.output('layout'), 'image');
    },
    measure: async () =>
      (await workspace.cogplan(['apply', project, '-o', `oci:${output}`, '--offline', '--quiet'])).seconds,
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
