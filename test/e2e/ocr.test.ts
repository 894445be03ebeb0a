import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { applyFresh, cogplan, cogplanJson, copyExample, inDirectory, ROOT } from './cogplan.ts';

const TEN_MINUTES = 600_000;
const SAMPLE = `image=@${join(ROOT, 'examples/ocr/sample.png')}`;

interface OcrPrediction {
  readonly status: string;
  readonly output: {
    readonly lines: readonly { readonly text: string; readonly box: readonly (readonly [number, number])[] }[];
  };
}

describe('examples/ocr', () => {
  it(
    'applies to its committed seals and reads its sample, without a network',
    async () => {
      await inDirectory(async (directory) => {
        const project = copyExample('ocr', directory);
        await applyFresh(project);
        const prediction = await cogplanJson<OcrPrediction>(['predict', project, '-i', SAMPLE, '--network', 'none']);
        expect(prediction.status).toBe('succeeded');
        expect(prediction.output.lines.map((line) => line.text)).toEqual([
          'INVOICE 2041',
          'Locked bytes',
          '12.50',
          'Sealed layers',
          '7.25',
          'Total',
          '19.75',
        ]);
        expect(prediction.output.lines[0]!.box).toHaveLength(4);
      });
    },
    TEN_MINUTES,
  );

  it(
    'refuses an input that breaks the signature, in the words of the schema',
    async () => {
      await inDirectory(async (directory) => {
        const project = copyExample('ocr', directory);
        await applyFresh(project);
        const { status, stdout } = await cogplan([
          'predict',
          project,
          '-i',
          SAMPLE,
          '-i',
          'min_confidence=2',
          '--json',
        ]);
        expect(status).toBe(1);
        expect(stdout).toContain('min_confidence');
      });
    },
    TEN_MINUTES,
  );
});
