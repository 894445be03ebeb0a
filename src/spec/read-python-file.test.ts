import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Problems } from './problems.ts';
import { readPythonFile } from './read-python-file.ts';
import type { Requirements } from './spec.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cogplan-python-file-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function read(
  files: Readonly<Record<string, string>>,
  path = Object.keys(files)[0] ?? '',
): Promise<Requirements> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content);
  }
  const problems = new Problems();
  const named = { path, where: { file: 'cog.yaml', line: 3 }, hint: 'Create the file.' };
  const requirements = await readPythonFile(directory, named, { problems, notices: [] });
  problems.throwIfAny();
  return requirements;
}

const shown = (lines: Requirements['requirements']) =>
  lines.map(
    ({ text, where, hashes }) =>
      `${where.file}:${where.line} ${text}${hashes.map((hash) => ` ${hash.slice(7, 9)}`).join('')}`,
  );
const [A, B, C] = ['a', 'b', 'c'].map((digit) => digit.repeat(64));

test('pylock.toml: versions, markers, hashes and indexes are kept', async () => {
  const requirements = await read({
    'pylock.toml': `lock-version = "1.0"
created-by = "x"

[[packages]]
name = "numpy"
version = "1.26.4"
marker = "sys_platform == 'linux'"
index = "https://pypi.org/simple"
sdist = { url = "https://f/numpy.tar.gz", hashes = { sha256 = "${A}" } }
wheels = [{ url = "https://f/numpy.whl", hashes = { sha256 = "${B}" } }]

[[packages]]
name = "torch"
version = "2.4.0+cu121"
index = "https://download.example/whl/cu121"
[[packages.wheels]]
url = "https://f/torch.whl"
hashes = { sha256 = "${C}" }

[[packages]]
name = "repo"
vcs = { type = "git", url = "https://h/o/repo.git", commit-id = "0123456789abcdef0123456789abcdef01234567", subdirectory = "sub" }

[[packages]]
name = "wheel-by-url"
archive = { url = "https://f/wheel_by_url-1.0-py3-none-any.whl", hashes = { sha256 = "${A}" } }

[[packages]]
name = "folder"
directory = { path = "vendor/folder" }
`,
    'vendor/folder/setup.py': '',
  });
  expect(shown(requirements.requirements)).toEqual([
    'pylock.toml:4 numpy==1.26.4 ; sys_platform == "linux" aa bb',
    'pylock.toml:12 torch==2.4.0+cu121 cc',
    'pylock.toml:20 repo @ git+https://h/o/repo.git@0123456789abcdef0123456789abcdef01234567#subdirectory=sub',
    'pylock.toml:24 wheel-by-url @ https://f/wheel_by_url-1.0-py3-none-any.whl aa',
    'pylock.toml:28 folder @ ./vendor/folder',
  ]);
  expect(requirements.indexUrl).toBeUndefined();
  expect(requirements.extraIndexUrls.map((item) => item.value)).toEqual(['https://download.example/whl/cu121']);
  expect(requirements.files.map((file) => file.path)).toEqual(['pylock.toml']);
});

const PYPROJECT = `[project]
name = "model"
version = "0"
requires-python = ">=3.11"
dependencies = [
  "numpy>=1.20",
  "Repo[fast] ; python_version > '3'",
]
[tool.uv.sources]
repo = { git = "https://h/o/repo", tag = "v1", subdirectory = "py" }
`;

