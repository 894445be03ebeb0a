import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CogplanError } from '../errors.ts';
import { readSpec } from './read-spec.ts';
import type { Spec } from './spec.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cogplan-spec-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function project(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
}

async function read(
  yaml: string | Uint8Array,
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<Spec> {
  await project({ 'predict.py': '', 'cog.yaml': yaml, ...files });
  return readSpec(directory);
}

interface Reported {
  readonly code: string;
  readonly message: string;
  readonly where: { readonly file: string; readonly line: number; readonly column: number; readonly key?: string };
  readonly hint?: string;
}

async function problems(
  yaml: string | Uint8Array,
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<readonly Reported[]> {
  const error = await read(yaml, files).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CogplanError)) throw error ?? new Error('nothing was refused');
  const { code, message, where, hint } = error;
  return [{ code, message, where, hint } as Reported, ...((error.data?.others as Reported[] | undefined) ?? [])];
}

const BUILD = 'build:\n  python_version: "3.11"\n';

describe('the layout of 2021', () => {
  test("is read in today's words, and told", async () => {
    const spec = await read(
      [
        'model: infer.py:Model',
        'examples:',
        '  - input: {a: b}',
        'environment:',
        '  python_version: 3.8',
        '  architectures: [gpu, cpu]',
        '  cuda: 10.2',
        '  workdir: /x',
        '  python_packages: [torch==1.4.0]',
        '  python_extra_index_urls: ["https://i.example/simple"]',
        '  python_find_links: ["https://l.example/p.html"]',
        '  pre_install: [b]',
        '  post_install: [c]',
      ].join('\n'),
      { 'infer.py': '' },
    );
    expect(spec).toMatchObject({
      gpu: true,
      pythonVersion: { value: '3.8', where: { line: 5, key: 'environment.python_version' } },
      cuda: { value: '10.2' },
      predict: { file: 'infer.py', name: 'Model' },
      requirements: {
        requirements: [{ text: 'torch==1.4.0' }],
        extraIndexUrls: [{ value: 'https://i.example/simple' }],
        findLinks: [{ value: 'https://l.example/p.html' }],
      },
      environment: [],
      config: { run: 'infer.py:Model', build: { python_version: '3.8', cuda: '10.2' } },
    });
    expect(spec.run.map((run) => run.command)).toEqual(['b', 'c']);
    expect(spec.notices.filter(({ level }) => level === 'warn').map(({ code, where }) => [code, where.line])).toEqual([
      ['COGPLAN_SPEC_LEGACY', 4],
      ['COGPLAN_SPEC_LEGACY', 1],
      ['COGPLAN_KEY_RETIRED', 2],
      ['COGPLAN_KEY_RETIRED', 8],
    ]);
  });

  test("without a GPU where it named the processor only, and a predictor beside today's build", async () => {
    const spec = await read('environment:\n  python_version: "3.8"\n  architectures: [cpu]\n');
    expect(spec.gpu).toBe(false);
    const mixed = await read(`${BUILD}model: "predict.py:Model"\n`);
    expect(mixed.predict).toMatchObject({ file: 'predict.py', name: 'Model' });
    expect(mixed.model).toBeUndefined();
  });
});

