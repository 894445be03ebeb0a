import { expect, test } from 'vitest';
import { aSpec, located, requirementLine, requirements } from '../../test/builders/spec.ts';
import { explainSpec } from './explain-spec.ts';

test('each value with its place, and what a requirement was taken for', () => {
  const where = { file: 'requirements.txt', line: 3 };
  const spec = aSpec({
    systemPackages: [located('git', 4, 'build.system_packages[0]')],
    requirements: {
      ...requirements('numpy<2'),
      constraints: [
        requirementLine('r', {
          where,
          text: 'git+https://me:secret@h/r',
          source: { kind: 'vcs', vcs: 'git', url: 'https://me:secret@h/r' },
        }),
      ],
      extraIndexUrls: [{ value: 'https://me:secret@i.example/simple', where }],
    },
    predict: { file: 'predict.py', name: 'Predictor', where: { file: 'cog.yaml', line: 9 } },
    settings: {
      file: 'cogplan.yaml',
      values: { platforms: ['linux/amd64'] },
      where: ([key]) => ({ file: 'cogplan.yaml', key: String(key) }),
    },
  });
  const { values, files } = explainSpec(spec);
  expect(files).toEqual(['cog.yaml', 'cogplan.yaml']);
  expect(values.map(({ key, value, meaning, where: at }) => [key, value, meaning, at.file, at.line])).toEqual([
    ['build.python_version', '3.11', undefined, 'cog.yaml', 2],
    ['build.gpu', false, undefined, 'cog.yaml', undefined],
    ['build.system_packages', 'git', undefined, 'cog.yaml', 4],
    ['requirement', 'numpy<2', undefined, 'requirements.txt', 1],
    ['constraint', 'git+https://h/r', 'a git repository at its default branch', 'requirements.txt', 3],
    ['extra-index-url', 'https://i.example/simple', undefined, 'requirements.txt', 3],
    ['run', 'predict.py:Predictor', undefined, 'cog.yaml', 9],
    ['platforms', 'linux/amd64', undefined, 'cogplan.yaml', undefined],
  ]);
});
