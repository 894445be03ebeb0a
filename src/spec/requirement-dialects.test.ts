import { expect, test } from 'vitest';
import { CogplanError } from '../errors.ts';
import { applyEdits, fixesOf } from './edit-spec.ts';
import { refuseDialects } from './requirement-dialects.ts';

function refusal(text: string): CogplanError {
  try {
    refuseDialects(text, { file: 'r.txt', line: 1 });
  } catch (error) {
    if (error instanceof CogplanError) return error;
    throw error;
  }
  throw new Error(`${text} is not refused`);
}

test.each([
  ['torch^2.0', 'torch>=2.0,<3'],
  ['torch ^2.0.1', 'torch>=2.0.1,<3'],
  ['numpy^0.3', 'numpy>=0.3,<0.4'],
  ['numpy^0.0.3', 'numpy>=0.0.3,<0.0.4'],
  ['uvicorn[standard]^0.30.1', 'uvicorn[standard]>=0.30.1,<0.31'],
  ['torch~2.0', 'torch~=2.0.0'],
  ['torch~2.0.1', 'torch~=2.0.1'],
  ['torch~2', 'torch~=2.0'],
  ['six = "^1.16"', 'six>=1.16,<2'],
  ["six = '*'", 'six'],
  ['six = "1.16.0"', 'six==1.16.0'],
  ['six = ">=1.10,<2"', 'six>=1.10,<2'],
  ['requests@2.31.0', 'requests==2.31.0'],
  ['torch:2.0.0', 'torch==2.0.0'],
  ['torch: 2.0.0', 'torch==2.0.0'],
  ['numpy latest', 'numpy'],
  ['numpy@latest', 'numpy'],
  ['six=>1.16.0', 'six>=1.16.0'],
  ['numpy=<1.26', 'numpy<=1.26'],
  ['attrs=~23.1', 'attrs~=23.1'],
  ['scipy\u22651.0,\u22642', 'scipy>=1.0,<=2'],
  ['six > = 1.10', 'six >= 1.10'],
  ['six<>1.10', 'six!=1.10'],
  ['six = = 1.10', 'six == 1.10'],
  ['requests>=2.0;<3', 'requests>=2.0,<3'],
  ['pyyaml>=6.*', 'pyyaml>=6'],
  ['tqdm==4.*.1', 'tqdm==4.*'],
  ['pyyaml>=5.1.*,<7.* ; python_version < "3.12"', 'pyyaml>=5.1,<7 ; python_version < "3.12"'],
  ['numpy,', 'numpy'],
  ['idna==3.7#why', 'idna==3.7'],
  ['https://github.com/me/repo', 'git+https://github.com/me/repo'],
  ['https://github.com/me/repo.git@v1#egg=repo', 'git+https://github.com/me/repo.git@v1#egg=repo'],
  ['https://github.com/me/repo/tree/feature/x', 'git+https://github.com/me/repo@feature/x'],
  ['github.com/me/repo/', 'git+https://github.com/me/repo'],
  [
    'https://github.com/me/repo/blob/v1/w/x-1.0-py3-none-any.whl',
    'https://github.com/me/repo/raw/v1/w/x-1.0-py3-none-any.whl',
  ],
  [
    'https://huggingface.co/me/x/blob/main/x-1.0-py3-none-any.whl',
    'https://huggingface.co/me/x/resolve/main/x-1.0-py3-none-any.whl',
  ],
  ['"six==1.16.0",', 'six==1.16.0'],
  ['\u201csix==1.16.0\u201d', 'six==1.16.0'],
  ['numpy==latest', 'numpy'],
  ['numpy: latest', 'numpy'],
  ['torch>=2.0<3', 'torch>=2.0,<3'],
  ['torch >=2.0 <3 !=2.1', 'torch >=2.0,<3,!=2.1'],
  ["'torch==2.0'", 'torch==2.0'],
  ['"torch[x]>=2"', 'torch[x]>=2'],
])('%s: %s', (text, instead) => {
  const error = refusal(text);
  expect(error).toMatchObject({ code: 'COGPLAN_REQUIREMENT_INVALID', hint: `Write ${instead}.` });
  expect(applyEdits(`${text}\n`, fixesOf(error)[0]?.edits ?? [])).toBe(`${instead}\n`);
});

test.each([
  ['torch, numpy', /Write each on a line of its own: torch and numpy/],
  ['torch==2.0, numpy>=1', /Write each on a line of its own: torch==2\.0 and numpy>=1/],
  ['pytorch::pytorch=2.0', /channel of conda.*pytorch==2\.0/],
  ['git@github.com:me/repo.git@v1', /Write git\+https:\/\/github\.com\/me\/repo\.git@v1, or .* git\+ssh/],
  ['conda-forge::ffmpeg', /channel of conda.*: ffmpeg/],
])('%s', (text, hint) => {
  expect(refusal(text).hint).toMatch(hint);
});

test.each([
  'torch',
  'torch>=2.0,<3',
  'torch>=2.0, <3 , !=2.1',
  'torch==2.*',
  'torch @ https://h.test/torch-1.0-py3-none-any.whl',
  'torch[a,b]>=1 ; python_version < "3.12" and sys_platform == "linux"',
  './wheels/x.whl',
  'git+https://h.test/a/b@v1^',
  'git+ssh://git@github.com/me/repo.git@v1',
  'https://github.com/me/repo/archive/refs/tags/v1.tar.gz',
  'x @ https://github.com/me/repo/releases/download/v1/x-1.0-py3-none-any.whl',
  'https://github.com/me/x-1.0-py3-none-any.whl',
  'what is this',
])('%s is left to the reader', (text) => {
  expect(() => refuseDialects(text, { file: 'r.txt', line: 1 })).not.toThrow();
});
