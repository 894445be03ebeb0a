import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../../src/digest.ts';
import { aWheelFile } from '../builders/wheel.ts';
import { aZip } from '../builders/zip.ts';
import { type Answer, type HttpTestServer, startHttpServer } from '../servers/http-server.ts';
import { cogplan } from './cogplan.ts';

/* What is wrong with requirements, indexes and wheels is told by code, place and advice, with exit code 1; the lock before stays as it is. */

const COG = 'build:\n  python_version: "3.11"\n  python_requirements: requirements.txt\nrun: "predict.py:Predictor"\n';
const PREDICT = 'class Predictor:\n    def run(self) -> str:\n        return ""\n';
const LOGIN =
  '<!doctype html><title>Log in</title><form method="post"><input name="user"><input type="password" name="p"></form>';

let project: string;
let before: Buffer;
let server: HttpTestServer;

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'cogplan-bad-input-'));
  const { filename, bytes } = aWheelFile({ name: 'good', files: { 'good.py': 'x = 1\n' } });
  mkdirSync(join(project, 'wheels'));
  writeFileSync(join(project, 'wheels', filename), bytes);
  writeFileSync(join(project, 'cog.yaml'), COG);
  writeFileSync(join(project, 'predict.py'), PREDICT);
  write({ 'requirements.txt': `./wheels/${filename}\n` });
  expect((await cogplan(['lock', project, '--quiet'])).stderr).toBe('');
  before = readFileSync(join(project, 'cogplan.lock'));
});
beforeEach(async () => {
  await server?.close();
  server = await startHttpServer();
});
afterAll(async () => {
  await server?.close();
  rmSync(project, { recursive: true });
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
}

interface Told {
  readonly code: string;
  readonly message: string;
  readonly subject?: string;
  readonly where?: { readonly file: string; readonly line?: number };
  readonly hint?: string;
}

/** What `cogplan lock` says of the project; fails when it takes it, changes the lock, or leaves out advice. */
async function refusal(): Promise<Told> {
  const { status, stdout } = await cogplan(['lock', project, '--json', '--quiet']);
  const { error } = JSON.parse(stdout) as { readonly error: Told };
  expect(status).toBe(1);
  expect(readFileSync(join(project, 'cogplan.lock')).equals(before)).toBe(true);
  expect(error.hint).toMatch(/\w/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none may reach a terminal
  expect(error.message).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f]/);
  expect(error.message.length).toBeLessThan(5000);
  return error;
}

/** A project that asks an index for `lib`, in its second line. */
function askFor(): void {
  write({ 'requirements.txt': `--index-url ${server.url}/simple\nlib\n` });
}

function list(files: readonly Readonly<Record<string, unknown>>[]): Answer {
  return {
    headers: { 'content-type': 'application/vnd.pypi.simple.v1+json' },
    body: JSON.stringify({ meta: { 'api-version': '1.1' }, name: 'lib', files }),
  };
}

const wheelAt = (bytes: Uint8Array, told: Readonly<Record<string, unknown>> = {}) => ({
  filename: 'lib-1.0-py3-none-any.whl',
  url: '/files/lib-1.0-py3-none-any.whl',
  hashes: { sha256: sha256(bytes) },
  size: bytes.length,
  ...told,
});

describe('requirements', () => {
  test('files in a circle', async () => {
    write({ 'requirements.txt': 'a\n-r more.txt\n', 'more.txt': '-r requirements.txt\n' });
    expect(await refusal()).toMatchObject({
      code: 'COGPLAN_REQUIREMENTS_CYCLE',
      where: { file: 'more.txt', line: 1 },
    });
  });

  test('a file of 10 MB', async () => {
    write({ 'requirements.txt': 'a\n'.repeat(5 * 1024 * 1024) });
    expect(await refusal()).toMatchObject({ where: { file: 'cog.yaml', line: 3 } });
  });
});

