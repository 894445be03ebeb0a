import { expect, it } from 'vitest';
import { aContext } from '../../../../test/builders/context.ts';
import { parseRequirement } from '../../../formats/python/requirement.ts';
import type { CompileOutcome } from '../../../sources/uv/compile.ts';
import type { SolveRequest } from '../compile-for.ts';
import type { Root } from '../roots.ts';
import { modelVersions } from './open-builder.ts';

const root = (text: string): Root => {
  const requirement = parseRequirement(text);
  return { name: requirement.name, requirement, text, asked: text, hashes: [] };
};

const unsatisfiable = (...names: readonly string[]): CompileOutcome => ({
  kind: 'unsatisfiable',
  explanation: 'they contradict each other',
  withoutWheel: names.map((name) => ({ name, versions: '1.0' })),
  unknown: [],
});

it('builds with what the model pins where the rest of it contradicts itself', async () => {
  const asked: string[][] = [];
  const model = { roots: ['torch==2.3.1', 'numpy', 'ext'].map(root) } as unknown as SolveRequest;
  const versions = await modelVersions(await aContext(), model, async (_context, { roots }) => {
    asked.push(roots.map(({ name }) => name));
    return asked.length === 1 ? unsatisfiable('ext') : unsatisfiable();
  });
  expect(versions).toEqual(['torch==2.3.1']);
  expect(asked).toEqual([
    ['torch', 'numpy', 'ext'],
    ['torch', 'numpy'],
  ]);
});
