import { expect, it } from 'vitest';
import { projectAfterFix } from './lock.ts';

it.each([
  ['--fix', [], true, [], true],
  ['--fix 2', [], '2', [], '2'],
  ['--fix 2 model', ['model'], '2', ['model'], '2'],
  ['--fix model', [], 'model', ['model'], true],
  ['model --fix', ['model'], true, ['model'], true],
  ['model --fix other', ['model'], 'other', ['model'], 'other'],
] as const)('lock %s', (_, words, fix, argument, kept) => {
  expect(projectAfterFix(words, { fix })).toEqual({ argument, options: { fix: kept } });
});
