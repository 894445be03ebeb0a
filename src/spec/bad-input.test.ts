import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CogplanError } from '../errors.ts';
import { applyEdits, fixesOf } from './edit-spec.ts';
import { readSpec } from './read-spec.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cogplan-bad-input-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function refusal(files: Readonly<Record<string, string | Uint8Array>>): Promise<CogplanError> {
  const spec = 'build:\n  python_version: "3.11"\n  python_requirements: requirements.txt\n';
  for (const [name, content] of Object.entries({ 'cog.yaml': spec, ...files })) {
    await writeFile(join(directory, name), content);
  }
  const error = await readSpec(directory).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CogplanError)) throw error ?? new Error('nothing was refused');
  return error;
}

describe('bad input has a code, a place and advice', () => {
  const own = (text: string | Uint8Array) => ({ 'requirements.txt': text });
  test.each<[string, Readonly<Record<string, string | Uint8Array>>, string, string, number]>([
    [
      'files in a circle',
      { ...own('a\n-r b.txt\n'), 'b.txt': '-c requirements.txt\n' },
      'COGPLAN_REQUIREMENTS_CYCLE',
      'b.txt',
      1,
    ],
    ['10 MB', own('a\n'.repeat(5 * 1024 * 1024)), 'COGPLAN_SPEC_FILE_MISSING', 'cog.yaml', 3],
    ['Latin 1', own(new Uint8Array([0x23, 0xe9, 0x0a, 0x61])), 'COGPLAN_REQUIREMENTS_FILE', 'cog.yaml', 3],
    ['a program', own(new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0, 0, 0])), 'COGPLAN_REQUIREMENTS_FILE', 'cog.yaml', 3],
    ['a name with a path', own('\n../../etc/passwd\n'), 'COGPLAN_REQUIREMENT_PATH', 'requirements.txt', 2],
    ['a name with control characters', own('a\u001b[31m==1\n'), 'COGPLAN_REQUIREMENT_INVALID', 'requirements.txt', 1],
    [
      'a wheel with a path in its name',
      own('https://h/..%2F..%2Fa-1.0-py3-none-any.whl\n'),
      'COGPLAN_REQUIREMENT_INVALID',
      'requirements.txt',
      1,
    ],
    ['a wheel with a short name', own('https://h/a.whl\n'), 'COGPLAN_REQUIREMENT_INVALID', 'requirements.txt', 1],
    ['an option as a ref', own('git+https://h/r@-x\n'), 'COGPLAN_REQUIREMENT_INVALID', 'requirements.txt', 1],
    ['a line of 100 kB', own(`${'a'.repeat(100_000)}\n`), 'COGPLAN_REQUIREMENT_INVALID', 'requirements.txt', 1],
    ['an endless marker', own(`a ; ${'('.repeat(10_000)}\n`), 'COGPLAN_REQUIREMENT_INVALID', 'requirements.txt', 1],
    ['an HTML page', own('<!doctype html>\n<html></html>\n'), 'COGPLAN_REQUIREMENT_INVALID', 'requirements.txt', 1],
  ])('%s', async (_, files, code, file, line) => {
    const error = await refusal(files);
    expect([error.code, error.where?.file, error.where?.line]).toEqual([code, file, line]);
    expect(error.hint).toMatch(/\w/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may reach a terminal
    expect(error.message).not.toMatch(/[\u0000-\u0008\u000b-\u001f]/);
    expect(error.message.length).toBeLessThan(2000);
  });
});

describe('a fix, applied literally, makes the error go away', () => {
  test.each([
    ['numpy=1.26.4', 'requirements.txt', 'numpy==1.26.4'],
    ['numpy 1.26.4', 'requirements.txt', 'numpy==1.26.4'],
    ['numpy=1.26.4=py311_0  # from conda', 'requirements.txt', 'numpy==1.26.4  # from conda'],
    ['certifi @ file:///croot/certifi_1665076670883/work/certifi', 'requirements.txt', 'certifi'],
    [
      'idna @ file:///tmp/build/80754af9/idna-3.4/work ; python_version > "3"',
      'requirements.txt',
      'idna==3.4 ; python_version > "3"',
    ],
    ['- six==1.16.0', 'requirements.txt', 'six==1.16.0'],
    ['python>=3.8', 'requirements.txt', undefined],
    ['cudatoolkit=11.3', 'requirements.txt', undefined],
    ['libgcc-ng=9.3.0=h5101ec6_17', 'requirements.txt', undefined],
    ['--no-deps', 'requirements.txt', undefined],
    ['six -U', 'requirements.txt', 'six '],
    ['six --no-cache-dir  # why', 'requirements.txt', 'six   # why'],
    ['six idna>=3', 'requirements.txt', 'six\nidna>=3'],
    ['-f ./wheels --pre six', 'requirements.txt', 'six -f ./wheels --pre'],
    ['--require-hashes', 'requirements.txt', undefined],
    ['x @ git+git://h/o/x.git@v1', 'requirements.txt', 'x @ git+https://h/o/x.git@v1'],
  ])('%s', async (line, file, fixed) => {
    const [fix] = fixesOf(await refusal({ 'requirements.txt': `a\n${line}\n` }));
    expect(fix?.edits.every((edit) => edit.file === file)).toBe(true);
    const text = applyEdits(`a\n${line}\n`, fix?.edits ?? []);
    expect(text).toBe(fixed === undefined ? 'a\n' : `a\n${fixed}\n`);
    await mkdir(join(directory, 'wheels'), { recursive: true });
    await writeFile(join(directory, 'requirements.txt'), text);
    await expect(readSpec(directory)).resolves.toBeDefined();
  });

  test.each([
    ['build:\n  python_version: 3.10 # ours\n', 'build:\n  python_version: "3.10" # ours\n'],
    [
      'build:\n  python_version: "3.11"\npredictor: predict.Predictor # ours\n',
      'build:\n  python_version: "3.11"\nrun: predict.py:Predictor # ours\n',
    ],
    ['build:\n  python_verison: "3.10"\n  gpu: false\n', 'build:\n  python_version: "3.10"\n  gpu: false\n'],
  ])('%s', async (text, fixed) => {
    await writeFile(join(directory, 'predict.py'), '');
    const [fix] = fixesOf(await refusal({ 'cog.yaml': text }));
    expect(applyEdits(text, fix?.edits ?? [])).toBe(fixed);
    await writeFile(join(directory, 'cog.yaml'), fixed);
    await expect(readSpec(directory)).resolves.toBeDefined();
  });
});
