import { expect, test } from 'vitest';
import { requirementLine } from '../../../test/builders/spec.ts';
import { CogplanError } from '../../errors.ts';
import { fixesOf } from '../../spec/edit-spec.ts';
import { emptyRequirements } from '../../spec/read-python-file.ts';
import { acceleratorTable } from '../accelerator/table.ts';
import { withFittingPythons } from './fitting-pythons.ts';

const MINORS = ['3.7', '3.8', '3.9', '3.10', '3.11', '3.12', '3.13', '3.14'];

function advised(value: string, lines: readonly string[], available: readonly string[] = MINORS) {
  const error = new CogplanError('COGPLAN_PYTHON_UNAVAILABLE', `there is no build of Python ${value}`, {
    hint: 'Ask for another.',
    data: { available: [...available] },
  });
  const where = { file: 'cog.yaml', line: 2 };
  const requirements = {
    ...emptyRequirements(),
    requirements: lines.map((text) => requirementLine(text, { where: { file: 'r.txt', line: 1 } })),
  };
  return withFittingPythons(error, { pythonVersion: { value, where }, requirements }, acceleratorTable());
}

test.each<[string, string, readonly string[], readonly string[] | undefined, readonly string[]]>([
  ['nothing is pinned: the nearest there are', '3.15', ['torch', 'numpy==1.26.0'], undefined, ['3.14', '3.13', '3.12']],
  ['the nearest that torch was built for', '3.15', ['torch==2.3.1'], undefined, ['3.12', '3.11', '3.10']],
  ['from below', '3.6', ['torch==1.13.1'], undefined, ['3.7', '3.8', '3.9']],
  ['a local version', '3.15', ['torch==1.8.1+cu111'], undefined, ['3.9', '3.8', '3.7']],
  ['what all pins have in common', '3.15', ['torch==1.13.1', 'tensorflow==2.15.0'], undefined, ['3.11', '3.10', '3.9']],
  ['pins that have none in common', '3.15', ['torch==1.7.0', 'tensorflow==2.18.0'], undefined, []],
  ['a patch version that is not there', '3.10.99', ['torch==1.13.1'], ['3.10.4', '3.10.21'], ['3.10']],
])('%s', (_, value, lines, available, versions) => {
  const error = advised(value, lines, available);
  expect(fixesOf(error).map(({ text }) => text)).toEqual(versions.map((version) => `python_version: "${version}"`));
  for (const fix of fixesOf(error)) expect(fix.edits[0]).toMatchObject({ file: 'cog.yaml', line: 2, from: value });
});

test('why is told', () => {
  expect(advised('3.15', ['torch==2.3.1']).hint).toBe(
    'Ask for another. torch==2.3.1 has wheels for Python 3.8, 3.9, 3.10, 3.11, 3.12.',
  );
});

test('other errors stay as they are', () => {
  const error = new CogplanError('COGPLAN_NETWORK', 'no network');
  const requirements = emptyRequirements();
  const pythonVersion = { value: '3.15', where: { file: 'cog.yaml' } };
  expect(withFittingPythons(error, { pythonVersion, requirements }, acceleratorTable())).toBe(error);
});
