import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { requirementLine } from '../../../test/builders/spec.ts';
import { thePinnedUv } from '../../../test/builders/uv.ts';
import { aWheelFile } from '../../../test/builders/wheel.ts';
import { type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import { publishWheels } from '../../../test/servers/package-index.ts';
import { sha256 } from '../../digest.ts';
import type { PythonPackage } from '../../lock/schema.generated.ts';
import { targetMarkers } from '../../sources/uv/target-interpreter.ts';
import type { SolveRequest } from './compile-for.ts';
import { projectRoots } from './roots.ts';
import { solve } from './solve.ts';

const environment = { version: '3.11.2', platform: 'linux/amd64', glibc: '2.36' } as const;
const TORCH = 'cp311-cp311-linux_x86_64';
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

function request(lines: readonly string[], change: Partial<SolveRequest> = {}): SolveRequest {
  const written = lines.map((text, index) =>
    requirementLine(text, { where: { file: 'requirements.txt', line: index + 1 } }),
  );
  return {
    uv,
    environment,
    roots: projectRoots(written, targetMarkers(environment)),
    constraints: [],
    indexes: { primary: `${server.url}/simple`, extra: [`${server.url}/whl/cu118`], findLinks: [] },
    pre: false,
    asOf: null,
    keep: [],
    ...change,
  };
}

const chosen = (packages: readonly PythonPackage[]) =>
  packages.map(({ name, version, index }) => [name, version, index?.slice(server.url.length)]);
const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('an index like that of PyTorch', () => {
  beforeEach(() => {
    publishWheels(server, [
      { name: 'torch', version: '2.0.1' },
      { name: 'torch', version: '2.9.0' },
      { name: 'torchvision', version: '0.15.2', metadata: ['Requires-Dist: torch==2.0.1'] },
      { name: 'pillow', version: '11.0' },
      { name: 'triton', version: '2.0.0' },
      { name: 'app', version: '1.0', metadata: ['Requires-Dist: torch', 'Requires-Dist: pillow'] },
    ]);
    publishWheels(
      server,
      [
        {
          name: 'torch',
          version: '2.0.1+cu118',
          tags: TORCH,
          metadata: ['Requires-Dist: triton==2.0.0', 'Requires-Dist: pillow'],
        },
        { name: 'torch', version: '2.1.0+cu118', tags: TORCH },
        { name: 'torchvision', version: '0.15.2+cu118', tags: TORCH, metadata: ['Requires-Dist: torch==2.0.1'] },
        { name: 'pillow', version: '9.0' },
        { name: 'triton', version: '1.0.0' },
      ],
      { path: '/whl/cu118', format: 'html', hashes: false },
    );
  });

  test('gives its family, and nothing else that it has', async () => {
    const packages = await solve(context, request(['torch==2.0.1', 'torchvision==0.15.2', 'app']));
    expect(chosen(packages)).toEqual([
      ['app', '1.0', '/simple'],
      ['pillow', '11.0', '/simple'],
      ['torch', '2.0.1+cu118', '/whl/cu118'],
      ['torchvision', '0.15.2+cu118', '/whl/cu118'],
      ['triton', '2.0.0', '/simple'],
    ]);
    expect(packages.map(({ file }) => file.computed ?? false)).toEqual([false, false, true, true, false]);
    expect(context.warnings()).toEqual([]);
  });

  test('the newest of it is taken when nothing is pinned, whatever others have', async () => {
    expect(chosen(await solve(context, request(['torch'])))).toEqual([['torch', '2.1.0+cu118', '/whl/cu118']]);
  });

  test('a pin that it does not have comes from the other', async () => {
    expect(chosen(await solve(context, request(['torch==2.9.0'])))).toEqual([['torch', '2.9.0', '/simple']]);
  });

  test('metadata is read without fetching the wheels that are not taken', async () => {
    await solve(context, request(['torch==2.0.1']));
    const fetched = server.requests.filter(({ path, headers }) => path.endsWith('.whl') && headers.range === undefined);
    expect(fetched.map(({ path }) => path)).toEqual([
      '/whl/cu118-files/torch-2.0.1+cu118-cp311-cp311-linux_x86_64.whl',
    ]);
  });

  test('what was looked up once needs no network again', async () => {
    const first = await solve(context, request(['torch==2.0.1', 'app']));
    expect(first).toHaveLength(4);
    const again = context.offline();
    await server.close();
    expect(await solve(again, request(['torch==2.0.1', 'app']))).toEqual(first);
    server = await startHttpServer();
  });
});

test('the same file name with other bytes on two indexes is refused with both hashes, unless a rule decides', async () => {
  const own = publishWheels(server, [{ name: 'lib', version: '1.0', files: { 'lib.py': 'mine' } }], { path: '/own' });
  const other = publishWheels(server, [{ name: 'lib', version: '1.0' }]);
  const name = 'lib-1.0-py3-none-any.whl';
  const indexes = { primary: `${server.url}/simple`, extra: [`${server.url}/own`], findLinks: [] };
  expect(await failure(solve(context, request(['lib'], { indexes })))).toMatchObject({
    code: 'COGPLAN_INDEX_CONFLICT',
    subject: name,
    data: {
      files: [
        { index: `${server.url}/own`, sha256: own.get(name)!.sha256 },
        { index: `${server.url}/simple`, sha256: other.get(name)!.sha256 },
      ],
    },
  });
  const rules = [{ url: `${server.url}/own`, packages: ['lib'], only: true }];
  expect(chosen(await solve(context, request(['lib'], { indexes: { ...indexes, rules } })))).toEqual([
    ['lib', '1.0', '/own'],
  ]);
  expect(context.warnings()).toEqual([]);
});

test('a private index that refuses stops the work: its names are not looked for elsewhere', async () => {
  publishWheels(server, [{ name: 'lib', version: '1.0' }], { path: '/own', credentials: 'me:s3cret' });
  publishWheels(server, [{ name: 'lib', version: '9.0' }]);
  const indexes = { primary: `${server.url}/simple`, extra: [`${server.url}/own`], findLinks: [] };
  expect(await failure(solve(context, request(['lib'], { indexes })))).toMatchObject({
    code: 'COGPLAN_INDEX_AUTH',
    subject: `${server.url}/own`,
  });
});

test('an index that dies in the middle is named', async () => {
  publishWheels(server, [{ name: 'app', version: '1.0', metadata: ['Requires-Dist: lib'] }], { path: '/own' });
  publishWheels(server, [{ name: 'lib', version: '1.0' }]);
  server.answer('/own/lib/', { body: '{"meta": {"api-', cutAfter: 5, headers: { 'content-length': '900' } });
  const indexes = { primary: `${server.url}/simple`, extra: [`${server.url}/own`], findLinks: [] };
  expect(await failure(solve(context, request(['app'], { indexes })))).toMatchObject({
    code: 'COGPLAN_NETWORK',
    subject: `${server.url}/own/lib/`,
  });
});

test('an index that answers with a login page is named', async () => {
  publishWheels(server, [{ name: 'lib', version: '1.0' }]);
  server.answer('/own/lib/', {
    headers: { 'content-type': 'text/html' },
    body: '<form><input type="password"></form>',
  });
  const indexes = { primary: `${server.url}/simple`, extra: [`${server.url}/own`], findLinks: [] };
  expect(await failure(solve(context, request(['lib'], { indexes })))).toMatchObject({ code: 'COGPLAN_INDEX_INVALID' });
});

test('METADATA that is not text is refused', async () => {
  publishWheels(server, [{ name: 'lib', version: '1.0' }], { metadata: 'untold', path: '/whl/cu118' });
  server.answer('/whl/cu118-files/lib-1.0-py3-none-any.whl.metadata', { body: Buffer.from([0xff, 0xfe, 0x00, 0x9f]) });
  expect(await failure(solve(context, request(['lib'])))).toMatchObject({
    code: 'COGPLAN_WHEEL_INVALID',
    subject: 'lib-1.0-py3-none-any.whl',
  });
});

test('a wheel that is a bomb is refused while its metadata is read', async () => {
  const { bytes } = aWheelFile({ name: 'lib', version: '1.0', metadata: [`Summary: ${'a'.repeat(20 * 1024 * 1024)}`] });
  server.answer('/simple/lib/', {
    headers: { 'content-type': 'text/html' },
    body: '<a href="/files/lib-1.0-py3-none-any.whl">lib-1.0-py3-none-any.whl</a>',
  });
  server.answer('/files/lib-1.0-py3-none-any.whl', { body: bytes });
  expect(await failure(solve(context, request(['lib'])))).toMatchObject({ code: 'COGPLAN_ZIP_INVALID' });
});

test('with a date, an index that does not tell when is told of, and its files count', async () => {
  publishWheels(server, [{ name: 'lib', version: '1.0' }]);
  const indexes = { primary: `${server.url}/simple`, extra: [], findLinks: [] };
  const packages = await solve(context, request(['lib'], { indexes, asOf: '2024-01-01T00:00:00Z' }));
  expect(chosen(packages)).toEqual([['lib', '1.0', undefined]]);
  expect(context.warnings()).toEqual(['COGPLAN_UPLOAD_TIME_UNKNOWN']);
});

describe('a wheel named by its place', () => {
  const roots = (line: ReturnType<typeof requirementLine>, directory = '/nowhere') =>
    projectRoots([line], targetMarkers(environment), directory);
  const where = { file: 'requirements.txt', line: 1 };

  test('by URL without a hash: fetched once, its hash computed, and nothing more is asked', async () => {
    publishWheels(server, [{ name: 'lib', version: '1.0' }]);
    const files = publishWheels(server, [{ name: 'app', version: '1.0+x', metadata: ['Requires-Dist: lib'] }], {
      path: '/own',
      credentials: 'me:s3cret',
    });
    const file = files.get('app-1.0+x-py3-none-any.whl')!;
    const url = file.url.replace('http://', 'http://me:s3cret@').replace('+', '%2B');
    server.answer(new URL(file.url).pathname.replace('+', '%2B'), { body: file.bytes });
    const line = requirementLine(`app @ ${url}`, { where });
    const [app, lib] = await solve(context, request([], { roots: roots(line) }));
    expect(app).toMatchObject({ name: 'app', version: '1.0+x', requires: ['lib'] });
    expect(app?.file).toMatchObject({ sha256: file.sha256, size: file.bytes.length, computed: true });
    expect(lib?.version).toBe('1.0');
    expect(JSON.stringify([app, context.events])).not.toContain('s3cret');
    const before = server.requests.length;
    const again = await solve(context.offline(), request([], { roots: roots(line) }));
    expect(again[0]).toEqual(app);
    expect(server.requests.length).toBe(before);
  });

  test('of the project: its bytes go into the store, and its address is its path', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'cogplan-wheels-'));
    const { filename, bytes } = aWheelFile({ name: 'app', version: '1.0' });
    mkdirSync(join(directory, 'my wheels'));
    writeFileSync(join(directory, 'my wheels', filename), bytes);
    const source = { kind: 'path', path: `my wheels/${filename}`, form: 'wheel', sha256: sha256(bytes) } as const;
    const line = { ...requirementLine('app', { where }), source };
    const [app] = await solve(context, request([], { roots: roots(line, directory) }));
    expect(app).toMatchObject({
      name: 'app',
      version: '1.0',
      file: { url: `project:my%20wheels/${filename}`, sha256: sha256(bytes), size: bytes.length },
    });
    expect(await context.store.stat(sha256(bytes))).toBeDefined();
    rmSync(directory, { recursive: true });
  });

  test('with another hash than the bytes have is refused', async () => {
    const files = publishWheels(server, [{ name: 'app', version: '1.0' }], { path: '/own' });
    const { url } = files.get('app-1.0-py3-none-any.whl')!;
    const line = requirementLine(`app @ ${url}`, { where, hashes: [`sha256:${'0'.repeat(64)}`] });
    expect(await failure(solve(context, request([], { roots: roots(line) })))).toMatchObject({
      code: 'COGPLAN_WHEEL_HASH_REFUSED',
      where,
    });
  });
});

