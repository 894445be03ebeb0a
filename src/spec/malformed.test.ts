import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CogplanError } from '../errors.ts';
import { applyEdits, fixesOf } from './edit-spec.ts';
import { readSpec } from './read-spec.ts';
import type { Spec } from './spec.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cogplan-malformed-'));
  await writeFile(join(directory, 'predict.py'), 'class P:\n  pass\n');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const BUILD = 'build:\n  python_version: "3.11"\n';
const RUN = 'run: "predict.py:P"\n';
const inBuild = (text: string): string => `${BUILD}  ${text}\n${RUN}`;

async function read(text: string | Uint8Array): Promise<Spec> {
  await writeFile(join(directory, 'cog.yaml'), text);
  return readSpec(directory);
}

async function refusal(text: string | Uint8Array): Promise<CogplanError> {
  const error: unknown = await read(text).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CogplanError)) throw error ?? new Error('nothing was refused');
  return error;
}

describe('what is wrong is told at its place, with what to do', () => {
  test.each<[string, string | Uint8Array, string, RegExp]>([
    ['a version without its minor part', 'build:\n  python_version: 3\n', '2:19', /must include major and minor/],
    ['a date for a version', 'build:\n  python_version: 2023-01-01\n', '2:19', /Write for example "3\.11"/],
    ['a list for a version', 'build:\n  python_version: ["3.10"]\n', '2:19', /must be a string, not a list/],
    ['a version that is missing', 'build:\n  python_version:\n', '1:1', /is required/],
    ['an empty file', '', '1:1', /is required/],
    ['a list for everything', '- a\n- b\n', '1:1', /must be a mapping, not a list/],
    ['a Dockerfile', 'FROM python:3.11\nRUN pip install torch\n', '1:1', /must be a mapping, not a string/],
    ['a program', new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2]), '1:1', /control character U\+007F/],
    ['a NUL', inBuild('gpu: \0true'), '3:8', /control character U\+0000/],
    ['carriage returns alone', (BUILD + RUN).replaceAll('\n', '\r'), '1:7', /end in carriage returns alone.*LF/s],
    [
      'a no-break space in the indentation',
      'build:\n\u00a0\u00a0python_version: "3.11"\n',
      '2:1',
      /no-break space \(U\+00A0\)/,
    ],
    [
      'a zero-width space in a key',
      'build:\n  \u200bpython_version: "3.11"\n',
      '2:3',
      /zero-width space \(U\+200B\).*Remove it/s,
    ],
    ['a wide colon', 'build\uff1a\n  python_version: "3.11"\n', '1:1', /wide colon \(U\+FF1A\).*plain colon/s],
    [
      'a long dash for a list item',
      inBuild('python_packages:\n    \u2014 numpy'),
      '4:5',
      /hyphen and a space before each item: - numpy/,
    ],
    [
      'a dash without its space',
      inBuild('python_packages:\n    -numpy'),
      '4:5',
      /hyphen and a space before each item: - numpy/,
    ],
    [
      'an item without its dash',
      inBuild('python_packages:\n    - numpy\n    torch'),
      '5:5',
      /a list item lacks its dash.*line 5/s,
    ],
    [
      'an item whose dash lacks its space',
      inBuild('python_packages:\n    - numpy\n    -torch'),
      '5:5',
      /a space is missing after the dash/,
    ],
    [
      'a bracket that is not closed',
      inBuild('python_packages: ["numpy", "torch"'),
      '4:1',
      /a closing \] is missing.*Close the \[ of line 3/s,
    ],
    ['a brace that is not closed', '{build: {python_version: "3.11"}\n', '1:33', /a closing \} is missing/],
    [
      'an alias of nothing',
      inBuild('python_packages: *nope'),
      '3:20',
      /\*nope stands for nothing.*Quote the whole value/s,
    ],
    ['a pattern that is an alias', inBuild('run:\n    - *.py'), '4:7', /\*\.py stands for nothing/],
    ['a command that is a tag', inBuild('run:\n    - !ls'), '4:7', /the tag !ls is not known/],
    [
      'an object of Python',
      'build: !!python/object:os.system\n  python_version: "3.11"\n',
      '1:8',
      /tag !!python\/object:os\.system/,
    ],
    ["a tag of one's own", 'build:\n  python_version: !env PY\n', '2:19', /the tag !env is not known/],
    ['a mapping as a key', '? [a, b]\n: c\n', '1:3', /a key must be plain text/],
    ['a number as a key', '1: 2\n', '1:1', /a key must be plain text.*Quote/s],
    ['a key twice', `${BUILD}${RUN}build:\n  gpu: true\n`, '4:1', /"build" stands twice.*first is at line 1/s],
    ['two documents', `${BUILD}${RUN}---\n${BUILD}`, '4:1', /more than one document/],
    [
      'a backslash in double quotes',
      inBuild('run:\n    - "echo \\d"'),
      '4:13',
      /single quotes, or write each backslash twice/,
    ],
    ['a backtick', inBuild('run:\n    - `ls`'), '4:7', /in quotes/],
    ['an at sign', inBuild('python_packages:\n    - @foo'), '4:7', /in quotes/],
    ['a percent sign', inBuild('run:\n    - %pip install x'), '4:7', /in quotes/],
    ['text behind a bar', inBuild('run:\n    - |echo'), '4:8', /Put the whole value in quotes/],
    ['a command with a colon', inBuild('run:\n    - echo a: b'), '4:7', /quoted as a whole/],
    [
      'a list of packages as text',
      inBuild('python_packages: "torch==2.0"'),
      '3:20',
      /python_packages: \["torch==2\.0"\]/,
    ],
    [
      'packages as a block of text',
      inBuild('python_packages: |\n    torch\n    numpy'),
      '3:20',
      /on a line of its own below the key: - torch, - numpy/,
    ],
    ['packages as a mapping', inBuild('python_packages:\n    torch: "2.0"'), '4:5', /must be a list, not a mapping/],
    ['a number for a package', inBuild('python_packages:\n    - 5'), '4:7', /must be a string, not a number/],
    ['an empty item', inBuild('python_packages:\n    -\n    - numpy'), '4:6', /is empty.*Remove the item/s],
    ['a list in a list', inBuild('python_packages:\n    - - numpy'), '4:7', /must be a string, not a list/],
    ['one command that is no list', inBuild('run: echo hi'), '3:8', /run: \["echo hi"\]/],
    ['a class that is missing', `${BUILD}run: "predict.py"\n`, '3:6', /"predict\.py:P"/],
    ['a model outside the project', `${BUILD}run: "../predict.py:P"\n`, '3:6', /lies outside the project/],
    ['two models', `${BUILD}run: "predict.py:P"\npredict: "predict.py:P"\n`, '4:1', /exclude each other/],
    ['a number for concurrency', `${BUILD}${RUN}concurrency: 5\n`, '4:14', /Write "max:"/],
    ['variables as a mapping', `${BUILD}${RUN}environment:\n  A: b\n`, '5:3', /- NAME=value/],
    ['a variable twice', `${BUILD}${RUN}environment:\n  - A=1\n  - A=2\n`, '6:5', /already defined/],
    ['a key at the wrong level', `python_version: "3.11"\n${RUN}`, '1:1', /below "build:"/],
    ['a key of the top level below build', inBuild('predict: "predict.py:P"'), '3:3', /top level, out of "build:"/],
    ['a cuDNN that is no number', inBuild('cudnn: eight'), '3:10', /Write for example "8" or "9\.1"/],
    [
      'the newest SDK by name',
      inBuild('sdk_version: "latest"'),
      '3:16',
      /Remove the key: without it, the newest is taken/,
    ],
    ['requirements outside the project', inBuild('python_requirements: ../x.txt'), '3:24', /lies outside the project/],
  ])('%s', async (_, text, place, told) => {
    const error = await refusal(text);
    expect(`${error.where?.line}:${error.where?.column}`).toBe(place);
    expect(`${error.message}\n${error.hint}`).toMatch(told);
    expect(error.hint).toBeDefined();
  });
});

