import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { Problems } from '../../src/spec/problems.ts';
import { readRequirements } from '../../src/spec/read-requirements.ts';
import type { RequirementLine } from '../../src/spec/spec.ts';

/* pip's own reader of requirements files is the oracle for ours. */

interface Read {
  readonly name: string | null;
  readonly extras: readonly string[];
  readonly specifiers: readonly string[];
  readonly marker: boolean;
  readonly editable: boolean;
  readonly link: string | null;
  readonly subdirectory: string | null;
}

const HASH = `--hash=sha256:${'a'.repeat(64)}`;
const SAME = [
  'numpy',
  'Numpy==1.26.4  # why',
  'numpy >= 1.20 , < 2',
  'numpy(>=1.20)',
  'torch ==2.2.1',
  'transformers== 4.30.0',
  'fire >= 0.6.0',
  'a===1.0-weird',
  'a==1.*',
  'a!=1.*,~=1.4',
  'a==1!2.0.post1.dev3+local.1',
  'ruamel.yaml',
  'zope.interface_x>=1',
  'uvicorn[standard]',
  'uvicorn [ standard , extra ] >=0.1',
  'a[]',
  'a ; python_version < "3.12"',
  "a>=1; sys_platform == 'linux' and (python_version > '3' or os_name != 'nt')",
  `a==1 ${HASH} ${HASH}`,
  'a==1 --global-option=x',
  'a \\\n  >=1, \\\n  <2',
  '--pre\na',
  '--prefer-binary\n-i https://h/simple\na',
  '--extra-index-url https://h/simple\n--find-links https://h/x\n--trusted-host h\na',
  '--no-binary=:all:\n--only-binary a,b\na',
  'a @ https://h/a-1.0-py3-none-any.whl',
  'a[x] @ https://h/a-1.0.tar.gz ; python_version > "3"',
  'a@https://h/a-1.0.zip',
  'https://h/a-1.0-py3-none-any.whl',
  'https://h/a_b-1.0%2Bcu1-py3-none-any.whl',
  'https://h/x.zip#egg=name',
  'https://h/x.tar.gz#egg=name&subdirectory=sub',
  'git+https://h/o/r.git',
  'git+https://h/o/r.git@v1#egg=r',
  'git+https://h/o/r@feature/x#egg=r[x]&subdirectory=a/b',
  'git+ssh://git@h/o/r.git@main#egg=r',
  'r @ git+https://h/o/r.git@abc1234',
  '-e git+https://h/o/r.git@main#egg=r',
  'git add .',
  'git commit -m "x"',
  'numpy=1.26',
  'numpy=>1.26',
  'numpy 1.26',
  'numpy==1.26 scipy',
  '==1.0',
  'a[x',
  'a ; ',
  'a ; foo == "1"',
  'a ; python_version',
  '-a',
  '--index-url',
  'a --no-deps',
  'a --upgrade',
  '-r missing.txt',
  'a --hash=sha256',
  'hello world',
  '{name}',
  '_a',
  'a-',
  '@',
] as const;

/** Lines that are read otherwise on purpose, and why. */
const DIFFERENT: readonly (readonly [string, string])[] = [
  ['a --extra-index-url https://h/simple', 'pip drops the option without a word; Cog honours it'],
  ['torch==1.8.1+cu111 -f https://h/torch_stable.html', 'the same'],
  ['a -r other.txt', 'pip drops the option without a word; here it is refused'],
  ['name -e git+https://h/r.git#egg=x', 'the same'],
  ['git+git://h/o/r.git', 'hosts have switched the protocol off: refused with the address that works'],
  ['hg+https://h/r', 'Mercurial repositories are not read'],
  ['cog==0.9', 'left out: the image gets its cog from cogplan'],
  ['a>=1.*', 'pip took it until 24.1; PEP 440 does not know it'],
  ['numpy>=1.20<2', 'the same'],
  ['numpy==', 'the same'],
];

let pip: ReadonlyMap<string, { readonly requirements?: readonly Read[]; readonly error?: string }>;
beforeAll(() => {
  const lines = [...SAME, ...DIFFERENT.map(([line]) => line)];
  const program = fileURLToPath(new URL('pip-oracle.py', import.meta.url));
  const output = execFileSync('python3', [program], {
    input: JSON.stringify(lines),
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const answers = JSON.parse(output) as { readonly requirements?: readonly Read[] }[];
  pip = new Map(lines.map((line, index) => [line, answers[index] ?? {}]));
});

async function ours(line: string): Promise<readonly Read[] | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'cogplan-oracle-'));
  try {
    await writeFile(join(directory, 'r.txt'), line);
    const problems = new Problems();
    const input = { kind: 'file', path: 'r.txt', where: { file: 'cog.yaml' } } as const;
    const { requirements } = await readRequirements(directory, input, { problems, notices: [] });
    problems.throwIfAny();
    return requirements.map(asPip);
  } catch {
    return undefined;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function asPip({ name, extras, specifiers, marker, editable, source }: RequirementLine): Read {
  const link =
    source.kind === 'url'
      ? source.url
      : source.kind === 'vcs'
        ? `git+${source.url}${source.ref === undefined ? '' : `@${source.ref}`}`
        : null;
  return {
    name: name ?? null,
    extras: [...extras].sort(),
    specifiers: specifiers.map(({ operator, text }) => `${operator}${text}`).sort(),
    marker: marker !== undefined,
    editable: editable === true,
    link,
    subdirectory: source.kind === 'index' ? null : (source.subdirectory ?? null),
  };
}

// Names are compared by their normal form; a wheel by URL is pinned by pip to the version in its file name.
function comparable(items: readonly Read[] | undefined): readonly Read[] | undefined {
  return items?.map((item) => ({
    ...item,
    name: item.name?.replace(/[-_.]+/g, '-').toLowerCase() ?? null,
    specifiers: item.link === null ? item.specifiers : [],
  }));
}

describe('the same as pip', () => {
  test.each(SAME)('%s', async (line) => {
    expect(comparable(await ours(line))).toEqual(comparable(pip.get(line)?.requirements));
  });
});

describe('other than pip, on purpose', () => {
  test.each(DIFFERENT)('%s: %s', async (line) => {
    const mine = comparable(await ours(line));
    if (/^(?:a --extra|torch)/.test(line)) expect(mine).toEqual(comparable(pip.get(line)?.requirements));
    else expect(mine ?? []).toEqual([]);
  });
});
