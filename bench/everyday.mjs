import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { interleave, run } from './lib/measure.mjs';
import { CLI } from './lib/workspace.mjs';

/** What is done many times a day: apply again, apply after an edit, ask for help. */
export const measurement = {
  name: 'everyday',
  async run({ workspace, runs, log }) {
    const project = workspace.example('ocr');
    await workspace.fill(project);
    const apply = async () => (await workspace.cogplan(['apply', project, '--quiet'])).seconds;
    await apply();
    const edit = () => appendFileSync(join(project, 'predict.py'), '# one more line\n');
    const start = async (...args) => (await run(process.execPath, args)).seconds;
    const samples = await interleave(
      [
        { key: 'apply again', measure: apply },
        { key: 'apply edited', prepare: edit, measure: apply },
        { key: 'help', measure: () => start(CLI, '--help') },
        { key: 'node', measure: () => start('-e', '0') },
      ],
      { runs, log },
    );
    return [
      {
        id: 'apply-again',
        what: '`apply` of `examples/ocr` again, nothing changed',
        unit: 's',
        ours: samples.get('apply again'),
        bar: { kind: 'ours', most: 0.3, unit: 's' },
      },
      {
        id: 'apply-edited',
        what: '`apply` of `examples/ocr` after one edited source line',
        unit: 's',
        ours: samples.get('apply edited'),
        bar: { kind: 'ours', most: 0.6, unit: 's' },
      },
      {
        id: 'help',
        what: '`cogplan --help`',
        unit: 's',
        ours: samples.get('help'),
        peer: samples.get('node'),
        peerName: `\`node -e 0\`, Node ${process.versions.node}`,
        bar: { kind: 'ours/peer', most: 2.5 },
      },
    ];
  },
};