describe('what was meant is offered, and reads', () => {
  test.each<[string, string, (spec: Spec) => unknown, unknown]>([
    ['3.10 as a number', 'build:\n  python_version: 3.10\n', (spec) => spec.pythonVersion.value, '3.10'],
    ['3.1 that was 3.10', 'build:\n  python_version: 3.1 # ours\n', (spec) => spec.pythonVersion.value, '3.10'],
    ['310', 'build:\n  python_version: 310\n', (spec) => spec.pythonVersion.value, '3.10'],
    ['py311', "build:\n  python_version: 'py311'\n", (spec) => spec.pythonVersion.value, '3.11'],
    ['v3.10', 'build:\n  python_version: "v3.10"\n', (spec) => spec.pythonVersion.value, '3.10'],
    ['>=3.10', 'build:\n  python_version: ">=3.10,<3.12"\n', (spec) => spec.pythonVersion.value, '3.10'],
    ['3.10-slim', 'build:\n  python_version: "3.10-slim"\n', (spec) => spec.pythonVersion.value, '3.10'],
    ['3,10', 'build:\n  python_version: 3,10\n', (spec) => spec.pythonVersion.value, '3.10'],
    ['3.08', 'build:\n  python_version: 3.08\n', (spec) => spec.pythonVersion.value, '3.8'],
    [
      'typographic quotes',
      'build:\n  python_version: \u201c3.11.4\u201d\n',
      (spec) => spec.pythonVersion.value,
      '3.11.4',
    ],
    ['CUDA 12.10 as a number', inBuild('gpu: true\n  cuda: 12.10'), (spec) => spec.cuda?.value, '12.10'],
    ['cu118', inBuild('gpu: true\n  cuda: cu118'), (spec) => spec.cuda?.value, '11.8'],
    ['CUDA 12.4 with words', inBuild('gpu: true\n  cuda: "CUDA 12.4"'), (spec) => spec.cuda?.value, '12.4'],
    ['true in quotes', inBuild('gpu: "true"'), (spec) => spec.gpu, true],
    ['1 for true', inBuild('gpu: 1'), (spec) => spec.gpu, true],
    ['no in quotes', inBuild("gpu: 'no'"), (spec) => spec.gpu, false],
    [
      'an item without its dash',
      inBuild('python_packages:\n    - numpy\n    torch'),
      (spec) => spec.requirements.requirements.map(({ text }) => text),
      ['numpy', 'torch'],
    ],
    [
      'an item whose dash lacks its space',
      inBuild('python_packages:\n    - numpy\n    -torch'),
      (spec) => spec.requirements.requirements.map(({ text }) => text),
      ['numpy', 'torch'],
    ],
    [
      'a list that is not closed',
      inBuild('python_packages: ["numpy", "torch"'),
      (spec) => spec.requirements.requirements.map(({ text }) => text),
      ['numpy', 'torch'],
    ],
    [
      'a command with a colon',
      inBuild(`run:\n    - echo "it's: x" > f`),
      (spec) => spec.run.map(({ command }) => command),
      [`echo "it's: x" > f`],
    ],
    ['a key with a slip', inBuild('systme_packages: []'), (spec) => spec.systemPackages, []],
    ['a key by a name of its own', 'build:\n  python: "3.11"\n', (spec) => spec.pythonVersion.value, '3.11'],
    ['Python before 3.7', 'build:\n  python_version: "3.6"\n', (spec) => spec.pythonVersion.value, '3.7'],
    ['no version at all', 'build:\n  gpu: true\n', (spec) => [spec.pythonVersion.value, spec.gpu], ['3.11', true]],
    ['nothing', '', (spec) => spec.pythonVersion.value, '3.11'],
    ['no build', `${RUN}`, (spec) => [spec.pythonVersion.value, spec.predict?.name], ['3.11', 'P']],
    ['a class by its module', `${BUILD}run: predict.P\n`, (spec) => spec.predict?.file, 'predict.py'],
    ['a class behind a space', `${BUILD}run: predict.py: P\n`, (spec) => spec.predict?.name, 'P'],
    ['a class in typographic quotes', `${BUILD}run: \u201cpredict.py:P\u201d\n`, (spec) => spec.predict?.name, 'P'],
    ['a colon behind a value', 'build:\n  python_version: "3.11":\n', (spec) => spec.pythonVersion.value, '3.11'],
    ['3 for a version', 'build:\n  python_version: 3\n', (spec) => spec.pythonVersion.value, '3.11'],
    ['CUDA 11', inBuild('gpu: true\n  cuda: 11'), (spec) => spec.cuda?.value, '11.8'],
    ['no-break spaces', 'build:\n\u00a0\u00a0python_version: "3.11"\n', (spec) => spec.pythonVersion.value, '3.11'],
    ['wide colons', `build\uff1a\n  python_version\uff1a "3.11"\n${RUN}`, (spec) => spec.pythonVersion.value, '3.11'],
    ['a file without its class', `${BUILD}run: predict.py\n`, (spec) => spec.predict?.name, 'P'],
    ['a file in another folder', `${BUILD}run: models/predict.py:P\n`, (spec) => spec.predict?.file, 'predict.py'],
    [
      'a variable with blanks',
      `${BUILD}${RUN}environment:\n  - A = b c\n`,
      (spec) => spec.environment[0]?.value,
      'b c',
    ],
    [
      'a package of Debian in capitals',
      inBuild('system_packages:\n    - FFmpeg'),
      (spec) => spec.systemPackages[0]?.value,
      'ffmpeg',
    ],
    [
      'an empty item',
      inBuild('python_packages:\n    -\n    - numpy'),
      (spec) => spec.requirements.requirements.map(({ text }) => text),
      ['numpy'],
    ],
    [
      'an empty item with a comment',
      inBuild('python_packages:\n    - numpy\n    -  # nothing'),
      (spec) => spec.requirements.requirements.map(({ text }) => text),
      ['numpy'],
    ],
    ['an empty command', inBuild('run:\n    - echo hi\n    -'), (spec) => spec.run.length, 1],
    ['a key in camel case', 'build:\n  pythonVersion: "3.11"\n', (spec) => spec.pythonVersion.value, '3.11'],
    ['a key with a hyphen', 'build:\n  python-version: "3.11"\n', (spec) => spec.pythonVersion.value, '3.11'],
  ])('%s', async (_, text, value, expected) => {
    const [fix] = fixesOf(await refusal(text));
    const before = await readFile(join(directory, 'cog.yaml'), 'utf8');
    expect(value(await read(applyEdits(before, fix?.edits ?? [])))).toEqual(expected);
  });
});