describe('a whole configuration', () => {
  test('is read with the place of each value', async () => {
    const spec = await read(
      [
        'build:',
        '  gpu: true',
        '  python_version: "3.11.4"',
        '  cuda: "12.4"',
        '  cudnn: "9"',
        '  sdk_version: 0.16.0',
        '  system_packages: [ffmpeg, "libgl1=1.6.0-1 libsm6"]',
        '  python_requirements: requirements.txt',
        '  run:',
        '    - echo "a" && printf \'%s\\n\' $(pwd)',
        '    - command: pip download x',
        '      mounts: [{type: secret, id: pip, target: /etc/pip.conf}]',
        '    - >-',
        '      echo one',
        '      two',
        '  pre_install: [last]',
        'run: "./predict.py:Predictor"',
        'train: "train.py:train"',
        'image: registry.example.com/a/b',
        'concurrency: {max: 4}',
        'environment: [B=2, A=x=y, EMPTY=]',
        '',
      ].join('\r\n'),
      { 'requirements.txt': 'numpy\n', 'train.py': '' },
    );
    expect(spec).toMatchObject({
      gpu: true,
      pythonVersion: { value: '3.11.4', where: { file: 'cog.yaml', line: 3, column: 19, key: 'build.python_version' } },
      cuda: { value: '12.4' },
      sdkVersion: { value: '0.16.0' },
      predict: { file: 'predict.py', name: 'Predictor', where: { line: 17, key: 'run' } },
      train: { file: 'train.py', name: 'train' },
      image: { value: 'registry.example.com/a/b' },
      concurrency: { max: 4 },
    });
    expect(spec.systemPackages.map((item) => item.value)).toEqual(['ffmpeg', 'libgl1=1.6.0-1', 'libsm6']);
    expect(spec.run.map((item) => [item.command, item.where.key, item.mounts.length])).toEqual([
      ['echo "a" && printf \'%s\\n\' $(pwd)', 'build.run[0]', 0],
      ['pip download x', 'build.run[1]', 1],
      ['echo one two', 'build.run[2]', 0],
      ['last', 'build.pre_install[0]', 0],
    ]);
    expect(spec.environment.map(({ name, value }) => [name, value])).toEqual([
      ['A', 'x=y'],
      ['B', '2'],
      ['EMPTY', ''],
    ]);
    expect(spec.requirements.requirements.map((line) => line.text)).toEqual(['numpy']);
    expect((spec.config.build as Record<string, unknown>).python_version).toBe('3.11.4');
  });

  test('with null and empty sections and a byte order mark', async () => {
    const spec = await read(
      '\ufeffweights: []\ntests:\nenvironment: null\nbuild: {python_version: "3.12", run: null}\n',
    );
    expect(spec.pythonVersion.value).toBe('3.12');
    expect(spec.predict).toBeUndefined();
    expect([spec.run, spec.environment, spec.notices]).toEqual([[], [], []]);
  });

  test('with merge keys and aliases', async () => {
    const spec = await read(
      'environment: &e [A=1]\nbuild:\n  <<: {python_version: "3.9", gpu: off}\n  python_version: "3.13"\n  gpu: on\n',
    );
    expect(spec.pythonVersion.value).toBe('3.13');
    expect(spec.gpu).toBe(true);
  });

  test('retired and deprecated keys are accepted with notices', async () => {
    const spec = await read(
      'build:\n  python_version: 3.11\n  fast: true\n  cog_runtime: true\n  python_overrides: o.txt\n  pre_install: []\n  python_packages: [numpy]\npredict: predict.py:P\n',
    );
    expect(spec.pythonVersion.value).toBe('3.11');
    expect(spec.notices.map(({ level, code, where }) => [level, code, where.line])).toEqual([
      ['warn', 'COGPLAN_KEY_RETIRED', 3],
      ['warn', 'COGPLAN_KEY_RETIRED', 5],
      ['warn', 'COGPLAN_KEY_RETIRED', 4],
      ['info', 'COGPLAN_UNQUOTED_VERSION', 2],
      ['info', 'COGPLAN_KEY_DEPRECATED', 7],
      ['info', 'COGPLAN_KEY_DEPRECATED', 6],
      ['info', 'COGPLAN_KEY_DEPRECATED', 8],
    ]);
    expect(spec.config).toMatchObject({ build: { python_version: '3.11' } });
  });
});

