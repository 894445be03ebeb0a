import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { aContext, type TestContext } from '../../test/builders/context.ts';
import { aTarget } from '../../test/builders/lock.ts';
import { openProjectPython } from '../spec/project-python.ts';
import { checkModel } from './check-model.ts';

let context: TestContext;
let directory: string;
beforeAll(async () => {
  context = await aContext();
});
afterAll(() => context.dispose());
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-label-'));
  return () => rmSync(directory, { recursive: true, force: true });
});

async function labelsFor(files: Readonly<Record<string, string>>, ...env: readonly string[]) {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const image = { ...aTarget().image, env: ['A=b', ...env] };
  return checkModel(context, { image, python: await openProjectPython(directory) });
}

const PREDICT = 'COG_PREDICT_TYPE_STUB=predict.py:P';
const MODEL =
  'from cog import Input\nclass P:\n    def predict(self, seed: int = Input(default=None, le=2**64 - 1)) -> str: pass\n';

test('the label is the OpenAPI document, compact and sorted, with all digits', async () => {
  const { 'run.cog.openapi_schema': label = '' } = await labelsFor({ 'predict.py': MODEL }, PREDICT);
  expect(label).toMatch(/^\{"components":\{"schemas":\{"HTTPValidationError":/);
  expect(label).toContain('"seed":{"maximum":18446744073709551615,"title":"Seed","type":"integer","x-order":0}');
  expect(await labelsFor({ 'predict.py': MODEL }, PREDICT)).toEqual({ 'run.cog.openapi_schema': label });
});

test('a trainer is in the same document', async () => {
  const train = 'def t(n: int) -> str: pass\n';
  const labels = await labelsFor({ 'predict.py': MODEL, 'train.py': train }, PREDICT, 'COG_TRAIN_TYPE_STUB=train.py:t');
  const { paths, components } = JSON.parse(labels['run.cog.openapi_schema'] ?? '');
  expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/predictions', '/trainings']));
  expect(components.schemas).toMatchObject({ Input: {}, TrainingInput: { required: ['n'] } });
});

test.each([
  ['no model', {}, []],
  ['a model that only running would tell', { 'predict.py': `import x\n${MODEL.replace('int =', 'x.y =')}` }, [PREDICT]],
])('there is no label for %s', async (_, files, env) => {
  expect(await labelsFor(files, ...env)).toEqual({});
});

test('a model that no server would take is refused, each time, also after it was right', async () => {
  await labelsFor({ 'predict.py': MODEL }, PREDICT);
  const wrong = { 'predict.py': MODEL.replace(': int', ': bytes') };
  await expect(labelsFor(wrong, PREDICT)).rejects.toMatchObject({ code: 'COGPLAN_MODEL_SIGNATURE' });
  await expect(labelsFor(wrong, PREDICT)).rejects.toMatchObject({ code: 'COGPLAN_MODEL_SIGNATURE' });
  await expect(labelsFor({ 'predict.py': MODEL }, PREDICT, 'COG_MAX_CONCURRENCY=3')).rejects.toMatchObject({
    code: 'COGPLAN_MODEL_SIGNATURE',
  });
});
