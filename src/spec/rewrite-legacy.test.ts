import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askedOf } from '../plan/asked.ts';
import { applyEdits } from './edit-spec.ts';
import { readSpec } from './read-spec.ts';
import { rewriteLegacy } from './rewrite-legacy.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-legacy-'));
  writeFileSync(join(directory, 'infer.py'), '');
  writeFileSync(join(directory, 'r.txt'), 'six\n');
});
afterAll(() => rmSync(directory, { recursive: true }));

const OLD = `# ours
model: infer.py:Model  # the class
examples:
  - input:
      img: "@a.png"
  # - one more
name: it

environment:
  python_version: 3.7 # old
  python_packages:
    - numpy==1.16
    # and this
    - tqdm==4.35.0
  architectures:
#    - gpu
    - cpu
  workdir: /code
  cuda: 10.2
`;

test.each<[string, string, string]>([
  [
    'everything',
    OLD,
    `# ours
run: infer.py:Model  # the class
  # - one more

build:
  python_version: "3.7" # old
  python_packages:
    - numpy==1.16
    # and this
    - tqdm==4.35.0
  gpu: false
#    - gpu
  cuda: "10.2"
`,
  ],
  [
    'without architectures a model is for GPUs',
    'environment:\n  # the one\n  python_version: "3.8"\n  python_requirements: r.txt\n',
    'build:\n  # the one\n  gpu: true\n  python_version: "3.8"\n  python_requirements: r.txt\n',
  ],
  [
    'a list on one line',
    'environment:\n  architectures: [gpu, cpu] # both\n  python_version: "3.8"\n',
    'build:\n  gpu: true # both\n  python_version: "3.8"\n',
  ],
  [
    'gpu said already',
    'environment:\n  gpu: false\n  python_version: 3.8\n',
    'build:\n  gpu: false\n  python_version: "3.8"\n',
  ],
  [
    'the model alone',
    'build:\n  python_version: "3.8"\nmodel: "infer.py:Model"\n',
    'build:\n  python_version: "3.8"\nrun: "infer.py:Model"\n',
  ],
  [
    'line ends of Windows',
    'environment:\r\n  python_version: 3.8\r\n',
    'build:\r\n  gpu: true\r\n  python_version: "3.8"\r\n',
  ],
])('%s', async (_, old, expected) => {
  const fix = rewriteLegacy(old, 'cog.yaml');
  expect(applyEdits(old, fix?.edits ?? [])).toBe(expected);
  writeFileSync(join(directory, 'cog.yaml'), old);
  const before = await readSpec(directory);
  expect(before.notices.some(({ code }) => code === 'COGPLAN_SPEC_LEGACY')).toBe(true);
  writeFileSync(join(directory, 'cog.yaml'), expected);
  const after = await readSpec(directory);
  expect(askedOf(after)).toEqual(askedOf(before));
  expect(after.notices.filter(({ code }) => code === 'COGPLAN_SPEC_LEGACY')).toEqual([]);
  expect(rewriteLegacy(expected, 'cog.yaml')).toBeUndefined();
});

test.each([
  ['both layouts', 'environment:\n  python_version: "3.8"\nbuild:\n  gpu: true\n'],
  ['what would have to move', 'environment:\n  python_version: "3.8"\n  python_find_links: ["https://h.test/x"]\n'],
  ['flow style', 'environment: {python_version: "3.8", cuda: "10.2"}\n'],
  ['variables of today', 'build:\n  python_version: "3.11"\nenvironment:\n  - A=b\n'],
  ['no YAML', 'environment:\n\tpython_version: 3.8\n'],
  ['a list', '- a\n'],
])('%s is left alone', (_, text) => {
  expect(rewriteLegacy(text, 'cog.yaml')).toBeUndefined();
});