describe('a folder of wheels in the project', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'cogplan-folder-'));
    mkdirSync(join(directory, 'wheels'));
    for (const parts of [
      { name: 'app', version: '1.0', metadata: ['Requires-Dist: lib'] },
      { name: 'lib', version: '2.0' },
    ]) {
      const { filename, bytes } = aWheelFile(parts);
      writeFileSync(join(directory, 'wheels', filename), bytes);
    }
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test('without an index is all there is, and needs no network', async () => {
    const folders = { directory, paths: ['./wheels'] };
    const indexes = { primary: `${server.url}/simple`, extra: [], findLinks: [], folders, noIndex: true };
    const packages = await solve(context.offline(), request(['app'], { indexes }));
    expect(packages.map(({ name, file }) => [name, file.url])).toEqual([
      ['app', 'project:wheels/app-1.0-py3-none-any.whl'],
      ['lib', 'project:wheels/lib-2.0-py3-none-any.whl'],
    ]);
    expect(packages.every(({ file }) => file.computed === undefined && file.size > 0)).toBe(true);
    expect(await failure(solve(context, request(['other'], { indexes })))).toMatchObject({
      code: 'COGPLAN_PYTHON_UNSATISFIABLE',
    });
    expect(server.requests).toEqual([]);
  });

  test('stands beside an index, and the best version counts', async () => {
    publishWheels(server, [{ name: 'lib', version: '3.0' }]);
    const folders = { directory, paths: ['./wheels'] };
    const indexes = { primary: `${server.url}/simple`, extra: [], findLinks: [], folders };
    expect(chosen(await solve(context, request(['app'], { indexes })))).toEqual([
      ['app', '1.0', undefined],
      ['lib', '3.0', '/simple'],
    ]);
  });

  test('that is not there is named', async () => {
    const folders = { directory, paths: ['./nothing'] };
    const indexes = { primary: `${server.url}/simple`, extra: [], findLinks: [], folders };
    expect(await failure(solve(context, request(['app'], { indexes })))).toMatchObject({
      code: 'COGPLAN_REQUIREMENTS_FILE',
      subject: './nothing',
    });
  });
});