describe('an index', () => {
  test.each([
    ['a path', '../../../etc/lib-1.0-py3-none-any.whl'],
    ['slashes', 'lib-1.0/../lib-1.0-py3-none-any.whl'],
    ['control characters', 'lib-1.0-py3-\u001b[2J\u0007none-any.whl'],
    ['10 kB of a name', `lib-1.0-py3-none-${'a'.repeat(10_000)}.whl`],
  ])('that lists files named by %s has no wheel', async (_, filename) => {
    const { bytes } = aWheelFile({ name: 'lib' });
    server.answer('/simple/lib/', list([wheelAt(bytes, { filename })]));
    server.answer('/files/lib-1.0-py3-none-any.whl', { body: bytes });
    askFor();
    expect(await refusal()).toMatchObject({
      code: expect.stringMatching(/^COGPLAN_(?:PYTHON_UNSATISFIABLE|NO_WHEEL)$/),
      where: { file: 'requirements.txt', line: 2 },
    });
  });

  test('that answers with a login page', async () => {
    server.answer('/simple/lib/', { headers: { 'content-type': 'text/html; charset=utf-8' }, body: LOGIN });
    askFor();
    const error = await refusal();
    expect(error).toMatchObject({ code: 'COGPLAN_INDEX_INVALID', where: { file: 'requirements.txt', line: 1 } });
    expect(error.message).toContain('login page');
  });

  test.each([
    ['and tells its hash', true],
    ['and tells no hash', false],
  ])('that answers with a login page in place of a wheel %s', async (_, isTold) => {
    const { bytes } = aWheelFile({ name: 'lib' });
    server.answer('/simple/lib/', list([wheelAt(bytes, isTold ? {} : { hashes: {}, size: undefined })]));
    server.answer('/files/lib-1.0-py3-none-any.whl', { headers: { 'content-type': 'text/html' }, body: LOGIN });
    askFor();
    const error = await refusal();
    expect(error.where).toMatchObject({ file: 'requirements.txt', line: 2 });
    expect(error.hint).toContain('log in');
  });

  test('that cannot be reached', async () => {
    askFor();
    await server.close();
    expect(await refusal()).toMatchObject({
      code: 'COGPLAN_NETWORK',
      where: { file: 'requirements.txt', line: 1 },
    });
  });

  test('whose metadata is not text', async () => {
    const { bytes } = aWheelFile({ name: 'lib' });
    server.answer('/simple/lib/', list([wheelAt(bytes, { 'core-metadata': true })]));
    server.answer('/files/lib-1.0-py3-none-any.whl', { body: bytes });
    server.answer('/files/lib-1.0-py3-none-any.whl.metadata', { body: Buffer.from([0xff, 0xfe, 0x00, 0x9f, 0x0a]) });
    askFor();
    expect(await refusal()).toMatchObject({
      code: 'COGPLAN_PYTHON_UNSATISFIABLE',
      subject: 'lib',
      where: { file: 'requirements.txt', line: 2 },
      message: expect.stringContaining('invalid metadata'),
    });
  });

  test('whose wheel is a bomb', async () => {
    const { bytes } = aWheelFile({ name: 'lib', metadata: [`Summary: ${'a'.repeat(40 * 1024 * 1024)}`] });
    expect(bytes.length).toBeLessThan(100_000);
    server.answer('/simple/lib/', list([wheelAt(bytes)]));
    server.answer('/files/lib-1.0-py3-none-any.whl', { body: bytes });
    askFor();
    expect(await refusal()).toMatchObject({
      code: 'COGPLAN_ZIP_INVALID',
      subject: 'lib-1.0-py3-none-any.whl',
      where: { file: 'requirements.txt', line: 2 },
    });
  });
});

describe('a wheel whose RECORD lies is refused when it would be laid down', () => {
  test.each([
    ['other bytes', `lib.py,sha256=${'A'.repeat(43)},6\n`],
    ['a file that is not there', 'lib.py,,\ngone.py,sha256=abc,1\n'],
    ['not every file', ''],
    ['a path outside', 'lib.py,,\n../../../../etc/passwd,sha256=abc,1\n'],
  ])('it lists %s', async (_, rows) => {
    const info = 'lib-1.0.dist-info';
    const bytes = aZip([
      { name: 'lib.py', content: 'x = 1\n' },
      { name: `${info}/METADATA`, content: 'Metadata-Version: 2.1\nName: lib\nVersion: 1.0\n' },
      { name: `${info}/WHEEL`, content: 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n' },
      { name: `${info}/RECORD`, content: `${rows}${info}/METADATA,,\n${info}/WHEEL,,\n${info}/RECORD,,\n` },
    ]);
    const directory = mkdtempSync(join(tmpdir(), 'cogplan-lying-'));
    try {
      mkdirSync(join(directory, 'wheels'));
      writeFileSync(join(directory, 'wheels/lib-1.0-py3-none-any.whl'), bytes);
      writeFileSync(join(directory, 'requirements.txt'), './wheels/lib-1.0-py3-none-any.whl\n');
      writeFileSync(join(directory, 'cog.yaml'), COG);
      writeFileSync(join(directory, 'predict.py'), PREDICT);
      expect((await cogplan(['lock', directory, '--quiet'])).status).toBe(0);
      const lock = readFileSync(join(directory, 'cogplan.lock'));
      const { status, stdout } = await cogplan(['apply', directory, '--json', '--quiet']);
      expect(status).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({
        error: {
          code: 'COGPLAN_WHEEL_INVALID',
          subject: 'lib-1.0-py3-none-any.whl',
          where: { file: 'requirements.txt', line: 1 },
          hint: expect.stringContaining('--no-binary'),
        },
      });
      expect(readFileSync(join(directory, 'cogplan.lock')).equals(lock)).toBe(true);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
