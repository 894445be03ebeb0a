import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Plan } from '../../src/plan/diff/schema.generated.ts';
import { applyFresh, cogplan, cogplanJson, copyExample, inDirectory, type Receipt, ROOT, readLock } from './cogplan.ts';

const HALF_AN_HOUR = 1_800_000;
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
    HALF_AN_HOUR,
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
    HALF_AN_HOUR,
  );

  it(
    'keeps a held package through an upgrade of everything else, and works with it',
    async () => {
      await inDirectory(async (directory) => {
        const project = copyExample('ocr', directory);
        const requirements = join(project, 'requirements.txt');
        const asked = readFileSync(requirements, 'utf8');
        writeFileSync(requirements, `${asked}numpy<2.3\npillow<12\n`);
        await cogplanJson(['lock', project, '--yes']);
        const old = versionsOf(project);
        await cogplanJson(['hold', 'numpy', project, '--because', '2.3 is not tried yet']);
        writeFileSync(requirements, asked);
        const plan = await cogplanJson<Plan>(['plan', project, '--upgrade']);
        expect(plan.holds).toMatchObject([{ subject: 'python/numpy', state: 'held', value: old.get('numpy') }]);
        await cogplanJson(['lock', project, '--upgrade', '--yes']);
        const now = versionsOf(project);
        expect(now.get('numpy')).toBe(old.get('numpy'));
        expect(Number(now.get('pillow')?.split('.')[0])).toBeGreaterThanOrEqual(12);
        await cogplanJson<Receipt>(['apply', project]);
        const prediction = await cogplanJson<OcrPrediction>(['predict', project, '-i', SAMPLE, '--network', 'none']);
        expect(prediction.output.lines.map((line) => line.text)).toContain('Locked bytes');
      });
    },
    HALF_AN_HOUR,
  );
});

function versionsOf(project: string): ReadonlyMap<string, string> {
  const packages = readLock(project).targets['linux/amd64']?.python.packages ?? [];
  return new Map(packages.map(({ name, version }) => [name, version]));
}
