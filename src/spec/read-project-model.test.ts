import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openProjectPython } from './project-python.ts';
import { modelProblems } from './read-project-model.ts';
import { readSpec } from './read-spec.ts';
import { fetchNotices, unpinnedFetches } from './unpinned-fetches.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-model-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const YAML = 'build:\n  python_version: "3.11"\nrun: "predict.py:Predictor"\n';

async function problems(files: Readonly<Record<string, string>>, yaml = YAML): Promise<readonly object[]> {
  write({ 'cog.yaml': yaml, ...files });
  const spec = await readSpec(directory);
  const found = modelProblems(spec, await openProjectPython(directory));
  return found.map(({ code, message, where }) => ({ code, message, where }));
}

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
}

const GOOD = 'class Predictor:\n    def predict(self, x: int) -> int:\n        return x\n';

test('a model that can be served has no problem', async () => {
  expect(await problems({ 'predict.py': GOOD })).toEqual([]);
});

test('a parameter is told with file, line, name and what is allowed', async () => {
  expect(await problems({ 'predict.py': GOOD.replace('x: int', '\n        x: bytes,\n        y: int') })).toEqual([
    {
      code: 'COGPLAN_MODEL_SIGNATURE',
      message: expect.stringMatching(
        /^Predictor\.predict, parameter 'x': bytes is not an input type\. Use one of: str, int/,
      ),
      where: { file: 'predict.py', line: 3 },
    },
  ]);
});

test('a class that is not there is told with those that are', async () => {
  expect(await problems({ 'predict.py': 'import os\nclass Other: pass\ndef helper(): pass\n' })).toEqual([
    {
      code: 'COGPLAN_MODEL_MISSING',
      message: 'predict.py has no class or function Predictor; it defines Other, helper',
      where: { file: 'predict.py' },
    },
  ]);
});

test('a file that does not enter the image is not there', async () => {
  expect(await problems({ 'predict.py': GOOD, '.dockerignore': '*.py\n' })).toMatchObject([
    { code: 'COGPLAN_MODEL_MISSING', message: 'there is no file predict.py' },
  ]);
});

test('the trainer is read too', async () => {
  expect(
    await problems({ 'predict.py': GOOD, 'train.py': 'def train(n): pass\n' }, `${YAML}train: "train.py:train"\n`),
  ).toMatchObject([{ code: 'COGPLAN_MODEL_SIGNATURE', where: { file: 'train.py', line: 1 } }]);
});

test('many predictions at once need an async method', async () => {
  expect(await problems({ 'predict.py': GOOD }, `${YAML}concurrency:\n  max: 4\n`)).toMatchObject([
    { message: 'Predictor.predict: 4 predictions at once need an async method; predict() is not async' },
  ]);
});

test.each<[string, string]>([
  ['another base', 'from other import Base\nclass Predictor(Base):\n    pass\n'],
  ['a computed default', GOOD.replace('x: int', 'x: int = len(open(__file__).read())')],
  ['a type of a package', `import cv2\n${GOOD.replace('x: int', 'x: cv2.Thing')}`],
  ['what this parser does not know', `${GOOD}\nx = t"new"\n`],
  ['a condition', `if 1 > 2:\n    class Predictor: pass\nelse:\n    class Predictor: pass\n`],
])('nothing is refused where only running it would tell: %s', async (_, text) => {
  expect(await problems({ 'predict.py': text })).toEqual([]);
});

test('a link out of the project is not followed', async () => {
  write({ 'cog.yaml': YAML, 'predict.py': GOOD });
  symlinkSync('/etc/hosts', join(directory, 'a.py'));
  await expect(openProjectPython(directory)).rejects.toMatchObject({ code: 'COGPLAN_SOURCE_LINK_ESCAPES' });
});

test('what the model fetches is told, in files that it imports only', async () => {
  write({
    'cog.yaml': YAML,
    'predict.py': `import lib.weights\n${GOOD}`,
    'lib/weights.py': 'import urllib.request\nURL = "https://a.example/w"\nurllib.request.urlretrieve(URL, "w")\n',
    'tools.py': 'import requests\nrequests.get("https://b.example/x")\n',
  });
  const spec = await readSpec(directory);
  expect(fetchNotices(unpinnedFetches(spec, await openProjectPython(directory)))).toEqual([
    {
      level: 'warn',
      code: 'lock.unpinned-fetch',
      text: 'urlretrieve fetches https://a.example/w when the model runs; nothing pins it',
      where: { file: 'lib/weights.py', line: 3 },
    },
  ]);
});
