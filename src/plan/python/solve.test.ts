import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { requirementLine } from '../../../test/builders/spec.ts';
import { thePinnedUv } from '../../../test/builders/uv.ts';
import { type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import { type IndexOptions, type PublishedWheel, publishWheels } from '../../../test/servers/package-index.ts';
import { asSha256, toDigest } from '../../digest.ts';
import type { PythonPackage } from '../../lock/schema.generated.ts';
import { targetMarkers } from '../../sources/uv/target-interpreter.ts';
import type { SolveRequest } from './compile-for.ts';
import { projectRoots } from './roots.ts';
import { publicSources, solve } from './solve.ts';

const environment = { version: '3.11.2', platform: 'linux/amd64', glibc: '2.36' } as const;
let uv: string;
let server: HttpTestServer;
let context: TestContext;

beforeAll(async () => {
  uv = await thePinnedUv();
});
beforeEach(async () => {
  server = await startHttpServer();
  context = await aContext();
});
afterEach(async () => {
  await server.close();
  context.dispose();
});

interface Change extends Partial<Omit<SolveRequest, 'roots' | 'constraints'>> {
  readonly hashes?: readonly string[];
  readonly constraints?: readonly string[];
}

function request(lines: readonly string[], { hashes = [], constraints = [], ...change }: Change = {}): SolveRequest {
  const roots = (file: string, texts: readonly string[]) =>
    projectRoots(
      texts.map((text, index) =>
        requirementLine(text, { where: { file, line: index + 1 }, ...(hashes.length === 0 ? {} : { hashes }) }),
      ),
      targetMarkers(environment),
    );
  return {
    uv,
    environment,
    roots: roots('requirements.txt', lines),
    constraints: roots('constraints.txt', constraints),
    indexes: { primary: `${server.url}/simple`, extra: [], findLinks: [] },
    pre: false,
    asOf: null,
    keep: [],
    ...change,
  };
}

const pins = (packages: readonly PythonPackage[]) => packages.map(({ name, version }) => `${name}==${version}`);
const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

const DEMO: readonly PublishedWheel[] = [
  { name: 'app', version: '2.0', metadata: ['Requires-Dist: lib>=1', 'Requires-Dist: extra ; extra == "more"'] },
  { name: 'lib', version: '1.0' },
  { name: 'lib', version: '1.5', tags: 'cp311-cp311-manylinux_2_28_x86_64' },
  { name: 'lib', version: '1.5', tags: 'py3-none-any' },
  { name: 'lib', version: '1.5', tags: 'cp311-cp311-manylinux_2_28_aarch64' },
  { name: 'extra', version: '3.0', metadata: ['Requires-Dist: cog>=0.9'] },
];

describe.each<[string, IndexOptions]>([
  ['JSON with everything', { metadata: 'hash' }],
  ['JSON that does not tell of the metadata it has', { metadata: 'untold' }],
  ['JSON without sizes and metadata', { sizes: false }],
  ['JSON without hashes', { hashes: false }],
  ['HTML', { format: 'html', metadata: 'hash' }],
  ['HTML without hashes, from a server without ranges', { format: 'html', hashes: false, ranges: false }],
])('%s', (_, options) => {
  test('gives one wheel per package, with hash, size, edges and who asked', async () => {
    const files = publishWheels(server, DEMO, options);
    const packages = await solve(
      context,
      request(['app[more]', 'lib<9 ; python_version < "3.12"', 'lib>5; python_version > "3.12"']),
    );
    const file = (filename: string) => {
      const { url, sha256, bytes } = files.get(filename)!;
      return { url, sha256, size: bytes.length, ...(options.hashes === false ? { computed: true } : {}) };
    };
    expect(packages).toEqual([
      {
        name: 'app',
        version: '2.0',
        file: file('app-2.0-py3-none-any.whl'),
        asked: ['requirements.txt:1: app[more]'],
        requires: ['extra', 'lib>=1'],
      },
      { name: 'extra', version: '3.0', file: file('extra-3.0-py3-none-any.whl'), requires: [] },
      {
        name: 'lib',
        version: '1.5',
        file: file('lib-1.5-cp311-cp311-manylinux_2_28_x86_64.whl'),
        asked: ['requirements.txt:2: lib<9 ; python_version < "3.12"'],
        requires: [],
      },
    ]);
    expect(context.warnings()).toEqual([]);
  });

  test('asks nothing twice when nothing moved', async () => {
    publishWheels(server, DEMO, options);
    const first = await solve(context, request(['app']));
    const before = server.requests.length;
    const gets: string[] = [];
    const watched = {
      ...context,
      http: { ...context.http, get: async (url: string) => Promise.reject(gets.push(url)) },
    };
    expect(await solve(watched, request(['app']))).toEqual(first);
    expect(gets).toEqual([]);
    expect(server.requests.length).toBeGreaterThan(before);
  });
});

test('the answer is that of the target: another processor, another wheel', async () => {
  publishWheels(server, DEMO);
  const arm = { ...environment, platform: 'linux/arm64' } as const;
  const packages = await solve(context, request(['lib'], { environment: arm }));
  expect(packages[0]?.file.url).toMatch(/aarch64\.whl$/);
});

test('metadata of another hash than the index tells is refused', async () => {
  publishWheels(server, DEMO, { metadata: 'wrong-hash' });
  expect(await failure(solve(context, request(['app'])))).toMatchObject({
    code: 'COGPLAN_HASH_MISMATCH',
    subject: `${server.url}/simple-files/app-2.0-py3-none-any.whl.metadata`,
  });
});

describe('a lock before', () => {
  test('is kept as far as what is asked allows', async () => {
    publishWheels(server, DEMO.slice(0, 2));
    const keep = await solve(context, request(['app']));
    publishWheels(server, DEMO);
    expect(await solve(context, request(['app'], { keep }))).toEqual(keep);
    expect(pins(await solve(context, request(['app', 'lib>1'], { keep })))).toEqual(['app==2.0', 'lib==1.5']);
    expect(pins(await solve(context, request(['app'])))).toEqual(['app==2.0', 'lib==1.5']);
  });

  test('keeps its file when a better one of the same version appears', async () => {
    publishWheels(server, DEMO.slice(3, 4));
    const keep = await solve(context, request(['lib']));
    publishWheels(server, DEMO);
    expect(await solve(context, request(['lib'], { keep }))).toEqual(keep);
  });

  test('is told loudly when a file kept its name and changed its bytes', async () => {
    publishWheels(server, [{ name: 'lib', version: '1.0' }]);
    const keep = await solve(context, request(['lib']));
    publishWheels(server, [{ name: 'lib', version: '1.0', files: { 'lib.py': 'evil' } }]);
    const packages = await solve(context, request(['lib'], { keep }));
    expect(packages[0]?.file.sha256).not.toBe(keep[0]?.file.sha256);
    expect(context.warnings()).toEqual(['COGPLAN_WHEEL_REPLACED']);
  });
});

describe('several indexes', () => {
  test('the first that knows a name decides, is recorded, and a name on two is told', async () => {
    publishWheels(server, [{ name: 'lib', version: '1.0' }], { path: '/extra' });
    publishWheels(server, DEMO);
    const indexes = { primary: `${server.url}/simple`, extra: [`${server.url}/extra`], findLinks: [] };
    const packages = await solve(context, request(['app'], { indexes }));
    expect(packages.map(({ name, version, index }) => [name, version, index])).toEqual([
      ['app', '2.0', `${server.url}/simple`],
      ['lib', '1.0', `${server.url}/extra`],
    ]);
    expect(context.warnings()).toEqual(['COGPLAN_INDEX_OVERLAP']);
  });

  test('a page of links is one of the sources', async () => {
    publishWheels(server, DEMO.slice(0, 1));
    publishWheels(server, [{ name: 'lib', version: '1.0' }], { path: '/links', format: 'html' });
    const indexes = { primary: `${server.url}/simple`, extra: [], findLinks: [`${server.url}/links/lib/`] };
    const packages = await solve(context, request(['app'], { indexes }));
    expect(packages.map(({ name, index }) => [name, index])).toEqual([
      ['app', `${server.url}/simple`],
      ['lib', `${server.url}/links/lib/`],
    ]);
  });
});

describe('a private index', () => {
  const withUser = (path: string, user: string) => server.url.replace('http://', `http://${user}@`) + path;

  test('gets its credentials, for pages and files, and the lock does not', async () => {
    publishWheels(server, DEMO, { credentials: 'me:s3cret', hashes: false });
    const indexes = { primary: withUser('/simple', 'me:s3cret'), extra: [], findLinks: [] };
    const packages = await solve(context, request(['app'], { indexes }));
    expect(pins(packages)).toEqual(['app==2.0', 'lib==1.5']);
    expect(JSON.stringify([packages, publicSources(indexes), context.events])).not.toContain('s3cret');
    expect(publicSources(indexes)).toEqual([`${server.url}/simple`]);
  });

  test('that refuses is named without the password', async () => {
    publishWheels(server, DEMO, { credentials: 'me:s3cret' });
    const indexes = { primary: withUser('/simple', 'me:wr0ng'), extra: [], findLinks: [] };
    const error = await failure(solve(context, request(['app'], { indexes })));
    expect(error).toMatchObject({ code: 'COGPLAN_INDEX_AUTH', subject: `${server.url}/simple` });
    expect(String((error as Error).message)).not.toContain('wr0ng');
  });
});

describe('what cannot be resolved', () => {
  test('names the reasoning and the places of both sides', async () => {
    publishWheels(server, DEMO);
    const error = await failure(solve(context, request(['app'], { constraints: ['lib<1'] })));
    expect(error).toMatchObject({
      code: 'COGPLAN_PYTHON_UNSATISFIABLE',
      where: { file: 'requirements.txt', line: 1 },
      message: expect.stringContaining('app'),
      data: { places: ['requirements.txt:1: app', 'constraints.txt:1: lib<1'] },
    });
  });

  test('a package without a wheel that fits is named with its version', async () => {
    publishWheels(server, [{ name: 'lib', version: '1.0', tags: 'cp39-cp39-manylinux2014_x86_64' }]);
    const error = await failure(solve(context, request(['lib==1.0'])));
    expect(error).toMatchObject({ code: 'COGPLAN_NO_WHEEL', subject: 'lib==1.0', where: { line: 1 } });
  });

  test('an unknown name', async () => {
    publishWheels(server, DEMO);
    expect(await failure(solve(context, request(['nothing'])))).toMatchObject({
      code: 'COGPLAN_PYTHON_UNSATISFIABLE',
      subject: 'nothing',
      hint: expect.stringContaining('spelling'),
    });
  });

  test('an index that answers with a login page is named', async () => {
    const page = { headers: { 'content-type': 'text/html' }, body: '<form><input type="password"></form>' };
    server.answer('/simple/app/', { status: 302, headers: { location: '/login' } });
    server.answer('/login', page);
    expect(await failure(solve(context, request(['app'])))).toMatchObject({
      code: 'COGPLAN_INDEX_INVALID',
      subject: `${server.url}/login`,
    });
  });

  test.each([
    ['one index', false],
    ['several', true],
  ] as const)('a hash that the index does not tell is computed and compared: %s', async (_, several) => {
    const files = publishWheels(server, DEMO, { format: 'html', hashes: false });
    const indexes = { primary: `${server.url}/simple`, extra: several ? [`${server.url}/other`] : [], findLinks: [] };
    const { sha256: good } = files.get('lib-1.5-cp311-cp311-manylinux_2_28_x86_64.whl')!;
    const [only] = await solve(context, request(['lib'], { indexes, hashes: [toDigest(asSha256(good))] }));
    expect(only?.file).toMatchObject({ sha256: good });
    expect(only?.file).not.toHaveProperty('computed');
    const other = toDigest(asSha256('0'.repeat(64)));
    expect(await failure(solve(context, request(['lib'], { indexes, hashes: [other] })))).toMatchObject({
      code: 'COGPLAN_WHEEL_HASH_REFUSED',
      subject: 'lib',
      where: { file: 'requirements.txt', line: 1 },
      data: { found: expect.arrayContaining([expect.objectContaining({ sha256: good })]), allowed: [other] },
    });
  });

  test('a hash that no file has', async () => {
    const files = publishWheels(server, DEMO);
    const good = toDigest(asSha256(files.get('lib-1.5-py3-none-any.whl')!.sha256));
    const [only] = await solve(context, request(['lib'], { hashes: [good] }));
    expect(only?.file.url).toMatch(/lib-1\.5-py3-none-any\.whl$/);
    const wrong = `sha256:${'0'.repeat(64)}`;
    expect(await failure(solve(context, request(['lib'], { hashes: [wrong] })))).toMatchObject({
      code: 'COGPLAN_WHEEL_HASH_REFUSED',
      subject: 'lib',
      where: { file: 'requirements.txt', line: 1 },
    });
  });

  test('metadata of another package', async () => {
    publishWheels(server, DEMO, { metadata: 'untold' });
    server.answer('/simple-files/lib-1.5-cp311-cp311-manylinux_2_28_x86_64.whl.metadata', {
      body: 'Metadata-Version: 2.1\nName: other\nVersion: 1.5\n',
    });
    expect(await failure(solve(context, request(['lib'])))).toMatchObject({ code: 'COGPLAN_WHEEL_INVALID' });
  });
});

test('a yanked version is taken for an exact pin alone, and told', async () => {
  publishWheels(server, [
    { name: 'lib', version: '1.0' },
    { name: 'lib', version: '1.5', yanked: 'broken' },
  ]);
  expect(pins(await solve(context, request(['lib'])))).toEqual(['lib==1.0']);
  expect(context.warnings()).toEqual([]);
  expect(pins(await solve(context, request(['lib==1.5'])))).toEqual(['lib==1.5']);
  expect(context.warnings()).toEqual(['COGPLAN_WHEEL_YANKED']);
});

test('nothing newer than the instant asked for', async () => {
  publishWheels(server, [
    { name: 'lib', version: '1.0', uploadTime: '2024-01-01T00:00:00Z' },
    { name: 'lib', version: '1.5', uploadTime: '2025-01-01T00:00:00Z' },
  ]);
  expect(pins(await solve(context, request(['lib'], { asOf: '2024-06-01T00:00:00Z' })))).toEqual(['lib==1.0']);
});

test('pre-releases when asked for', async () => {
  publishWheels(server, [
    { name: 'lib', version: '1.0' },
    { name: 'lib', version: '2.0rc1' },
  ]);
  expect(pins(await solve(context, request(['lib'])))).toEqual(['lib==1.0']);
  expect(pins(await solve(context, request(['lib'], { pre: true })))).toEqual(['lib==2.0rc1']);
});

test('a wheel asked for by URL', async () => {
  const files = publishWheels(server, DEMO);
  const { url, sha256, bytes } = files.get('lib-1.0-py3-none-any.whl')!;
  const [lib] = await solve(context, request([`lib @ ${url}#sha256=${sha256}`]));
  expect(lib).toMatchObject({ version: '1.0', file: { url, sha256, size: bytes.length } });
  expect(lib?.file).not.toHaveProperty('computed');
});

test('no network: what earlier runs looked up is enough', async () => {
  publishWheels(server, DEMO);
  const first = await solve(context, request(['app']));
  await server.close();
  expect(await solve(context.offline(), request(['app']))).toEqual(first);
  expect(await failure(solve(context.offline(), request(['other'])))).toMatchObject({ code: 'COGPLAN_OFFLINE' });
  server = await startHttpServer();
});

describe('packages that are wanted without what they need', () => {
  const published: readonly PublishedWheel[] = [
    { name: 'app', version: '1.0', metadata: ['Requires-Dist: lib==1.0', 'Requires-Dist: extra'] },
    { name: 'lib', version: '1.0' },
    { name: 'lib', version: '2.0' },
    { name: 'extra', version: '1.0', metadata: ['Requires-Dist: lib'] },
  ];
  const asked = (lines: readonly (readonly [text: string, noDeps: boolean])[], change: Change = {}) => {
    const written = lines.map(([text, noDeps], index) => ({
      ...requirementLine(text, { where: { file: 'cog.yaml', line: index + 1 } }),
      ...(noDeps ? { noDeps } : {}),
    }));
    return { ...request([], change), roots: projectRoots(written, targetMarkers(environment)) };
  };

  test.each<[string, readonly (readonly [string, boolean])[], readonly string[]]>([
    ['come alone', [['app', true]], ['app==1.0']],
    [
      'beside what would contradict them',
      [
        ['app', true],
        ['lib==2.0', false],
      ],
      ['app==1.0', 'lib==2.0'],
    ],
    [
      'and bring it when another line asks for them too',
      [
        ['app', true],
        ['app==1.0', false],
      ],
      ['app==1.0', 'extra==1.0', 'lib==1.0'],
    ],
    [
      'others bring theirs',
      [
        ['app', true],
        ['extra', false],
      ],
      ['app==1.0', 'extra==1.0', 'lib==2.0'],
    ],
  ])('%s', async (_, lines, expected) => {
    publishWheels(server, published);
    const packages = await solve(context, asked(lines));
    expect(pins(packages)).toEqual(expected);
    const app = packages.find(({ name }) => name === 'app');
    expect(app?.requires).toEqual(expected.includes('lib==1.0') ? ['extra', 'lib==1.0'] : []);
    expect(context.warnings()).toEqual([]);
  });

  test('also as of a day, from an index of our own', async () => {
    publishWheels(
      server,
      published.map((item) => ({ ...item, uploadTime: '2024-01-01T00:00:00Z' })),
    );
    const lines = [
      ['app', true],
      ['lib==2.0', false],
    ] as const;
    expect(pins(await solve(context, asked(lines, { asOf: '2025-01-01T00:00:00Z' })))).toEqual([
      'app==1.0',
      'lib==2.0',
    ]);
  });
});
