import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { projectRoots } from '../../src/plan/python/roots.ts';
import { solve } from '../../src/plan/python/solve.ts';
import { targetMarkers } from '../../src/sources/uv/target-interpreter.ts';
import { aContext } from '../builders/context.ts';
import { requirementLine } from '../builders/spec.ts';
import { thePinnedUv } from '../builders/uv.ts';
import { openRecordedIndex } from '../servers/recorded-index.ts';

/*
 * The files that are chosen are those that pip would install, for the same Python, of the same index: `pip install --dry-run --report` against the
 * recorded answers of PyPI, by name of the file.
 */

const RECORDING = fileURLToPath(new URL('../fixtures/recorded/pypi.json', import.meta.url));

const INPUTS: readonly (readonly string[])[] = [
  ['pillow==10.4.0', 'numpy==1.26.4'],
  ['numpy>=1.26,<2', 'pyyaml~=6.0'],
  ['numpy==1.26.*'],
  ['numpy===1.26.4'],
  ['requests[socks]==2.32.3'],
  ['numpy', 'numpy==1.26.4'],
  ['einops==0.8.0', 'tqdm'],
];

/** A Python 3.11 of this machine whose pip can tell what it would install. */
async function findPip(): Promise<string> {
  const versions = join(process.env.PYENV_ROOT ?? join(homedir(), '.pyenv'), 'versions');
  const own = existsSync(versions) ? readdirSync(versions).map((name) => join(versions, name, 'bin/python')) : [];
  for (const python of [...own.filter((path) => /3\.11/.test(path)), '/usr/bin/python3.11']) {
    const { stdout } = await run(python, ['-m', 'pip', '--version'], {}).catch(() => ({ stdout: '' }));
    const major = Number(/^pip (\d+)\./.exec(stdout)?.[1] ?? 0);
    if (major >= 22) return python;
  }
  throw new Error('this test needs a Python 3.11 with pip 22.2 or later: from Debian 12, or below PYENV_ROOT');
}

const run = promisify(execFile);
let uv: string;
let python: string;

beforeAll(async () => {
  uv = await thePinnedUv();
  python = await findPip();
});

describe('pip', () => {
  test.each(INPUTS.map((lines) => [lines.join(', '), lines] as const))('%s', async (_, lines) => {
    const index = await openRecordedIndex(RECORDING, undefined);
    const context = await aContext({ COGPLAN_MIRRORS: index.mirrors });
    const directory = mkdtempSync(join(tmpdir(), 'cogplan-pip-'));
    try {
      const environment = { version: '3.11.7', platform: 'linux/amd64', glibc: '2.36' } as const;
      const written = lines.map((text, at) => requirementLine(text, { where: { file: 'r.txt', line: at + 1 } }));
      const packages = await solve(context, {
        uv,
        environment,
        roots: projectRoots(written, targetMarkers(environment)),
        constraints: [],
        indexes: { primary: 'https://pypi.org/simple', extra: [], findLinks: [] },
        pre: false,
        asOf: null,
        keep: [],
      });
      const ours = packages.map(
        ({ name, file }) => `${name} ${decodeURIComponent(file.url.slice(file.url.lastIndexOf('/') + 1))}`,
      );
      const theirs = await askPip(python, { simple: index.stubs, lines, directory });
      expect(ours.length).toBeGreaterThan(0);
      expect(ours).toEqual(theirs);
    } finally {
      await index.close();
      context.dispose();
      rmSync(directory, { recursive: true });
    }
  });
});

async function askPip(
  interpreter: string,
  {
    simple,
    lines,
    directory,
  }: { readonly simple: string; readonly lines: readonly string[]; readonly directory: string },
): Promise<readonly string[]> {
  writeFileSync(join(directory, 'r.txt'), `${lines.join('\n')}\n`);
  const options = [
    '--dry-run',
    '--ignore-installed',
    '--only-binary',
    ':all:',
    '--no-cache-dir',
    '--isolated',
    '--quiet',
  ];
  const { stdout } = await run(
    interpreter,
    ['-m', 'pip', 'install', ...options, '--report', '-', '--index-url', simple, '-r', join(directory, 'r.txt')],
    {
      env: { PATH: '/usr/bin:/bin', HOME: directory, PIP_DISABLE_PIP_VERSION_CHECK: '1' },
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  const { install } = JSON.parse(stdout) as {
    readonly install: readonly {
      readonly metadata: { readonly name: string };
      readonly download_info: { readonly url: string };
    }[];
  };
  return install
    .map(({ metadata, download_info: { url } }) => {
      const name = metadata.name.toLowerCase().replace(/[-_.]+/g, '-');
      return `${name} ${decodeURIComponent(url.slice(url.lastIndexOf('/') + 1))}`;
    })
    .sort();
}