describe('what is odd and means something is read', () => {
  test.each<[string, string]>([
    ['a byte-order mark', `\ufeff${BUILD}${RUN}`],
    ['CRLF', (BUILD + RUN).replaceAll('\n', '\r\n')],
    ['JSON', '{"build": {"python_version": "3.11"}, "run": "predict.py:P"}\n'],
    ['the start and the end of a document', `---\n${BUILD}${RUN}...\n`],
    ['a directive', `%YAML 1.1\n---\n${BUILD}${RUN}`],
    ['an anchor', `${BUILD}  python_packages: &p\n    - numpy\n  system_packages: *p\n${RUN}`],
    ['a merge key', `build:\n  <<: {python_version: "3.11"}\n  gpu: no\n${RUN}`],
    ['a tag of YAML', `build:\n  python_version: !!str 3.11\n${RUN}`],
    ['tabs between a key and its value', inBuild('gpu:\tfalse\t')],
    ['letters of any script in text', inBuild('run:\n    - echo “héllo” — 你好： ok')],
    ['typographic characters in comments', `${BUILD}  # “why” — because\u00a0it is so\n${RUN}`],
  ])('%s', async (_, text) => {
    const spec = await read(text);
    expect(spec.pythonVersion.value).toBe('3.11');
    expect(spec.predict).toMatchObject({ file: 'predict.py', name: 'P' });
  });

  test('a name of an image that none can have is told: only a push needs it', async () => {
    const spec = await read(`${BUILD}${RUN}image: "r8.im/Me/My Model"\n`);
    expect(spec.notices).toMatchObject([{ level: 'warn', code: 'COGPLAN_IMAGE_NAME', where: { line: 4 } }]);
    for (const image of ['r8.im/me/model', 'localhost:5000/a/b:1.0', 'a/b', 'model'])
      expect((await read(`${BUILD}${RUN}image: "${image}"\n`)).notices).toEqual([]);
  });
});

