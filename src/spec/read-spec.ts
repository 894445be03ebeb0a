import { basename, join, resolve } from 'node:path';
import { CogplanError } from '../errors.ts';
import { type Build, readBuild } from './build-section.ts';
import { isNull, note, type Reading, readMapping, wrongType } from './fields.ts';
import { Problems } from './problems.ts';
import { exists, readProjectText } from './project-file.ts';
import { NO_SETTINGS, readSettings } from './settings.ts';
import type { Notice, Spec } from './spec.ts';
import { readConcurrency, readEnvironment, readImageNames, readTarget } from './top-level.ts';
import { parseYaml, type YamlField } from './yaml-source.ts';

const MAX_BYTES = 256 * 1024;

const KNOWN = {
  what: 'the configuration',
  keys: new Set([
    'build',
    'image',
    'model',
    'run',
    'predict',
    'train',
    'concurrency',
    'environment',
    'weights',
    'tests',
  ]),
  elsewhere: Object.fromEntries(
    [
      'gpu',
      'cuda',
      'cudnn',
      'python_version',
      'python_packages',
      'python_requirements',
      'system_packages',
      'pre_install',
      'sdk_version',
    ].map((key) => [key, `Move it below "build:" as build.${key}`]),
  ),
};

/**
 * Reads a project's configuration and the requirements it names. Everything that is wrong is reported at once: the topmost as the
 * error thrown, the rest in its `data.others`. `file` is a name in `directory`.
 */
export async function readSpec(directory: string, options: { readonly file?: string } = {}): Promise<Spec> {
  const root = resolve(directory);
  const file = options.file ?? 'cog.yaml';
  const source = parseYaml(await readText(root, file), file);
  const problems = new Problems();
  const notices: Notice[] = [];
  const reading: Reading = { directory: root, source, problems, notices };
  const settings = await problems.attemptAsync(() => readSettings(root));

  if (!isNull(source.root) && source.fields(source.root) === undefined) {
    throw wrongType(source.root, 'a mapping', 'Write keys such as "build:" and "run:" at the top level.');
  }
  const fields = readMapping(reading, source.root, KNOWN);
  refuseLegacyLayout(reading, fields);

  const build = await readBuild(reading, fields.get('build'));
  const predict = await readPredictor(reading, fields);
  const train = await readTarget(reading, fields.get('train'), 'train.py:train');
  const concurrency = readConcurrency(reading, fields.get('concurrency'), build.pythonVersion?.value);
  const environment = readEnvironment(reading, fields.get('environment'));
  const names = readImageNames(reading, fields);
  const weights = readWeights(reading, fields.get('weights'));
  const tests = fields.get('tests');
  if (tests !== undefined)
    note(reading, tests, 'COGPLAN_KEY_RETIRED', '"tests" has no effect: Cog dropped it in 0.17.');
  problems.throwIfAny();

  const { pythonVersion } = build;
  if (pythonVersion === undefined) throw missingPythonVersion(source.root.where.file, fields.get('build'));
  return {
    directory: root,
    file,
    settings: settings ?? NO_SETTINGS,
    ...build,
    pythonVersion,
    ...(predict === undefined ? {} : { predict }),
    ...(train === undefined ? {} : { train }),
    ...(concurrency === undefined ? {} : { concurrency }),
    environment,
    ...names,
    weights,
    notices,
    config: plainConfig(reading, build),
  };
}

async function readText(directory: string, file: string): Promise<string> {
  if (basename(file) !== file || !(await exists(join(directory, file)))) {
    const misspelt = (await exists(join(directory, 'cog.yml'))) ? 'cog.yml' : undefined;
    throw new CogplanError('COGPLAN_SPEC_MISSING', `${join(directory, file)} does not exist`, {
      subject: file,
      hint:
        misspelt === undefined
          ? 'Run this in the folder that holds cog.yaml, or name that folder.'
          : `Rename ${misspelt} to cog.yaml.`,
    });
  }
  const problem = { code: 'COGPLAN_SPEC_MISSING', where: { file } } as const;
  return readProjectText(directory, file, { maxBytes: MAX_BYTES, problem });
}

function refuseLegacyLayout(reading: Reading, fields: ReadonlyMap<string, YamlField>): void {
  const environment = fields.get('environment');
  const model = fields.get('model');
  const isLegacy =
    (environment !== undefined && reading.source.fields(environment) !== undefined) ||
    (model !== undefined && reading.source.fields(model) !== undefined);
  const modelText = model === undefined ? undefined : reading.source.toPlain(model);
  if (!isLegacy && !(typeof modelText === 'string' && modelText.includes('.py:'))) return;
  throw new CogplanError('COGPLAN_SPEC_LEGACY', 'this is the layout of 2021, which is not read', {
    where: (environment ?? model)?.keyWhere,
    hint: 'Rename "environment:" to "build:", quote build.python_version, and rename "model:" to "run:".',
  });
}

async function readPredictor(reading: Reading, fields: ReadonlyMap<string, YamlField>): Promise<Spec['predict']> {
  const [run, predict] = [fields.get('run'), fields.get('predict')];
  if (run !== undefined && predict !== undefined) {
    reading.problems.add(
      new CogplanError('COGPLAN_SPEC_CONFLICT', 'run and predict exclude each other', {
        where: predict.keyWhere,
        hint: 'Keep "run"; "predict" is its older name.',
      }),
    );
    return undefined;
  }
  if (predict !== undefined) {
    note(reading, predict, 'COGPLAN_KEY_DEPRECATED', '"predict" is the older name of "run".', 'info');
  }
  if (run !== undefined && reading.source.items(run) !== undefined) {
    reading.problems.add(
      wrongType(run, 'a string such as "run.py:Runner"', 'Move a list of commands below "build:" as build.run.'),
    );
    return undefined;
  }
  return readTarget(reading, run ?? predict, run === undefined ? 'predict.py:Predictor' : 'run.py:Runner');
}

function readWeights(reading: Reading, field: YamlField | undefined): Spec['weights'] {
  if (field === undefined) return [];
  const items = reading.source.items(field);
  if (items === undefined) {
    reading.problems.add(wrongType(field, 'a list', 'Start each weight on a line of its own with "- ".'));
    return [];
  }
  return items.flatMap((item) => {
    const value = reading.problems.attempt(() => reading.source.toPlain(item));
    return value === undefined ? [] : [{ value, where: item.where }];
  });
}

// Versions stand in the configuration as they were written, not as the numbers YAML makes of them.
function plainConfig(reading: Reading, build: Build): Readonly<Record<string, unknown>> {
  const plain = reading.source.toPlain(reading.source.root) as Record<string, unknown>;
  const versions = {
    python_version: build.pythonVersion?.value,
    cuda: build.cuda?.value,
    cudnn: build.cudnn?.value,
    sdk_version: build.sdkVersion?.value,
  };
  const section = { ...(plain.build as Record<string, unknown>) };
  for (const [key, value] of Object.entries(versions)) if (value !== undefined) section[key] = value;
  return { ...plain, build: section };
}

function missingPythonVersion(file: string, build: YamlField | undefined): CogplanError {
  return new CogplanError('COGPLAN_SPEC_REQUIRED', 'build.python_version is required', {
    subject: 'build.python_version',
    where: build === undefined ? { file, line: 1, column: 1, key: 'build.python_version' } : build.keyWhere,
    hint: 'Add it: build:\n  python_version: "3.11"',
  });
}
