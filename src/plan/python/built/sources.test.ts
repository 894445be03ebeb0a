import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aContext, type TestContext } from '../../../../test/builders/context.ts';
import { locateSource, scmVersion } from './locate-source.ts';
import { describeReference, referenceOfUrl } from './reference.ts';
import { findRemedy } from './remedies.ts';
import { sourceVersion } from './source-distribution.ts';

describe('referenceOfUrl', () => {
  it.each([
    ['git+https://a.test/x/y.git', { kind: 'git', url: 'https://a.test/x/y.git' }],
    ['git+https://a.test/x/y.git@v1.0', { kind: 'git', url: 'https://a.test/x/y.git', ref: 'v1.0' }],
    ['git+https://me:key@a.test/x/y', { kind: 'git', url: 'https://me:key@a.test/x/y' }],
    ['git+https://me:key@a.test/x/y@main', { kind: 'git', url: 'https://me:key@a.test/x/y', ref: 'main' }],
    ['git+ssh://git@a.test/x/y@abc', { kind: 'git', url: 'ssh://git@a.test/x/y', ref: 'abc' }],
    [
      'git+https://a.test/x@feature/one#egg=x&subdirectory=python/x',
      { kind: 'git', url: 'https://a.test/x', ref: 'feature/one', subdirectory: 'python/x' },
    ],
    ['https://a.test/x-1.tar.gz', { kind: 'archive', url: 'https://a.test/x-1.tar.gz' }],
    [
      `https://a.test/archive/main.zip#sha256=${'a'.repeat(64)}`,
      { kind: 'archive', url: 'https://a.test/archive/main.zip', sha256: 'a'.repeat(64) },
    ],
    ['https://a.test/x-1.0-py3-none-any.whl', undefined],
    ['file:///etc/x', undefined],
  ])('%s', (text, expected) => {
    expect(referenceOfUrl(text)).toEqual(expected);
  });

  it('shows no credentials', () => {
    const shown = referenceOfUrl('git+https://me:key@a.test/x/y@main');
    expect(shown && describeReference(shown)).toBe('git+https://a.test/x/y@main');
  });
});

it.each([
  ['v1.2.3-0-gabcdef0', '1.2.3'],
  ['v1.2.3-4-gabcdef0', '1.2.4.dev4+g0123456'],
  ['1.0rc1-2-gabcdef0', '1.0.dev2+g0123456'],
  ['demo-2.0-0-gabcdef0', '2.0'],
  ['nightly-7-gabcdef0', '0.1.dev0+g0123456'],
  [undefined, '0.1.dev0+g0123456'],
])('the version of a commit that git describes as %s', (description, expected) => {
  const commit = '0123456789abcdef0123456789abcdef01234567';
  expect(scmVersion({ commit, ...(description === undefined ? {} : { description }) })).toBe(expected);
});

it.each([
  ['demo', 'demo-1.0.tar.gz', '1.0'],
  ['demo-kit', 'demo-kit-1.0.zip', '1.0'],
  ['demo-kit', 'Demo_Kit-1.0.post1.tar.gz', '1.0.post1'],
  ['demo', 'demo-kit-1.0.tar.gz', undefined],
  ['demo', 'demo-1.0-py3-none-any.whl', undefined],
  ['demo', 'demo-1.0.tar.bz2', '1.0'],
  ['demo', 'demo-1.0.tar.Z', undefined],
])('%s: %s is of version %s', (name, filename, expected) => {
  expect(sourceVersion(name, filename)).toBe(expected);
});

describe('findRemedy', () => {
  it.each([
    ["ModuleNotFoundError: No module named 'numpy'", 'numpy'],
    ["ModuleNotFoundError: No module named 'Cython.Build'", 'cython'],
    ["ModuleNotFoundError: No module named 'pip'", 'pip'],
    ["ImportError: No module named 'pkg_resources'", 'setuptools<81'],
    ['error in demo setup command: use_2to3 is invalid.', 'setuptools<58'],
    ['/bin/sh: 1: cmake: not found', 'cmake<4'],
  ])('%s', (log, requirement) => {
    expect(findRemedy(`something\n${log}\n`)).toMatchObject({ kind: 'require', requirement });
  });

  it.each([
    ['demo.c:1:10: fatal error: sndfile.h: No such file or directory', 'libsndfile1-dev'],
    ['demo.c:1:10: fatal error: odd/odd.h: No such file or directory', 'odd/odd.h'],
    ['/usr/bin/ld: cannot find -lfoo: No such file or directory', 'libfoo-dev'],
    ['OSError: CUDA_HOME environment variable is not set.', 'CUDA toolkit'],
    ["error: can't find Rust compiler", 'Rust'],
    ['urllib.error.URLError: <urlopen error [Errno -3]>', 'no network'],
    ["ModuleNotFoundError: No module named 'something_odd'", 'something_odd'],
  ])('%s', (log, told) => {
    expect(findRemedy(log)).toMatchObject({ kind: 'advice', text: expect.stringContaining(told) });
  });

  it('knows nothing about what it does not know', () => {
    expect(findRemedy('it is broken')).toBeUndefined();
  });
});

describe('locateSource', () => {
  let context: TestContext;
  let project: string;
  beforeAll(async () => {
    context = await aContext();
    project = join(context.store.root, 'project');
    mkdirSync(join(project, 'kit/.git'), { recursive: true });
    writeFileSync(join(project, 'kit/setup.py'), '');
    symlinkSync('/etc', join(project, 'out'));
  });
  afterAll(() => context.dispose());
  const locate = (path: string) =>
    locateSource(context, { kind: 'directory', path }, { directory: project, where: undefined });

  it('pins a directory by what it holds, and not by what repositories leave in it', async () => {
    const before = await locate('./kit');
    expect(before).toMatchObject({ kind: 'directory', file: { url: 'project:kit' } });
    writeFileSync(join(project, 'kit/.git/HEAD'), 'moved');
    expect(await locate('kit/')).toEqual(before);
    writeFileSync(join(project, 'kit/setup.py'), '#');
    expect((await locate('kit')).file.sha256).not.toBe(before.file.sha256);
  });

  it.each(['..', '../other', '/etc', 'out', 'gone', 'kit/setup.py'])('refuses %s', async (path) => {
    await expect(locate(path)).rejects.toMatchObject({ code: 'COGPLAN_SPEC_FILE_MISSING' });
  });
});
