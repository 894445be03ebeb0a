import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { interleave, run } from './lib/measure.mjs';
import { wheelFilename } from './lib/wheels.mjs';
import { readLock, targetOf } from './lib/workspace.mjs';

const PROGRAM = fileURLToPath(new URL('lib/wheel-to-layer-program.mjs', import.meta.url));

/** How near the way from a wheel to a layer comes to inflating alone, on one thread. */
export const measurement = {
  name: 'wheel-to-layer',
  async run({ workspace, runs, log }) {
    const project = workspace.example('ocr');
    await workspace.fill(project);
    const packages = [...targetOf(readLock(project)).python.packages].sort((a, b) => b.file.size - a.file.size);
    const largest = packages[0];
    return [
      await raceInflate(
        {
          id: 'wheel-to-layer-largest',
          what: `wheel to layer, ${largest.name} ${largest.version}`,
          packages: [largest],
        },
        { workspace, runs, log },
      ),
      await raceInflate(
        {
          id: 'wheel-to-layer-all',
          what: `wheel to layer, the ${packages.length} wheels of \`examples/ocr\``,
          packages,
        },
        { workspace, runs, log },
      ),
    ];
  },
};

async function raceInflate({ id, what, packages }, { workspace, runs, log }) {
  const files = packages.map(({ file }) => `${file.sha256}=${wheelFilename(file)}`);
  const contender = (key) => ({
    key,
    measure: async () => {
      const store = workspace.output('layers');
      const blobs = join(workspace.store, 'blobs/sha256');
      return Number((await run(process.execPath, [PROGRAM, key, blobs, store, ...files])).stdout);
    },
  });
  const samples = await interleave([contender('layer'), contender('inflate')], { runs, log });
  const megabytes = packages.reduce((sum, { file }) => sum + statSync(workspace.blob(file)).size, 0) / 1e6;
  return {
    id,
    what: `${what} (${megabytes.toFixed(0)} MB)`,
    how: 'Wheel to layer: cogplan reads the zip, inflates, checks CRC-32, writes a tar into the store with its sha256, and syncs it to the disk; the peer reads and inflates the same members with `node:zlib`, and does nothing with them. One thread, without the start of Node.',
    unit: 's',
    ours: samples.get('layer'),
    peer: samples.get('inflate'),
    peerName: `inflate, zlib ${process.versions.zlib}`,
    bar: { kind: 'peer/ours', least: 0.7 },
  };
}
