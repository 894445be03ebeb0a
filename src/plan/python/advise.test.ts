import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { requirementLine } from '../../../test/builders/spec.ts';
import { thePinnedUv } from '../../../test/builders/uv.ts';
import { type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import { type PublishedWheel, publishWheels } from '../../../test/servers/package-index.ts';
import type { Context } from '../../context.ts';
import { CogplanError } from '../../errors.ts';
import { targetMarkers } from '../../sources/uv/target-interpreter.ts';
import { applyEdits, type Fix } from '../../spec/edit-spec.ts';
import { advise } from './advise.ts';
import { compileFor, type SolveRequest } from './compile-for.ts';
import { projectRoots } from './roots.ts';
import { solve } from './solve.ts';
import { Trials } from './trials.ts';

const environment = { version: '3.11.2', platform: 'linux/amd64', glibc: '2.36' } as const;
const NOW = new Date('2026-11-22T00:00:00Z');
let uv: string;
let server: HttpTestServer;
let context: TestContext;
let directory: string;

beforeAll(async () => {
  uv = await thePinnedUv();
});
beforeEach(async () => {
  server = await startHttpServer();
  context = await aContext();
  directory = mkdtempSync(join(tmpdir(), 'cogplan-advice-'));
});
afterEach(async () => {
  await server.close();
  context.dispose();
  rmSync(directory, { recursive: true });
});

/** A project on disk, its files, and the request that it comes to. */
function project(lines: readonly string[]): SolveRequest {
  writeFileSync(join(directory, 'cog.yaml'), 'build:\n  python_version: "3.11" # ours\n  python_requirements: r.txt\n');
  writeFileSync(join(directory, 'r.txt'), lines.map((line) => `${line}  # why\n`).join(''));
  return requestOf(lines);
}

function requestOf(lines: readonly string[]): SolveRequest {
  const written = lines.map((text, index) => requirementLine(text, { where: { file: 'r.txt', line: index + 1 } }));
  return {
    uv,
    environment,
    roots: projectRoots(written, targetMarkers(environment)),
    constraints: [],
    indexes: { primary: `${server.url}/simple`, extra: [], findLinks: [] },
    pre: false,
    asOf: null,
    keep: [],
  };
}

async function fixesFor(request: SolveRequest): Promise<readonly Fix[]> {
  const error: unknown = await solve(context, request).catch((caught: unknown) => caught);
  if (!(error instanceof CogplanError)) throw new Error('it can be resolved');
  const where = { file: 'cog.yaml', line: 2, key: 'build.python_version' };
  const spec = { directory, file: 'cog.yaml', pythonVersion: { value: '3.11', where }, systemPackages: [] };
  const { fixes, cutShort } = await advise(context, { request, spec, error, now: NOW, trials: new Trials(undefined) });
  expect(cutShort).toBeUndefined();
  return fixes;
}

const applied = (file: string, fix: Fix | undefined): string =>
  applyEdits(
    readFileSync(join(directory, file), 'utf8'),
    (fix?.edits ?? []).filter((edit) => edit.file === file),
  );

/** Follows an advice to the letter: edits the files, reads them again, resolves. */
async function follow(request: SolveRequest, fix: Fix): Promise<readonly string[]> {
  const lines = applied('r.txt', fix)
    .split('\n')
    .map((line) => line.replace(/\s+#.*/, '').trim())
    .filter((line) => line !== '');
  const python = /python_version: "(\d\.\d+)"/.exec(applied('cog.yaml', fix))?.[1] ?? '';
  const pythons = { '3.9': ['3.9.2', '2.31'], '3.11': ['3.11.2', '2.36'], '3.13': ['3.13.5', '2.41'] } as const;
  const [version, glibc] = pythons[python as keyof typeof pythons];
  const changed = {
    ...requestOf(lines),
    environment: { ...request.environment, version, glibc },
    asOf: fix.asOf ?? null,
  };
  const outcome = await compileFor(context, changed);
  if (outcome.kind !== 'resolved') throw new Error(outcome.explanation);
  return outcome.packages.map((item) => `${item.name}==${item.version}`);
}

const wheel = (name: string, version: string, rest: Partial<PublishedWheel> = {}): PublishedWheel => ({
  name,
  version,
  ...rest,
});
const cp = (minor: number) => ({ tags: `cp3${minor}-cp3${minor}-manylinux2014_x86_64` });

test.each<[string, readonly PublishedWheel[], readonly string[], readonly RegExp[]]>([
  [
    'a pin without a wheel for this Python: another Python, or the nearest version',
    [wheel('lib', '1.0', cp(9)), wheel('lib', '2.0', cp(11)), wheel('lib', '9.0', cp(11)), wheel('lib', '0.9', cp(11))],
    ['lib==1.0'],
    [/^python_version: "3.9"$/, /^ask for lib==2\.0$/],
  ],
  [
    'a name that is written otherwise on the index',
    [wheel('scikit_learn', '1.5'), wheel('numpy', '2.0')],
    ['sklearn', 'numpy'],
    [/^ask for scikit-learn/],
  ],
  [
    'a placeholder with a version: the version goes as well',
    [wheel('scikit_learn', '1.5')],
    ['sklearn==0.0.post1'],
    [/^ask for scikit-learn/],
  ],
  [
    'two that need different versions of a third: one without its version',
    [
      wheel('app', '1.0', { metadata: ['Requires-Dist: lib<2'] }),
      wheel('app', '2.0', { metadata: ['Requires-Dist: lib>=2'] }),
      wheel('lib', '1.0'),
      wheel('lib', '2.0'),
    ],
    ['app==1.0', 'lib==2.0'],
    [/^ask for (app|lib) without a version$/],
  ],
  [
    'torchvision of another torch: the one that goes with it',
    [
      wheel('torch', '2.0.1'),
      wheel('torch', '2.3.0'),
      wheel('torchvision', '0.15.2', { metadata: ['Requires-Dist: torch==2.0.1'] }),
      wheel('torchvision', '0.18.0', { metadata: ['Requires-Dist: torch==2.3.0'] }),
    ],
    ['torch==2.3.0', 'torchvision==0.15.2'],
    [/^ask for torchvision==0\.18\.0$/, /^ask for torch==2\.0\.1$/],
  ],
  [
    'a build that no index has: the plain version',
    [wheel('torch', '2.0.1')],
    ['torch==2.0.1+cu117'],
    [/^ask for torch==2\.0\.1$/],
  ],
  [
    'names that no index has: all at once, each by the name that is like it',
    [wheel('scikit_image', '0.22'), wheel('pyyaml', '6.0'), wheel('huggingface_hub', '1.0'), wheel('six', '1.16')],
    ['scikitimage', 'six', 'pyyml==6.0', 'huggingface-hubs==0.9'],
    [/^ask for scikit-image, pyyaml==6\.0 and huggingface-hub: no index has scikitimage, pyyml and huggingface-hubs$/],
  ],
  [
    'a version glued to its name',
    [wheel('pillow', '9.5.0'), wheel('six', '1.16')],
    ['pillow-9.5.0', 'six'],
    [/^ask for pillow==9\.5\.0: no index has pillow-9\.5\.0$/],
  ],
  [
    'modules of Python, and a name like nothing known',
    [wheel('six', '1.16')],
    ['json', 'six', 'our-own-thing==1.0', 'sqlite3'],
    [/^leave out json and sqlite3: Python brings them; leave out our-own-thing, which no index has$/],
  ],
  [
    'a backport for Pythons of old',
    [wheel('six', '1.16'), wheel('dataclasses', '0.8', { requiresPython: '<3.7' })],
    ['dataclasses==0.9', 'six'],
    [/^leave out dataclasses: Python brings it$/],
  ],
  [
    'packages of other systems: a marker',
    [
      wheel('pywin32', '306', { tags: 'cp311-cp311-win_amd64' }),
      wheel('appnope', '1.0', { tags: 'py3-none-macosx_11_0_arm64' }),
      wheel('six', '1.16'),
    ],
    ['pywin32==306', 'six', 'appnope'],
    [/^ask for pywin32 and appnope on Windows and macOS only, by a marker: there are none for Linux$/],
  ],
  [
    'packages of other systems that have another name for Linux',
    [
      wheel('tensorflow_macos', '2.12.0', { tags: 'cp311-cp311-macosx_12_0_arm64' }),
      wheel('tensorflow_metal', '1.0', { tags: 'cp311-cp311-macosx_12_0_arm64' }),
      wheel('tensorflow', '2.12.0'),
    ],
    ['tensorflow-macos==2.12.0', 'tensorflow-metal'],
    [
      /^ask for tensorflow==2\.12\.0: so tensorflow-macos is called for Linux; ask for tensorflow-metal on macOS only, by a marker/,
    ],
  ],
  [
    'one name with two versions: one of the lines',
    [wheel('six', '1.15'), wheel('six', '1.16')],
    ['six==1.16', 'six==1.15'],
    [/^keep r\.txt:1: six==1\.16, and remove r\.txt:2: six==1\.15$/, /^keep r\.txt:2/],
  ],
  [
    'torchvision that the table does not know, by its minor version',
    [
      wheel('torch', '2.0.0'),
      wheel('torch', '2.1.0'),
      wheel('torchvision', '0.15.0', { metadata: ['Requires-Dist: torch==2.0.0'] }),
      wheel('torchvision', '0.16.0', { metadata: ['Requires-Dist: torch==2.1.0'] }),
    ],
    ['torch==2.1.0', 'torchvision==0.15.0'],
    [/^ask for torchvision==0\.16\.0$/],
  ],
  [
    'with the dates of uploads: the packages of that day as well',
    [
      wheel('app', '1.0', { ...cp(9), metadata: ['Requires-Dist: lib'], uploadTime: '2023-05-03T10:00:00Z' }),
      wheel('lib', '1.0', { uploadTime: '2023-01-01T00:00:00Z' }),
      wheel('lib', '2.0', { uploadTime: '2024-01-01T00:00:00Z' }),
    ],
    ['app==1.0'],
    [/^python_version: "3\.9"$/, /^python_version: "3\.9", with the packages of 2023-05-04 \(--as-of 2023-05-04\)$/],
  ],
])('%s', async (_, wheels, lines, expected) => {
  publishWheels(server, wheels);
  const request = project(lines);
  const fixes = await fixesFor(request);
  expected.forEach((pattern, index) => {
    expect(fixes[index]?.text).toMatch(pattern);
  });
  expect(fixes.length).toBeLessThanOrEqual(3);
  for (const fix of fixes) expect((await follow(request, fix)).length).toBeGreaterThan(0);
});

test('constraints that stand in the way are dropped, where they stand', async () => {
  publishWheels(server, [
    wheel('app', '1.0', { metadata: ['Requires-Dist: lib>=2'] }),
    wheel('lib', '1.0'),
    wheel('lib', '2.0'),
  ]);
  writeFileSync(join(directory, 'c.txt'), 'other==1\nlib==1.0 # of old\n');
  const limit = requirementLine('lib==1.0', { where: { file: 'c.txt', line: 2 } });
  const request = { ...project(['app']), constraints: projectRoots([limit], targetMarkers(environment)) };
  const [fix] = await fixesFor(request);
  expect(fix?.text).toBe('drop the constraint c.txt:2: lib==1.0');
  expect(applied('c.txt', fix)).toBe('other==1\n');
  expect(await follow({ ...request, constraints: [] }, fix!)).toEqual(['app==1.0', 'lib==2.0']);
});

test('a line of cog.yaml gets its marker in the quotes that are free, and is not emptied where it holds more', async () => {
  publishWheels(server, [wheel('pywin32', '306', { tags: 'cp311-cp311-win_amd64' }), wheel('six', '1.16')]);
  for (const [line, expected] of [
    ['    - pywin32==306 # win', `    - pywin32==306 ; sys_platform == "win32" # win`],
    ['    - "pywin32==306"', `    - "pywin32==306 ; sys_platform == 'win32'"`],
  ] as const) {
    writeFileSync(join(directory, 'cog.yaml'), `build:\n  python_packages:\n${line}\n`);
    const root = requirementLine('pywin32==306', { where: { file: 'cog.yaml', line: 3 } });
    const [fix] = await fixesFor({ ...requestOf([]), roots: projectRoots([root], targetMarkers(environment)) });
    expect(applied('cog.yaml', fix)).toBe(`build:\n  python_packages:\n${expected}\n`);
  }
  writeFileSync(join(directory, 'cog.yaml'), 'build:\n  python_packages: [nothing-like-it, six]\n');
  const root = requirementLine('nothing-like-it', { where: { file: 'cog.yaml', line: 2 } });
  expect(await fixesFor({ ...requestOf([]), roots: projectRoots([root], targetMarkers(environment)) })).toEqual([]);
});

test('the packages of a day are those of that day', async () => {
  publishWheels(server, [
    wheel('app', '1.0', { ...cp(9), metadata: ['Requires-Dist: lib'], uploadTime: '2023-05-03T10:00:00Z' }),
    wheel('lib', '1.0', { uploadTime: '2023-01-01T00:00:00Z' }),
    wheel('lib', '2.0', { uploadTime: '2024-01-01T00:00:00Z' }),
  ]);
  const request = project(['app==1.0']);
  const dated = (await fixesFor(request)).find((fix) => fix.asOf !== undefined)!;
  expect(dated.asOf).toBe('2023-05-04T23:59:59Z');
  expect(await follow(request, dated)).toEqual(['app==1.0', 'lib==1.0']);
});

test('edits keep comments and layout', async () => {
  publishWheels(server, [wheel('lib', '1.0', cp(9)), wheel('lib', '2.0', cp(11))]);
  const [python, pin] = await fixesFor(project(['lib==1.0']));
  expect(applied('cog.yaml', python)).toBe('build:\n  python_version: "3.9" # ours\n  python_requirements: r.txt\n');
  expect(applied('r.txt', pin)).toBe('lib==2.0  # why\n');
});

test('a Python that only standalone builds have, when no other will do', async () => {
  publishWheels(server, [wheel('lib', '1.0', cp(10)), wheel('other', '1.0', cp(10))]);
  const fixes = await fixesFor(project(['lib==1.0', 'other==1.0']));
  expect(fixes[0]?.text).toBe('python_version: "3.10"');
});

test('nothing helps: nothing is offered', async () => {
  publishWheels(server, [wheel('lib', '1.0', { tags: 'cp311-cp311-manylinux2014_ppc64le' })]);
  expect(await fixesFor(project(['lib']))).toEqual([]);
});

test('time that runs out is told, with what was found until then', async () => {
  publishWheels(server, [wheel('lib', '1.0', cp(9)), wheel('lib', '2.0', cp(11))]);
  const request = project(['lib==1.0']);
  const error: unknown = await solve(context, request).catch((caught: unknown) => caught);
  if (!(error instanceof CogplanError)) throw new Error('it can be resolved');
  const where = { file: 'cog.yaml', line: 2, key: 'build.python_version' };
  const spec = { directory, file: 'cog.yaml', pythonVersion: { value: '3.11', where }, systemPackages: [] };
  const advice = await advise(context, {
    request,
    spec,
    error,
    now: NOW,
    trials: new Trials(undefined),
    limitMs: 1,
  });
  expect(advice.cutShort).toContain('was ended after 0 seconds: there may be others');
});

describe("JAX's own pages", () => {
  const PAGES = 'https://storage.googleapis.com/jax-releases';
  const away = async () => {
    context.dispose();
    context = await aContext({ COGPLAN_MIRRORS: `${PAGES}=${server.url}/jax` });
    publishWheels(server, [
      wheel('jax', '0.4.14', {
        metadata: ['Provides-Extra: cuda11_pip', "Requires-Dist: jaxlib==0.4.14+cuda11.cudnn86; extra == 'cuda11_pip'"],
      }),
      wheel('jax', '0.3.25'),
      wheel('jaxlib', '0.4.30', cp(11)),
    ]);
    const builds = publishWheels(
      server,
      [wheel('jaxlib', '0.4.14+cuda11.cudnn86', cp(11)), wheel('jaxlib', '0.3.25', cp(11))],
      { path: '/own' },
    );
    const links = (name: RegExp) =>
      [...builds.values()]
        .filter(({ filename }) => name.test(filename))
        .map(({ filename, url }) => `<a href="${url}">${filename}</a>`);
    server.answer('/jax/jax_cuda_releases.html', {
      headers: { 'content-type': 'text/html' },
      body: links(/cuda/).join('\n'),
    });
    server.answer('/jax/jax_releases.html', {
      headers: { 'content-type': 'text/html' },
      body: links(/0\.3\.25/).join('\n'),
    });
  };

  test.each([
    ['a build for CUDA that an extra asks for', ['jax[cuda11_pip]==0.4.14'], 'jax_cuda_releases.html'],
    ['a build for CUDA by its own version', ['jaxlib==0.4.14+cuda11.cudnn86'], 'jax_cuda_releases.html'],
    ['a release that has left PyPI', ['jax==0.3.25', 'jaxlib==0.3.25'], 'jax_releases.html'],
  ])('%s: the page that has it', async (_, lines, page) => {
    await away();
    const request = project(lines);
    const fix = (await fixesFor(request)).find(({ text }) => text.includes('--find-links'));
    expect(fix?.text).toBe(`look for it on ${PAGES}/${page} too (--find-links)`);
    const [option, ...rest] = applied('r.txt', fix)
      .split('\n')
      .filter((line) => !lines.some((item) => line.startsWith(item)) || line.includes('--'));
    expect(option).toBe(`--find-links ${PAGES}/${page}`);
    expect(rest.filter((line) => line !== '')).toEqual([]);
    const outcome = await compileFor(context, {
      ...requestOf(lines),
      indexes: { ...request.indexes, findLinks: [`${PAGES}/${page}`] },
    });
    expect(outcome.kind).toBe('resolved');
  });

  test('in cog.yaml the option goes into the entry', async () => {
    await away();
    writeFileSync(join(directory, 'cog.yaml'), 'build:\n  python_packages:\n    - "jaxlib==0.3.25" # old\n');
    const root = { ...requirementLine('jaxlib==0.3.25', { where: { file: 'cog.yaml', line: 3 } }) };
    const request = { ...requestOf([]), roots: projectRoots([root], targetMarkers(environment)) };
    const fix = (await fixesFor(request)).find(({ text }) => text.includes('--find-links'));
    expect(applied('cog.yaml', fix)).toContain(
      `    - "jaxlib==0.3.25 --find-links ${PAGES}/jax_releases.html" # old\n`,
    );
  });
});

test('a change whose builds take too long is offered as what it is', async () => {
  publishWheels(server, [wheel('lib', '1.0', cp(9)), wheel('lib', '2.0', cp(11))]);
  const request = project(['lib==1.0']);
  const error: unknown = await solve(context, request).catch((caught: unknown) => caught);
  if (!(error instanceof CogplanError)) throw new Error('it can be resolved');
  const where = { file: 'cog.yaml', line: 2, key: 'build.python_version' };
  const spec = { directory, file: 'cog.yaml', pythonVersion: { value: '3.11', where }, systemPackages: [] };
  class SlowTrials extends Trials {
    override async withoutBuilds(): Promise<'sources'> {
      return 'sources';
    }
    override withBuilds(inner: Context): Promise<'yes' | 'no'> {
      return new Promise((_, reject) => {
        inner.signal.addEventListener('abort', () => reject(inner.signal.reason));
      });
    }
  }
  const advice = await advise(context, {
    request,
    spec,
    error,
    now: NOW,
    trials: new SlowTrials(undefined),
    limitMs: 3000,
  });
  expect(advice.cutShort).toContain('was ended after 3 seconds');
  expect(advice.fixes.map(({ text }) => text)).toEqual([
    'python_version: "3.9" (not tried to the end: what has to be built for it takes longer)',
  ]);
});

test('Debian packages that a build misses are offered though compiling with them takes too long, after what is known to help', async () => {
  publishWheels(server, [wheel('lib', '1.0', cp(9)), wheel('lib', '2.0', cp(11))]);
  const request = project(['lib==1.0']);
  const error = new CogplanError('COGPLAN_BUILD_FAILED', 'lib 1.0 could not be built', {
    data: { log: '', systemPackages: ['libavcodec-dev', 'libavutil-dev'] },
  });
  const where = { file: 'cog.yaml', line: 2, key: 'build.python_version' };
  const spec = { directory, file: 'cog.yaml', pythonVersion: { value: '3.11', where }, systemPackages: [] };
  class SlowCompiler extends Trials {
    override failureOf(inner: Context): Promise<undefined> {
      return new Promise((_, reject) => {
        const stop = (): void => reject(inner.signal.reason);
        if (inner.signal.aborted) stop();
        else inner.signal.addEventListener('abort', stop);
      });
    }
  }
  const trials = new SlowCompiler(undefined);
  const { fixes } = await advise(context, { request, spec, error, now: NOW, trials, compileMs: 50 });
  expect(fixes.map(({ text }) => text)).toEqual([
    'python_version: "3.9"',
    'add libavcodec-dev, libavutil-dev to build.system_packages (not tried to the end: what has to be built for it takes longer)',
  ]);
  expect(applied('cog.yaml', fixes[1])).toBe(
    'build:\n  python_version: "3.11" # ours\n  system_packages:\n    - "libavcodec-dev"\n    - "libavutil-dev"\n  python_requirements: r.txt\n',
  );
});