describe('refusals name code, line, column and key', () => {
  const VALUE = 'COGPLAN_SPEC_VALUE';
  const TYPE = 'COGPLAN_SPEC_TYPE';
  test.each<[string, string, string, number, number, string | undefined, RegExp]>([
    [
      'unknown key',
      `${BUILD}  systempackages: [a]\n`,
      'COGPLAN_SPEC_UNKNOWN_KEY',
      3,
      3,
      'build.systempackages',
      /Did you mean system_packages/,
    ],
    ['key of build at the top', `${BUILD}gpu: true\n`, 'COGPLAN_SPEC_UNKNOWN_KEY', 3, 1, 'gpu', /build\.gpu/],
    [
      'top-level key in build',
      `${BUILD}  predict: "predict.py:P"\n`,
      'COGPLAN_SPEC_UNKNOWN_KEY',
      3,
      3,
      'build.predict',
      /top level/,
    ],
    [
      '3.10 as a number',
      'build:\n  python_version: 3.10\n',
      TYPE,
      2,
      19,
      'build.python_version',
      /python_version: "3\.10"/,
    ],
    ['cuda 12.0 as a number', `${BUILD}  gpu: true\n  cuda: 12.0\n`, TYPE, 4, 9, 'build.cuda', /cuda: "12\.0"/],
    [
      'string for a list',
      `${BUILD}  system_packages: ffmpeg\n`,
      TYPE,
      3,
      20,
      'build.system_packages',
      /system_packages: \["ffmpeg"\]/,
    ],
    ['mapping for a list', `${BUILD}  run: {a: 1}\n`, TYPE, 3, 8, 'build.run', /"- "/],
    ['colon in a command', `${BUILD}  run:\n    - echo a: b\n`, TYPE, 4, 7, 'build.run[0]', /quoted as a whole/],
    [
      'list for a string',
      `${BUILD}  python_requirements: [a]\n`,
      TYPE,
      3,
      24,
      'build.python_requirements',
      /python_packages/,
    ],
    ['string for a mapping', 'build: "3.11"\n', TYPE, 1, 8, 'build', /Indent/],
    ['word for a boolean', `${BUILD}  gpu: "true"\n`, TYPE, 3, 8, 'build.gpu', /without quotes/],
    [
      'number in a list of strings',
      `${BUILD}  python_packages: [1]\n`,
      TYPE,
      3,
      21,
      'build.python_packages[0]',
      /quotes/,
    ],
    ['null in a list', `${BUILD}  run:\n    -\n`, VALUE, 4, 6, 'build.run[0]', /Remove/],
    ['list at the top', '- a\n', TYPE, 1, 1, undefined, /top level/],
    ['run as a list at the top', `${BUILD}run:\n  - echo\n`, TYPE, 4, 3, 'run', /build\.run/],
    ['no class', `${BUILD}run: predict.py\n`, VALUE, 3, 6, 'run', /run\.py:Runner/],
    ['two classes', `${BUILD}predict: predict.py:a.py:b\n`, VALUE, 3, 10, 'predict', /predict\.py:Predictor/],
    ['missing predictor', `${BUILD}run: absent.py:P\n`, 'COGPLAN_SPEC_FILE_MISSING', 3, 6, 'run', /Create the file/],
    ['predictor outside', `${BUILD}run: ../up.py:P\n`, 'COGPLAN_SPEC_FILE_MISSING', 3, 6, 'run', /Create/],
    [
      'missing requirements',
      `${BUILD}  python_requirements: r.txt\n`,
      'COGPLAN_SPEC_FILE_MISSING',
      3,
      24,
      'build.python_requirements',
      /relative/,
    ],
    [
      'run and predict',
      `${BUILD}run: predict.py:P\npredict: predict.py:P\n`,
      'COGPLAN_SPEC_CONFLICT',
      4,
      1,
      'predict',
      /Keep "run"/,
    ],
    [
      'packages and requirements',
      `${BUILD}  python_packages: [a]\n  python_requirements: predict.py\n`,
      'COGPLAN_SPEC_CONFLICT',
      3,
      3,
      'build.python_packages',
      /Move/,
    ],
    ['image and model', `${BUILD}image: a\nmodel: a/b\n`, 'COGPLAN_SPEC_CONFLICT', 3, 8, 'image', /Keep "model"/],
    ['model with a tag', `${BUILD}model: h:5000/a/b:latest\n`, VALUE, 3, 8, 'model', /tag/],
    ['major only', 'build:\n  python_version: "3"\n', VALUE, 2, 19, 'build.python_version', /3\.11/],
    ['old Python', 'build:\n  python_version: "2.7"\n', VALUE, 2, 19, 'build.python_version', /3\.11/],
    [
      'no Python',
      'run: predict.py:P\n',
      'COGPLAN_SPEC_REQUIRED',
      1,
      1,
      'build.python_version',
      /python_version: "3\.11"/,
    ],
    ['empty file', '', 'COGPLAN_SPEC_REQUIRED', 1, 1, 'build.python_version', /Add it/],
    ['null build', 'build:\n', 'COGPLAN_SPEC_REQUIRED', 1, 1, 'build.python_version', /Add it/],
    ['cuda without minor', `${BUILD}  gpu: true\n  cuda: "12"\n`, VALUE, 4, 9, 'build.cuda', /12\.4/],
    ['old cuda', `${BUILD}  gpu: true\n  cuda: "8.0"\n`, VALUE, 4, 9, 'build.cuda', /12\.4/],
    ['sdk version', `${BUILD}  sdk_version: soon\n`, VALUE, 3, 16, 'build.sdk_version', /prerelease/],
    [
      'apt option',
      `${BUILD}  system_packages: [fluidsynth --target-release sid]\n`,
      'COGPLAN_SYSTEM_PACKAGE_SYNTAX',
      3,
      21,
      'build.system_packages[0]',
      /only names stand here/,
    ],
    ['command of two lines', `${BUILD}  run:\n    - |\n      a\n      b\n`, VALUE, 4, 7, 'build.run[0]', />-/],
    [
      'mount of another type',
      `${BUILD}  run:\n    - {command: a, mounts: [{type: bind, id: a, target: /a}]}\n`,
      VALUE,
      4,
      36,
      'build.run[0].mounts[0].type',
      /secret/,
    ],
    [
      'mount without id',
      `${BUILD}  run:\n    - {command: a, mounts: [{type: secret, target: /a}]}\n`,
      'COGPLAN_SPEC_REQUIRED',
      4,
      29,
      'build.run[0].mounts[0]',
      /type, id and target/,
    ],
    ['variable without value', `${BUILD}environment: [A]\n`, VALUE, 3, 15, 'environment[0]', /LOG_LEVEL/],
    ['reserved variable', `${BUILD}environment: [CUDA_HOME=/x]\n`, VALUE, 3, 15, 'environment[0]', /another name/],
    ['variable twice', `${BUILD}environment: [A=1, A=2]\n`, VALUE, 3, 20, 'environment[1]', /Keep one/],
    ['concurrency of zero', `${BUILD}concurrency: {max: 0}\n`, VALUE, 3, 20, 'concurrency.max', /max: 4/],
    [
      'concurrency and Python 3.10',
      'build: {python_version: "3.10"}\nconcurrency: {max: 2}\n',
      VALUE,
      2,
      20,
      'concurrency.max',
      /Raise/,
    ],
    ['duplicate key', `${BUILD}  gpu: true\n  gpu: false\n`, 'COGPLAN_SPEC_SYNTAX', 4, 3, undefined, /Keep one/],
    ['tab', 'build:\n\tgpu: true\n', 'COGPLAN_SPEC_SYNTAX', 2, 2, undefined, /spaces/],
    ['open quote', `${BUILD}  cuda: "12\n`, 'COGPLAN_SPEC_SYNTAX', 3, 12, undefined, /quote/],
    ['two documents', `${BUILD}---\na: 1\n`, 'COGPLAN_SPEC_SYNTAX', 3, 1, undefined, /Remove the "---"/],
    [
      'both layouts',
      `${BUILD}environment:\n  python_version: "3.8"\n`,
      'COGPLAN_SPEC_LEGACY',
      3,
      1,
      'environment',
      /Move what is below "environment" to "build"/,
    ],
    [
      'both predictors',
      `${BUILD}model: "infer.py:Model"\nrun: "a.py:B"\n`,
      'COGPLAN_SPEC_LEGACY',
      3,
      1,
      'model',
      /Move/,
    ],
    ['variables as a mapping', `${BUILD}environment:\n  FOO: bar\n`, TYPE, 4, 3, 'environment', /NAME=value/],
    ['a key that is a list', `${BUILD}? [a]\n: b\n`, TYPE, 3, 3, undefined, /Quote/],
  ])('%s', async (_, yaml, code, line, column, key, hint) => {
    const [first] = await problems(yaml);
    expect([first?.code, first?.where.line, first?.where.column, first?.where.key]).toEqual([code, line, column, key]);
    expect(first?.hint ?? '').toMatch(hint);
  });

  test('all at once, topmost first', async () => {
    const reported = await problems(
      'build:\n  python_version: 3.10\n  run: make\n  python_requirements: r.txt\nimge: x\npredict: nothing.py:P\n',
      { 'r.txt': 'numpy=1\n-r none.txt\n' },
    );
    expect(reported.map(({ where, code }) => [where.file, where.line, code])).toEqual([
      ['cog.yaml', 2, 'COGPLAN_SPEC_TYPE'],
      ['cog.yaml', 3, 'COGPLAN_SPEC_TYPE'],
      ['cog.yaml', 5, 'COGPLAN_SPEC_UNKNOWN_KEY'],
      ['cog.yaml', 6, 'COGPLAN_SPEC_FILE_MISSING'],
      ['r.txt', 1, 'COGPLAN_REQUIREMENT_INVALID'],
      ['r.txt', 2, 'COGPLAN_REQUIREMENTS_FILE'],
    ]);
  });

  test('a syntax error shows its line with a caret', async () => {
    const [first] = await problems(`${BUILD}  run: [a\n`);
    expect(first?.message).toMatch(/\n +\| +\^/);
  });

  test('a file that is not text, too large, or a bomb of aliases', async () => {
    expect((await problems(new Uint8Array([0x62, 0xff, 0xfe])))[0]?.code).toBe('COGPLAN_SPEC_SYNTAX');
    expect((await problems(`# ${'x'.repeat(300_000)}`))[0]?.code).toBe('COGPLAN_SPEC_MISSING');
    const levels = Array.from(
      { length: 30 },
      (_, i) => `  - &a${i} {<<: [${i === 0 ? '{k: v}' : `*a${i - 1}, *a${i - 1}`}]}`,
    );
    for (const bomb of [`${BUILD}weights:\n${levels.join('\n')}\n`, `weights:\n${levels.join('\n')}\nbuild: *a29\n`]) {
      expect((await problems(bomb)).map(({ code }) => code)).toContain('COGPLAN_SPEC_SYNTAX');
    }
  });

  test('a missing configuration, one that is called cog.yml, and another file', async () => {
    await expect(readSpec(directory)).rejects.toMatchObject({ code: 'COGPLAN_SPEC_MISSING' });
    await project({ 'cog.yml': BUILD });
    expect(await readSpec(directory)).toMatchObject({ file: 'cog.yml', pythonVersion: { where: { file: 'cog.yml' } } });
    await project({ 'small.yaml': 'build:\n  python_version: "3.13"\n' });
    expect(await readSpec(directory, { file: 'small.yaml' })).toMatchObject({ pythonVersion: { value: '3.13' } });
    await expect(readSpec(directory, { file: '../cog.yaml' })).rejects.toMatchObject({ code: 'COGPLAN_SPEC_MISSING' });
  });

  test('a link that leads out of the project', async () => {
    await symlink('/etc/hostname', join(directory, 'r.txt'));
    const [first] = await problems(`${BUILD}  python_requirements: r.txt\n`);
    expect(first).toMatchObject({ code: 'COGPLAN_SPEC_FILE_MISSING', message: expect.stringContaining('outside') });
  });
});
