import { expect, test } from 'vitest';
import { CogplanError } from '../errors.ts';
import { applyEdits, fixesOf } from './edit-spec.ts';
import { parseYaml } from './yaml-source.ts';

function told(text: string): string {
  try {
    parseYaml(text, 'cog.yaml');
  } catch (error) {
    if (!(error instanceof CogplanError)) throw error;
    const reason = error.message.split('\n')[0]?.replace('cog.yaml is not valid YAML: ', '');
    return `${error.where?.line}:${error.where?.column} ${reason}. ${error.hint}`;
  }
  return 'read';
}

test.each([
  ['build:\n\tgpu: true\n', '2:2 a tab indents the line. Indent with spaces: YAML takes no tabs there.'],
  [
    'build:\n  gpu: true\n  gpu: false\n',
    '3:3 the key "gpu" stands twice. Keep one of the two; the first is at line 2.',
  ],
  ['build:\n  gpu true\n  cuda: "12.1"\n', '2:3 a colon is missing after "gpu". Write "gpu:" at line 2.'],
  ['build\n  gpu: true\n', '1:1 a colon is missing after "build". Write "build:" at line 1.'],
  [
    'build:\n  gpu:true\n  cuda: "12.1"\n',
    '2:3 a space is missing after "gpu:". Write a space after the colon at line 2.',
  ],
  [
    'build:\n  run:\n    - a\n  - b\n',
    '4:3 the line is indented by 2 spaces, its neighbours by 4. Indent it by 4 spaces, as line 3.',
  ],
  [
    'build:\n  run:\n  - a\n    # why\n    - b: c\n    - d\n',
    '5:5 the line is indented by 4 spaces, its neighbours by 2. Indent it by 2 spaces, as line 3.',
  ],
  [
    'build:\n  gpu: true\n cuda: "12.1"\n',
    '3:2 the line is indented by 1 space, its neighbours by 2. Indent it by 2 spaces, as line 2.',
  ],
  [
    'build:\n  python_packages:\n    - "a"\n    "b"\n    - "c"\n',
    '4:5 a list item lacks its dash. Write "- " before the item at line 4.',
  ],
  ['run: "predict.py\nbuild:\n  gpu: true\n', '3:12 a closing " is missing. Close the quote of line 1.'],
  ['run: a: b\n', '1:6 the value holds ": ", which makes it a mapping. Put the whole value in quotes: run: \'a: b\''],
  [
    `run:\n  - echo '{"a": "b"}' > f\n`,
    `2:20 the value holds ": ", which makes it a mapping. Put the whole value in quotes: - 'echo ''{"a": "b"}'' > f'`,
  ],
  [
    'run: @x\n',
    '1:6 plain value cannot start with reserved character @. Put the value in quotes: YAML gives that character a meaning of its own.',
  ],
  ['a: 1\n---\nb: 2\n', '2:1 it holds more than one document. Remove the "---" at line 2, or what follows it.'],
  [
    '<<<<<<< HEAD\ngpu: true\n=======\ngpu: false\n>>>>>>> x\n',
    expect.stringContaining('it holds merge-conflict markers. Resolve the conflict at line 1.'),
  ],
])('%s', (text, expected) => {
  expect(told(text)).toEqual(expected);
});

test('the line and a caret below the place', () => {
  expect(() => parseYaml('build:\n  gpu: true\n  gpu: false\n', 'cog.yaml')).toThrow(
    '\n  2 |   gpu: true\n  3 |   gpu: false\n    |   ^',
  );
});

const repaired = (text: string): string | undefined => {
  try {
    parseYaml(text, 'cog.yaml');
  } catch (error) {
    const [fix] = fixesOf(error);
    return fix === undefined ? undefined : applyEdits(text, fix.edits);
  }
  return text;
};

test.each([
  ['build:\n\tgpu: true # x\n', 'build:\n  gpu: true # x\n'],
  ['build:\r\n\tgpu: true\r\n', 'build:\r\n  gpu: true\r\n'],
  ['build:\n\tpython_packages:\n\t\t- "a"\n', 'build:\n  python_packages:\n    - "a"\n'],
  ['build:\n  gpu true\n  cuda: "12.1"\n', 'build:\n  gpu: true\n  cuda: "12.1"\n'],
  ['build:\n  gpu:true\n  cuda: "12.1"\n', 'build:\n  gpu: true\n  cuda: "12.1"\n'],
  ['build:\n  run:\n    - a\n  - b # c\n', 'build:\n  run:\n    - a\n    - b # c\n'],
  ['build:\n  gpu: true\n cuda: "12.1"\n', 'build:\n  gpu: true\n  cuda: "12.1"\n'],
  [
    'build:\n  run:\n  - a\n    # why\n    - b c\n    - d\n\nrun: "p.py:P"\n',
    'build:\n  run:\n  - a\n    # why\n  - b c\n  - d\n\nrun: "p.py:P"\n',
  ],
  [
    'build:\n  system_packages:\n    - "a"\n python_packages:\n  - "b"\n  - "c"\nrun: "p.py:P"\n',
    'build:\n  system_packages:\n    - "a"\n  python_packages:\n  - "b"\n  - "c"\nrun: "p.py:P"\n',
  ],
  [
    'build:\n  python_packages:\n    - "a"\n    "b"\n    - "c"\n',
    'build:\n  python_packages:\n    - "a"\n    - "b"\n    - "c"\n',
  ],
  [`run:\n  - echo '{"a": "b"}' > f\n`, `run:\n  - 'echo ''{"a": "b"}'' > f'\n`],
  ["run: a's: b\n", "run: 'a''s: b'\n"],
])('the repair of %j is made', (text, expected) => {
  expect(repaired(text)).toBe(expected);
});

test.each([
  ['a key that stands twice', 'build:\n  gpu: true\n  gpu: false\n'],
  ['a quote that is open', 'run: "predict.py\nbuild:\n  gpu: true\n'],
  ['two documents', 'a: 1\n---\nb: 2\n'],
  ['tabs that mean one thing or another, by their width', 'a:\n  b:\n\tc: 1\n'],
  ['a repair that leaves the next error', 'build:\n  gpu true\n  cuda: "12.1\n'],
])('%s is left to a person', (_, text) => {
  expect(repaired(text)).toBeUndefined();
});