describe('lists that are none are offered as lists, and everything else stays as it is', () => {
  test.each<[string, string, string]>([
    ['words', 'python_packages: six==1.16.0 idna', 'python_packages:\n    - six==1.16.0\n    - idna'],
    ['words with commas', 'python_packages: six, idna>=3', 'python_packages:\n    - six\n    - idna>=3'],
    ['a block of text', 'python_packages: |\n    six\n    idna', 'python_packages:\n    - six\n    - idna'],
    [
      'names to versions',
      'python_packages:\n    six: 1.10\n    idna: "*"',
      'python_packages:\n    - six==1.10\n    - idna',
    ],
    ['an item that is a mapping', 'python_packages:\n    - six: 1.10', 'python_packages:\n    - six==1.10'],
    ['items in items', 'python_packages:\n    - - six\n      - idna', 'python_packages:\n    - six\n    - idna'],
    ['a list as an item', 'python_packages:\n    - [six, idna]', 'python_packages:\n    - six\n    - idna'],
    [
      'dashes without a space',
      'python_packages:\n    -six\n    -idna==3.7',
      'python_packages:\n    - six\n    - idna==3.7',
    ],
    ['packages of Debian', 'system_packages: ffmpeg libgl1', 'system_packages:\n    - ffmpeg\n    - libgl1'],
    ['one command', 'run: echo hi', 'run:\n    - echo hi'],
    ['two packages as one', 'python_packages:\n    - six idna>=3', 'python_packages:\n    - six\n    - idna>=3'],
    ['two packages in quotes', 'python_packages:\n    - "six idna"', 'python_packages:\n    - "six"\n    - "idna"'],
    ['two packages in brackets', "python_packages: ['six idna', attrs]", "python_packages: ['six', 'idna', attrs]"],
    ['extras in brackets', 'python_packages: [six, uvicorn[standard]]', "python_packages: [six, 'uvicorn[standard]']"],
    [
      'a command of pip',
      'python_packages:\n    - pip install -U six "idna"',
      'python_packages:\n    - six\n    - idna',
    ],
    ['options first', 'python_packages:\n    - --pre six', 'python_packages:\n    - six --pre'],
    [
      'commas behind items',
      "python_packages:\n    - 'six',\n    - 'idna',",
      "python_packages:\n    - 'six'\n    - 'idna'",
    ],
    ['a list for a file', 'python_requirements:\n    - six', 'python_packages:\n    - six'],
  ])('%s', async (_, text, fixed) => {
    const around = (inside: string): string => `# ours\n${inBuild(inside)}# the end\n`;
    const before = around(text);
    const [fix] = fixesOf(await refusal(before));
    const after = applyEdits(before, fix?.edits ?? []);
    expect(after).toBe(around(fixed));
    await expect(read(after)).resolves.toBeDefined();
    expect(applyEdits(before.replaceAll('\n', '\r\n'), fix?.edits ?? [])).toBe(after.replaceAll('\n', '\r\n'));
  });

  test('variables as a mapping', async () => {
    const text = `${BUILD}${RUN}environment:\n  A: b c\n  N: 1.0\n`;
    const [fix] = fixesOf(await refusal(text));
    expect((await read(applyEdits(text, fix?.edits ?? []))).environment).toMatchObject([
      { name: 'A', value: 'b c' },
      { name: 'N', value: '1.0' },
    ]);
  });

  test('comments between the lines are not thrown away: a person has to write the list', async () => {
    const error = await refusal(inBuild('python_packages:\n    six: 1.10 # not newer\n    idna: 3.4'));
    expect(error.hint).toMatch(/- six==1\.10, - idna==3\.4/);
    expect(fixesOf(error)).toEqual([]);
  });
});

