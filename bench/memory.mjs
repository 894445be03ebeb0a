import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { interleave } from './lib/measure.mjs';
import { peakMemory } from './lib/peak-memory.mjs';
import { CLI } from './lib/workspace.mjs';

const LARGE = 2 * 1024 ** 3;
const SMALL = 20 * 1024 ** 2;

/** Peak memory of an apply whose source holds a large file, beside the same with a small one. */
export const measurement = {
  name: 'memory',
  async run({ workspace, runs, log }) {
    const project = workspace.example('hello-world');
    await workspace.fill(project);
    const weights = join(project, 'weights.bin');
    const applyWith = (size) => ({
      key: `${size / 1024 ** 2} MiB`,
      prepare: () => {
        writeFileSync(weights, '');
        truncateSync(weights, size);
      },
      measure: async () => {
        const output = join(workspace.output('layout'), 'image');
        const command = [CLI, 'apply', project, '-o', `oci:${output}`, '--offline', '--quiet'];
        return (await peakMemory(process.execPath, command, { COGPLAN_STORE: workspace.store })) / 1024 ** 2;
      },
    });
    const samples = await interleave([applyWith(LARGE), applyWith(SMALL)], { runs, log });
    rmSync(weights);
    workspace.forgetDerived();
    const [ours, peer] = [...samples.values()];
    return [
      {
        id: 'memory',
        what: 'peak memory of `apply` with a 2 GiB file in the source',
        how: 'Memory: the sum of resident memory over the process tree, looked at every 10 ms; the file is sparse.',
        unit: 'MiB',
        ours,
        peer,
        peerName: 'cogplan, a file of 20 MiB',
        bar: { kind: 'ours/peer', most: 1.25 },
      },
    ];
  },
};
