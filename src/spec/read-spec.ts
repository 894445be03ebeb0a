import { basename, join, posix, resolve } from 'node:path';
import { CogplanError } from '../errors.ts';
import { type Build, readBuild } from './build-section.ts';
import type { Fix } from './edit-spec.ts';
import { isNull, type KnownKeys, knownFields, note, type Reading, wrongType } from './fields.ts';
import { FILES } from './files.ts';
import { joinRequirements } from './join-requirements.ts';
import { translateLegacy } from './legacy-layout.ts';
import { Problems } from './problems.ts';
import { exists, readProjectText } from './project-file.ts';
import { readInstalled } from './read-installed.ts';
import { readRun } from './run/read-run.ts';
import { PLAIN, type Surroundings } from './run/run-state.ts';
import { separateWeights } from './separate-weights.ts';
import { NO_SETTINGS, readSettings, type Settings } from './settings.ts';
import type { Notice, Spec } from './spec.ts';
import { readConcurrency, readEnvironment, readImageNames, readTarget } from './top-level.ts';
import { readWeights } from './weights.ts';
import { parseYaml, type YamlField, type YamlSource } from './yaml-source.ts';

const MAX_BYTES = 256 * 1024;

const MOVABLE: ReadonlySet<string> = new Set([
  'gpu',
  'cuda',
  'cudnn',
  'python_version',
  'python_packages',
  'python_requirements',
  'system_packages',
  'pre_install',
  'sdk_version',
]);

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
    'observability',
  ]),
  elsewhere: {
    predictor: 'Rename it to "run", with a value such as "predict.py:Predictor"',
    ...Object.fromEntries([...MOVABLE].map((key) => [key, `Move it below "build:" as build.${key}`])),
  },
  movable: { keys: MOVABLE, to: 'build' },
  synonyms: {
    env: 'environment',
    environment_variables: 'environment',
    train_function: 'train',
    docker_image: 'image',
  },
} as const satisfies KnownKeys;

const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  tests: 'Cog dropped it in 0.17.',
  observability: 'it says nothing about the image; what runs the image may read it there.',
};

/**
 * Reads a project's configuration and the requirements it names. Everything that is wrong is reported at once: the topmost as the
 * error thrown, the rest in its `data.others`. `file` is a name in `directory`; without it, cog.yaml or else cog.yml.
 */
export async function readSpec(directory: string, options: { readonly file?: string } = {}): Promise<Spec> {
  const root = resolve(directory);
  const file = options.file ?? (await findFile(root));
  const source = parseYaml(await readText(root, file), file);
  const problems = new Problems();
  const notices: Notice[] = [];
  const reading: Reading = { directory: root, source, problems, notices };
  const settings = await problems.attemptAsync(() => readSettings(root));

  if (!isNull(source.root) && source.fields(source.root) === undefined) {
    throw wrongType(source.root, 'a mapping', 'Write keys such as "build:" and "run:" at the top level.');
  }
  const { fields: translated, legacy } = translateLegacy(reading, source.fields(source.root) ?? []);
  const fields = knownFields(
    reading,
    [...translated].map(([name, field]) => ({ ...field, name })),
    KNOWN,
  );
  for (const [name, text] of Object.entries(WITHOUT_EFFECT)) {
    const field = fields.get(name);
    if (field !== undefined) note(reading, field, 'COGPLAN_KEY_RETIRED', `"${name}" has no effect: ${text}`);
  }

  const build = await readBuild(reading, fields.get('build'), { legacy });
  const predict = await readPredictor(reading, fields);
  const train = await readTarget(reading, fields.get('train'), 'train.py:train');
  const concurrency = readConcurrency(reading, fields.get('concurrency'), build.pythonVersion?.value);
  const environment = readEnvironment(reading, fields.get('environment'));
  const names = readImageNames(reading, fields);
  const weights = readWeights(reading, fields.get('weights'), settings ?? NO_SETTINGS);
  const runReading = readRun(build.run, surroundingsOf(settings ?? NO_SETTINGS));
  for (const { value, where } of runReading.warnings)
    notices.push({ level: 'warn', code: 'COGPLAN_RUN_LINE', text: value, where });
  const installed = await readInstalled(reading, runReading.requirements);
  problems.throwIfAny();

  const declared = [...weights, ...runReading.weights.map(weightSetOf)];
  const separate =
    settings?.values.separate_weights === true
      ? await separateWeights(root, declared, settings.where(['separate_weights']))
      : undefined;

  const { pythonVersion } = build;
  if (pythonVersion === undefined) throw missingPythonVersion(source, fields.get('build'));
  return {
    directory: root,
    file,
    settings: settings ?? NO_SETTINGS,
    ...build,
    systemPackages: [...build.systemPackages, ...runReading.systemPackages],
    requirements: joinRequirements(build.requirements, installed),
    runReading,
    pythonVersion,
    ...(predict === undefined ? {} : { predict }),
    ...(train === undefined ? {} : { train }),
    ...(concurrency === undefined ? {} : { concurrency }),
    environment,
    ...names,
    weights: separate === undefined ? declared : [...declared, separate],
    notices,
    config: plainConfig(reading, translated, build),
  };
}

