import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CogplanError } from '../errors.ts';
import { Problems } from './problems.ts';
import { readRequirements } from './read-requirements.ts';
import type { Notice, Requirements } from './spec.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cogplan-requirements-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function read(
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<{ requirements: Requirements; notices: readonly Notice[] }> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
  const problems = new Problems();
  const notices: Notice[] = [];
  const [path = ''] = Object.keys(files);
  const where = { file: 'cog.yaml', line: 2, column: 5 };
  const requirements = await readRequirements(directory, { kind: 'file', path, where }, { problems, notices });
  problems.throwIfAny();
  return { requirements, notices };
}

const texts = ({ requirements }: { requirements: Requirements }): readonly string[] =>
  requirements.requirements.map((line) => line.text);

test('comments, continuations and blank lines by the rules of pip', async () => {
  const { requirements } = await read({
    'r.txt':
      '\ufeff# head\n\nnumpy == 1.26.4 # why\n  torch \\\n  >=2.0, \\\n  <3\r\nsix\\\n>=1 #x\na \\\n# a comment ends a continued line\nb\\',
  });
  expect(requirements.requirements.map(({ text, where }) => [text, where.line, where.column])).toEqual([
    ['numpy==1.26.4', 3, 1],
    ['torch>=2.0,<3', 4, 3],
    ['six>=1', 7, 1],
    ['a', 9, 1],
    ['b', 11, 1],
  ]);
});

test('files that include others, each relative to its own', async () => {
  const { requirements } = await read({
    'req/base.txt': '-r more/extra.txt\n-c ../limits.txt\n--requirement=more/extra.txt\na\n',
    'req/more/extra.txt': 'b\n-c../../limits.txt\n',
    'limits.txt': 'numpy<2\n-c nested.txt\n',
    'nested.txt': 'scipy<1.12\n',
  });
  expect(requirements.requirements.map(({ text, where }) => `${where.file}:${where.line} ${text}`)).toEqual([
    'req/more/extra.txt:1 b',
    'req/more/extra.txt:1 b',
    'req/base.txt:4 a',
  ]);
  expect(new Set(requirements.constraints.map((line) => line.text))).toEqual(new Set(['numpy<2', 'scipy<1.12']));
  expect(requirements.files.map((file) => file.path)).toEqual([
    'req/base.txt',
    'req/more/extra.txt',
    'limits.txt',
    'nested.txt',
  ]);
  expect(requirements.files[3]?.sha256).toMatch(/^[0-9a-f]{64}$/);
});

test('options in every spelling, on lines of their own and behind requirements', async () => {
  const { requirements, notices } = await read({
    'r.txt': [
      '-i https://one.example/simple',
      '--index-url=https://two.example/simple',
      'torch==2.4.0 --extra-index-url=https://cu.example/whl',
      "torchvision --extra-index-url 'https://cu.example/whl'",
      '-fhttps://links.example/a.html',
      '--pre --prefer-binary',
      '--no-binary :all:',
      '--no-binary=:none:,Foo_Bar',
      '--only-binary a,b',
      '--trusted-host two.example',
      `six --hash=sha256:${'a'.repeat(64)} \\\n  --hash=sha512:${'c'.repeat(128)} --hash sha256:${'B'.repeat(64)}`,
    ].join('\n'),
  });
  expect(requirements).toMatchObject({
    indexUrl: { value: 'https://two.example/simple', where: { line: 2 } },
    extraIndexUrls: [{ value: 'https://cu.example/whl', where: { line: 3 } }],
    findLinks: [{ value: 'https://links.example/a.html' }],
    pre: true,
    noBinary: ['foo-bar'],
    onlyBinary: ['a', 'b'],
  });
  expect(requirements.requirements.at(-1)?.hashes).toEqual([`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`]);
  expect(notices.map((notice) => notice.code)).toEqual(['COGPLAN_OPTION_IGNORED']);
});

test('lines that would replace the SDK, and the project itself, are left out and said', async () => {
  const result = await read({ 'r.txt': 'cog==0.7.0\nCoglet\ncog[x]>=1\n-e .\ncog-extra\n' });
  expect(texts(result)).toEqual(['cog-extra']);
  expect(result.notices.map(({ code, where }) => [code, where.line])).toEqual([
    ['COGPLAN_REQUIREMENT_REMOVED', 1],
    ['COGPLAN_REQUIREMENT_REMOVED', 2],
    ['COGPLAN_REQUIREMENT_REMOVED', 3],
    ['COGPLAN_REQUIREMENT_REMOVED', 4],
  ]);
});

test('wheels by URL pass with their hash', async () => {
  const hash = 'd'.repeat(64);
  const result = await read({
    'r.txt': `demo @ https://h.example/demo-1.0-py3-none-any.whl#sha256=${hash}\nhttps://h.example/a/Other_Thing-2%2Bcu1-py3-none-any.whl#sha256=${hash} ; os_name == "posix"\n`,
  });
  expect(result.requirements.requirements.map(({ text, hashes }) => [text, hashes])).toEqual([
    [`demo @ https://h.example/demo-1.0-py3-none-any.whl#sha256=${hash}`, [`sha256:${hash}`]],
    [
      `Other_Thing @ https://h.example/a/Other_Thing-2%2Bcu1-py3-none-any.whl#sha256=${hash} ; os_name == "posix"`,
      [`sha256:${hash}`],
    ],
  ]);
});