describe('keys at the wrong level are moved with what is below them', () => {
  async function followed(text: string): Promise<string> {
    let now = text;
    for (let round = 0; round < 10; round++) {
      const error: unknown = await read(now).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (error === undefined) return now;
      const [fix] = fixesOf(error);
      if (fix === undefined) throw error;
      now = applyEdits(now, fix.edits);
    }
    throw new Error(now);
  }

  test.each<[string, string, string]>([
    [
      'beside an empty build',
      `build:\npython_version: "3.11" # ours\npython_packages:\n- six\n- idna\n${RUN}`,
      `build:\n  python_version: "3.11" # ours\n  python_packages:\n  - six\n  - idna\n${RUN}`,
    ],
    [
      'without build',
      `${RUN}gpu: false\npython_version: "3.11"\n`,
      `${RUN}build:\n  gpu: false\n  python_version: "3.11"\n`,
    ],
    [
      'beside a build of four spaces',
      `build:\n    python_version: "3.11"\n${RUN}system_packages:\n  - curl\n`,
      `build:\n    python_version: "3.11"\n    system_packages:\n      - curl\n${RUN}`,
    ],
    ['last in build', `${BUILD}  run: "predict.py:P"\n`.replace('run', 'predict'), `${BUILD}predict: "predict.py:P"\n`],
    [
      'in the middle of build',
      'build:\n  predict: "predict.py:P"\n  environment:\n    - A=b\n  python_version: "3.11"\n# end\n',
      'build:\n  python_version: "3.11"\nenvironment:\n  - A=b\npredict: "predict.py:P"\n# end\n',
    ],
  ])('%s', async (_, text, fixed) => {
    expect(await followed(text)).toBe(fixed);
  });
});