test('pyproject.toml with uv.lock: what is asked stays asked, what uv locked is pinned', async () => {
  const requirements = await read({
    'app/pyproject.toml': PYPROJECT,
    'app/uv.lock': `version = 1
revision = 2

[[package]]
name = "model"
version = "0"
source = { virtual = "." }

[[package]]
name = "numpy"
version = "1.26.4"
source = { registry = "https://index.example/simple" }
sdist = { url = "https://f/numpy.tar.gz", hash = "sha256:${A}", size = 1 }
wheels = [
    { url = "https://f/numpy.whl", hash = "sha256:${B}", size = 1 },
]

[[package]]
name = "repo"
version = "1"
source = { git = "https://h/o/repo?subdirectory=py&tag=v1#0123456789abcdef0123456789abcdef01234567" }

[[package]]
name = "tqdm"
version = "4.1"
source = { registry = "https://index.example/simple" }
resolution-markers = ["python_full_version < '3.12'", "sys_platform == 'win32'"]
`,
  });
  expect(shown(requirements.requirements)).toEqual([
    'app/pyproject.toml:6 numpy>=1.20',
    'app/pyproject.toml:7 Repo[fast] @ git+https://h/o/repo@0123456789abcdef0123456789abcdef01234567#subdirectory=py ; python_version > "3"',
  ]);
  expect(shown(requirements.constraints)).toEqual([
    'app/uv.lock:9 numpy==1.26.4 aa bb',
    'app/uv.lock:23 tqdm==4.1 ; python_full_version < "3.12" or sys_platform == "win32"',
  ]);
  expect(requirements.indexUrl?.value).toBe('https://index.example/simple');
  expect(requirements.files.map((file) => file.path)).toEqual(['app/pyproject.toml', 'app/uv.lock']);
});

test('pyproject.toml alone: its sources and indexes', async () => {
  const requirements = await read({
    'pyproject.toml': `${PYPROJECT}[[tool.uv.index]]\nname = "ours"\nurl = "https://ours.example/simple"\n`,
  });
  expect(shown(requirements.requirements)).toEqual([
    'pyproject.toml:6 numpy>=1.20',
    'pyproject.toml:7 Repo[fast] @ git+https://h/o/repo@v1#subdirectory=py ; python_version > "3"',
  ]);
  expect(requirements.indexUrl).toBeUndefined();
  expect(requirements.extraIndexUrls.map((item) => item.value)).toEqual(['https://ours.example/simple']);
});

test.each([
  [{ 'pylock.toml': 'lock-version = 1\n= x' }, 'COGPLAN_REQUIREMENTS_FILE', 2],
  [{ 'pylock.toml': 'lock-version = "2.0"' }, 'COGPLAN_REQUIREMENTS_FILE', 1],
  [{ 'pylock.toml': 'lock-version = "1.0"\n[[packages]]\nname = "a"' }, 'COGPLAN_REQUIREMENTS_FILE', 2],
  [
    { 'pylock.toml': `lock-version = "1.0"\n[[packages]]\nname = "a"\nversion = "1"\nmarker = "'x' in extras"` },
    'COGPLAN_REQUIREMENT_UNSUPPORTED',
    2,
  ],
  [
    { 'pylock.toml': 'lock-version = "1.0"\n[[packages]]\nname = "a"\ndirectory = { path = "../x" }' },
    'COGPLAN_REQUIREMENT_PATH',
    2,
  ],
  [
    { 'pylock.toml': 'lock-version = "1.0"\n[[packages]]\nname = "a --hash=x"\nversion = "1"' },
    'COGPLAN_REQUIREMENT_INVALID',
    2,
  ],
  [{ 'pyproject.toml': '[tool.poetry.dependencies]\nnumpy = "*"' }, 'COGPLAN_REQUIREMENTS_FILE', 1],
  [{ 'pyproject.toml': '[project]\nname = "a"\ndynamic = ["dependencies"]' }, 'COGPLAN_REQUIREMENTS_FILE', 1],
  [{ 'pyproject.toml': '[project]\nname = "a"' }, 'COGPLAN_REQUIREMENTS_FILE', 1],
  [{ 'pyproject.toml': '[project]\ndependencies = []', 'uv.lock': 'version = 9' }, 'COGPLAN_REQUIREMENTS_FILE', 1],
  [{ 'uv.lock': 'version = 1' }, 'COGPLAN_REQUIREMENTS_FILE', 3],
  [{ Pipfile: '' }, 'COGPLAN_REQUIREMENTS_FILE', 3],
] as [Record<string, string>, string, number][])('refused: %j', async (files, code, line) => {
  await expect(read(files)).rejects.toMatchObject({ code, where: { line }, hint: expect.stringMatching(/./) });
});

test('a file that is not there', async () => {
  await expect(read({}, 'pylock.toml')).rejects.toMatchObject({
    code: 'COGPLAN_SPEC_FILE_MISSING',
    where: { file: 'cog.yaml', line: 3 },
    hint: 'Create the file.',
  });
});