test('UTF-16, as PowerShell writes it', async () => {
  expect(texts(await read({ 'r.txt': Buffer.from('\ufeffnumpy\r\n', 'utf16le') }))).toEqual(['numpy']);
});

describe('refusals', () => {
  const UNSUPPORTED = 'COGPLAN_REQUIREMENT_UNSUPPORTED';
  const INVALID = 'COGPLAN_REQUIREMENT_INVALID';
  test.each<[string, string]>([
    ['git add .', INVALID],
    ['numpy=1', INVALID],
    ['--extra-index https://h/', INVALID],
    ['--index-url', INVALID],
    ['--pre=1', INVALID],
    ['-x', INVALID],
    ['a --hash sha256:b c', INVALID],
    ["-f 'https://h/", INVALID],
    [`--hash=sha256:${'a'.repeat(64)}`, INVALID],
    ['a --hash=sha256:abc', 'COGPLAN_REQUIREMENT_HASH'],
    [`a --hash=md5:${'a'.repeat(32)}`, 'COGPLAN_REQUIREMENT_HASH'],
    [`a --hash=sha512:${'a'.repeat(128)}`, 'COGPLAN_REQUIREMENT_HASH'],
    ['--require-hashes', 'COGPLAN_REQUIREMENT_HASH'],
    [`a @ https://\${TOKEN}@h/a-1-py3-none-any.whl`, 'COGPLAN_REQUIREMENT_VARIABLE'],
    ['-e git+https://h/r.git#egg=r', UNSUPPORTED],
    ['name -e git+https://h/r.git', UNSUPPORTED],
    ['git+https://h/r.git@v1', UNSUPPORTED],
    ['git+git://h/r', UNSUPPORTED],
    ['r@git+https://h/r.git', UNSUPPORTED],
    ['file:///a.whl', UNSUPPORTED],
    ['./a-1-py3-none-any.whl', UNSUPPORTED],
    ['wheels/a-1-py3-none-any.whl', UNSUPPORTED],
    ['a-1.tar.gz[x] ; os_name == "nt"', UNSUPPORTED],
    ['a @ ./b.whl', UNSUPPORTED],
    ['a @ https://h/a-1-py3-none-any.whl', UNSUPPORTED],
    [`a @ https://h/a.zip#sha256=${'a'.repeat(64)}`, UNSUPPORTED],
    [`a @ https://h/b-1-py3-none-any.whl#sha256=${'a'.repeat(64)}`, INVALID],
    ['a @ https://h/a-1-py3-none-any.whl#sha256=xyz', 'COGPLAN_REQUIREMENT_HASH'],
    ['-r https://h/r.txt', UNSUPPORTED],
    ['-r none.txt', 'COGPLAN_REQUIREMENTS_FILE'],
    ['-r ../../etc/passwd', 'COGPLAN_REQUIREMENTS_FILE'],
    ['-r /etc/passwd', 'COGPLAN_REQUIREMENTS_FILE'],
    ['-r .', 'COGPLAN_REQUIREMENTS_FILE'],
    ['-r link.txt', 'COGPLAN_REQUIREMENTS_FILE'],
    ['-r r.txt', 'COGPLAN_REQUIREMENTS_CYCLE'],
    ['-r loop.txt', 'COGPLAN_REQUIREMENTS_CYCLE'],
    ['-r binary.txt', 'COGPLAN_REQUIREMENTS_FILE'],
    ['-c extras.txt', INVALID],
    ['--find-links ./wheels', UNSUPPORTED],
    ['-i file:///index', UNSUPPORTED],
    ['--no-index', UNSUPPORTED],
    ['a --config-settings=x=y', UNSUPPORTED],
  ])('%s', async (line, code) => {
    await symlink('/etc/passwd', join(directory, 'link.txt'));
    const files = { 'loop.txt': '-r r.txt', 'extras.txt': 'a[b]', 'binary.txt': new Uint8Array([0, 1, 0xff]) };
    await expect(read({ 'r.txt': `\nfirst\n${line}\n`, ...files })).rejects.toMatchObject({ code });
  });

  test('each with its place, all together', async () => {
    const error = await read({ 'r.txt': 'a=1\n\n  b=2\n' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CogplanError);
    expect(error).toMatchObject({
      where: { file: 'r.txt', line: 1 },
      data: { others: [{ code: INVALID, where: { file: 'r.txt', line: 3, column: 3 } }] },
    });
  });

  test('credentials in a URL never reach a message', async () => {
    const error = (await read({ 'r.txt': 'git+https://user:secret@h/r.git\n' }).catch(
      (thrown: unknown) => thrown,
    )) as CogplanError;
    expect(JSON.stringify([error.message, error.subject, error.hint, error.data])).not.toContain('secret');
  });
});
