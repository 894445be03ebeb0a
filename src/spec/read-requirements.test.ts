import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../digest.ts';
import { CogplanError } from '../errors.ts';
import { Problems } from './problems.ts';
import { readRequirements } from './read-requirements.ts';
import type { Notice, RequirementLine, Requirements } from './spec.ts';

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
  const result = await read({ 'r.txt': 'cog==0.7.0\nCoglet\ncog[x]>=1\n-e .\npkg-resources==0.0.0\ncog-extra\n' });
  expect(texts(result)).toEqual(['cog-extra']);
  expect(result.notices.map(({ code, where }) => [code, where.line])).toEqual([
    ['COGPLAN_REQUIREMENT_REMOVED', 1],
    ['COGPLAN_REQUIREMENT_REMOVED', 2],
    ['COGPLAN_REQUIREMENT_REMOVED', 3],
    ['COGPLAN_REQUIREMENT_REMOVED', 4],
    ['COGPLAN_REQUIREMENT_REMOVED', 5],
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

describe('what a requirement takes its bytes from', () => {
  const files = {
    'vendor/lib/pyproject.toml': '',
    'vendor/old/setup.py': '',
    'wheels/demo-1.0-py3-none-any.whl': 'wheel',
    'demo-2.0.tar.gz': 'archive',
    'pyproject.toml': '',
  };
  const WHEEL = sha256('wheel');
  const hash = 'd'.repeat(64);
  const git = (url: string, rest: object = {}) => ({ kind: 'vcs', vcs: 'git', url, ...rest });
  test.each<[string, Partial<RequirementLine>]>([
    [
      'demo @ https://h/demo-1.0-py3-none-any.whl',
      { name: 'demo', hashes: [], source: { kind: 'url', url: 'https://h/demo-1.0-py3-none-any.whl', form: 'wheel' } },
    ],
    [
      `https://h/demo-1.0-py3-none-any.whl#cacheburst`,
      { text: 'demo @ https://h/demo-1.0-py3-none-any.whl', name: 'demo' },
    ],
    [
      `a @ https://h/a.zip#sha256=${hash}&subdirectory=x/y`,
      {
        hashes: [`sha256:${hash}`],
        source: { kind: 'url', url: 'https://h/a.zip', form: 'archive', subdirectory: 'x/y' },
      },
    ],
    [
      'https://github.com/o/r/archive/refs/heads/main.zip',
      {
        text: 'https://github.com/o/r/archive/refs/heads/main.zip',
        source: { kind: 'url', url: 'https://github.com/o/r/archive/refs/heads/main.zip', form: 'archive' },
      },
    ],
    [
      'https://github.com/o/r/tarball/main#egg=r[x]',
      { name: 'r', extras: ['x'], text: 'r[x] @ https://github.com/o/r/tarball/main' },
    ],
    [
      'git+https://h/o/r.git@v1.0#egg=r[b,a]&subdirectory=sub/',
      {
        text: 'r[a,b] @ git+https://h/o/r.git@v1.0#subdirectory=sub',
        name: 'r',
        extras: ['b', 'a'],
        source: git('https://h/o/r.git', { ref: 'v1.0', subdirectory: 'sub' }),
      },
    ],
    ['git+https://h/o/r', { text: 'git+https://h/o/r', source: git('https://h/o/r') }],
    [
      'git+https://h/o/r@feature/x ; sys_platform == "linux"',
      {
        text: 'git+https://h/o/r@feature/x ; sys_platform == "linux"',
        source: git('https://h/o/r', { ref: 'feature/x' }),
      },
    ],
    ['git+https://h/o/r.git@refs/pull/7/head', { source: git('https://h/o/r.git', { ref: 'refs/pull/7/head' }) }],
    ['git+ssh://git@h/o/r.git@main', { source: git('ssh://git@h/o/r.git', { ref: 'main' }) }],
    [
      'r[x]@git+https://h/o/r@abc1234',
      {
        text: 'r[x] @ git+https://h/o/r@abc1234',
        name: 'r',
        extras: ['x'],
        source: git('https://h/o/r', { ref: 'abc1234' }),
      },
    ],
    [
      `r @ git+https://\${USER}:\${TOKEN}@h/o/r.git@v1`,
      { source: git(`https://\${USER}:\${TOKEN}@h/o/r.git`, { ref: 'v1' }) },
    ],
    [
      '-e git+https://h/o/r.git@main#egg=r',
      { editable: true, name: 'r', source: git('https://h/o/r.git', { ref: 'main' }) },
    ],
    [
      '--editable=./vendor/lib[fast]',
      {
        editable: true,
        extras: ['fast'],
        text: './vendor/lib[fast]',
        source: { kind: 'path', path: 'vendor/lib', form: 'directory' },
      },
    ],
    [
      '-e .[gpu]',
      { editable: true, extras: ['gpu'], text: '.[gpu]', source: { kind: 'path', path: '.', form: 'directory' } },
    ],
    [
      'vendor/old ; python_version > "3"',
      { text: './vendor/old ; python_version > "3"', source: { kind: 'path', path: 'vendor/old', form: 'directory' } },
    ],
    ['old @ file:vendor/old', { name: 'old', source: { kind: 'path', path: 'vendor/old', form: 'directory' } }],
    [
      './wheels/demo-1.0-py3-none-any.whl[x]',
      {
        name: 'demo',
        extras: ['x'],
        text: 'demo[x] @ ./wheels/demo-1.0-py3-none-any.whl',
        source: { kind: 'path', path: 'wheels/demo-1.0-py3-none-any.whl', form: 'wheel', sha256: WHEEL },
      },
    ],
    ['file://./wheels/demo-1.0-py3-none-any.whl', { name: 'demo' }],
    [`wheels/demo-1.0-py3-none-any.whl --hash=sha256:${WHEEL}`, { hashes: [`sha256:${WHEEL}`] }],
    [
      'demo-2.0.tar.gz',
      { source: { kind: 'path', path: 'demo-2.0.tar.gz', form: 'archive', sha256: sha256('archive') } },
    ],
    [
      'a -C x=y --config-settings=z=1 --global-option=--q',
      { name: 'a', configSettings: ['x=y', 'z=1'], globalOptions: ['--q'] },
    ],
    [
      'Foo_Bar [b,a] >= 1.0, < 2 ; python_version < "3.12"',
      { name: 'foo-bar', text: 'Foo_Bar[a,b]>=1.0,<2 ; python_version < "3.12"', source: { kind: 'index' } },
    ],
    ['a===1.0-weird', { text: 'a===1.0-weird' }],
    ['a == 1.*', { text: 'a==1.*' }],
    ['a (>=1,<2)', { text: 'a>=1,<2' }],
  ] as [string, Partial<RequirementLine>][])('%s', async (line, expected) => {
    const { requirements } = await read({ 'r.txt': line, ...files });
    expect(requirements.requirements).toHaveLength(1);
    expect(requirements.requirements[0]).toMatchObject(expected);
  });

  test('a path of the project, whatever folder the file stands in', async () => {
    const result = await read({ 'req/r.txt': './vendor/lib\n', ...files });
    expect(texts(result)).toEqual(['./vendor/lib']);
    await expect(read({ 'req/s.txt': './lib\n', 'req/lib/setup.py': '' })).rejects.toMatchObject({
      code: 'COGPLAN_REQUIREMENT_PATH',
      hint: 'Paths are relative to the project: write ./req/lib.',
    });
  });

  test('folders of files, beside the file that names them or in the project', async () => {
    const { requirements } = await read({
      'req/r.txt': '-f wheels\n--find-links=file:req/more\n--no-index\n',
      'req/wheels/x': '',
      'req/more/x': '',
    });
    expect(requirements.findLinks.map((item) => item.value)).toEqual(['./req/wheels', './req/more']);
    expect(requirements.noIndex).toMatchObject({ value: true, where: { line: 3 } });
  });
});

test('UTF-16, as PowerShell writes it', async () => {
  expect(texts(await read({ 'r.txt': Buffer.from('\ufeffnumpy\r\n', 'utf16le') }))).toEqual(['numpy']);
});

describe('refusals', () => {
  const UNSUPPORTED = 'COGPLAN_REQUIREMENT_UNSUPPORTED';
  const INVALID = 'COGPLAN_REQUIREMENT_INVALID';
  const PATH = 'COGPLAN_REQUIREMENT_PATH';
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
    ['name -e git+https://h/r.git', UNSUPPORTED],
    ['git+git://h/r', UNSUPPORTED],
    ['file:///a.whl', PATH],
    ['./a-1-py3-none-any.whl', PATH],
    ['wheels/a-1-py3-none-any.whl', PATH],
    ['a-1.tar.gz[x] ; os_name == "nt"', PATH],
    ['a @ ./b.whl', PATH],
    [`a @ https://h/b-1-py3-none-any.whl#sha256=${'a'.repeat(64)}`, INVALID],
    ['a @ https://h/a-1-py3-none-any.whl#sha256=xyz', 'COGPLAN_REQUIREMENT_HASH'],
    [`a @ https://h/\${TOKEN}/a-1-py3-none-any.whl`, 'COGPLAN_REQUIREMENT_VARIABLE'],
    [`\${NAME}==1`, 'COGPLAN_REQUIREMENT_VARIABLE'],
    [`a\n-i https://h/\${TOKEN}`, 'COGPLAN_REQUIREMENT_VARIABLE'],
    ['hg+https://h/r', UNSUPPORTED],
    ['git+git@github.com:o/r.git', INVALID],
    ['git+https://h/r.git@', INVALID],
    ['git+https://h/r.git@--upload-pack=x', INVALID],
    ['git+https://h/r.git@a..b', INVALID],
    ['git+https://h', INVALID],
    ['git+https://h/r#subdirectory=../x', INVALID],
    ['git+https://h/r#egg={name}', INVALID],
    [`git+https://h/r --hash=sha256:${'a'.repeat(64)}`, INVALID],
    [`./pkg --hash=sha256:${'a'.repeat(64)}`, INVALID],
    ['https://github.com/o/r', INVALID],
    ['https://h/o/r.git', INVALID],
    ['https://github.com/o/r/blob/main/a-1-py3-none-any.whl', INVALID],
    ['https://h/notawheel.whl', INVALID],
    ['ftp://h/a.zip', INVALID],
    ['./empty', PATH],
    ['./outside', PATH],
    ['../a.whl', PATH],
    ['~/a.whl', PATH],
    ['./r.txt', PATH],
    ['a @ file:///croot/a_1700000000/work', PATH],
    ['-c https://h/r.txt', UNSUPPORTED],
    ['-c git.txt', INVALID],
    ['a -r other.txt', UNSUPPORTED],
    ['a --no-deps', INVALID],
    ['--config-settings=x=y', INVALID],
    ['a --install-option=x', INVALID],
    ['pip install numpy', INVALID],
    ['numpy scipy torch==1.0', INVALID],
    ['apt-get install -y ffmpeg', INVALID],
    ['cd sub && python setup.py install', INVALID],
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
    ['--find-links ./wheels', PATH],
    ['-i file:///index', UNSUPPORTED],
  ])('%s', async (line, code) => {
    await symlink('/etc/passwd', join(directory, 'link.txt'));
    await symlink('/etc', join(directory, 'outside'));
    const files = {
      'empty/readme': '',
      'pkg/setup.py': '',
      'git.txt': 'git+https://h/r.git',
      'loop.txt': '-r r.txt',
      'extras.txt': 'a[b]',
      'binary.txt': new Uint8Array([0, 1, 0xff]),
    };
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