async function findFile(directory: string): Promise<string> {
  for (const file of FILES) if (await exists(join(directory, file))) return file;
  return 'cog.yaml';
}

async function readText(directory: string, file: string): Promise<string> {
  if (basename(file) !== file || !(await exists(join(directory, file)))) {
    throw new CogplanError('COGPLAN_SPEC_MISSING', `${join(directory, file)} does not exist`, {
      subject: file,
      hint:
        basename(file) === file
          ? 'Run this in the folder that holds cog.yaml, name that folder, or name another file with --file.'
          : 'Give the name of a file in the project folder, without a path.',
    });
  }
  const problem = { code: 'COGPLAN_SPEC_MISSING', where: { file } } as const;
  return readProjectText(directory, file, { maxBytes: MAX_BYTES, problem });
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

// Versions stand in the configuration as they were written, not as the numbers YAML makes of them.
function plainConfig(
  reading: Reading,
  fields: ReadonlyMap<string, YamlField>,
  build: Build,
): Readonly<Record<string, unknown>> {
  const plain = Object.fromEntries([...fields].map(([name, field]) => [name, reading.source.toPlain(field)]));
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

function missingPythonVersion(source: YamlSource, build: YamlField | undefined): CogplanError {
  const { file } = source.root.where;
  return new CogplanError('COGPLAN_SPEC_REQUIRED', 'build.python_version is required', {
    subject: 'build.python_version',
    where: build === undefined ? { file, line: 1, column: 1, key: 'build.python_version' } : build.keyWhere,
    hint: 'Add it: build:\n  python_version: "3.11"',
    data: addedVersion(source, build),
  });
}

function addedVersion(source: YamlSource, build: YamlField | undefined): { readonly fixes?: readonly Fix[] } {
  const line = build?.keyWhere.line ?? 1;
  const written = source.lines[line - 1] ?? '';
  // `build: {gpu: true}` is left to a person, and so is a file that begins with more than its first key.
  if (build !== undefined && !/^build:\s*(?:#.*)?$/.test(written)) return {};
  if (build === undefined && /^(?:---|%)/.test(written)) return {};
  const inside = build === undefined ? undefined : source.fields(build)?.[0]?.keyWhere.column;
  const added = `${' '.repeat((inside ?? 3) - 1)}python_version: "3.11"`;
  const become = build === undefined ? ['build:', added, written] : [written, added];
  const edit = { file: source.root.where.file, line, lines: [written], become };
  return { fixes: [{ text: 'write python_version: "3.11"', edits: [edit] }] };
}

/** What cogplan.yaml says of the image that the commands find. */
function surroundingsOf({ values }: Settings): Surroundings {
  return {
    ...PLAIN,
    onImage: values.base !== undefined,
    foreignArchives: (values.archives ?? []).length > 0,
    files: (values.files ?? []).map(({ path, unpack }) => ({ path: posix.resolve('/', path), whole: unpack === true })),
  };
}

/** What a command downloads from a hub, as weights of the image. */
function weightSetOf({
  uri,
  path,
  include,
  exclude,
  where,
}: Spec['runReading']['weights'][number]): Spec['weights'][number] {
  const source = { uri, include, exclude, where };
  return { name: path.slice(path.lastIndexOf('/') + 1), target: path, place: 'image', sources: [source], where };
}
