import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { requirementLine } from '../../../test/builders/spec.ts';
import { thePinnedUv } from '../../../test/builders/uv.ts';
import { type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import { type PublishedWheel, publishWheels } from '../../../test/servers/package-index.ts';
import { CogplanError } from '../../errors.ts';
import { targetMarkers } from '../../sources/uv/target-interpreter.ts';
import { projectRoots } from './roots.ts';
import { solve } from './solve.ts';

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

const wheel = (name: string, version: string, ...metadata: readonly string[]): PublishedWheel => {
  const requiresPython = metadata
    .find((line) => line.startsWith('Requires-Python: '))
    ?.slice('Requires-Python: '.length);
  return { name, version, metadata, ...(requiresPython === undefined ? {} : { requiresPython }) };
};
const pinsOf = async (...lines: readonly string[]): Promise<readonly string[]> => {
  const written = lines.map((text, at) => requirementLine(text, { where: { file: 'r.txt', line: at + 1 } }));
  const packages = await solve(context, {
    uv,
    environment,
    roots: projectRoots(written, targetMarkers(environment)),
    constraints: [],
    indexes: { primary: `${server.url}/simple`, extra: [], findLinks: [] },
    pre: false,
    asOf: null,
    keep: [],
  });
  return packages.map(({ name, version }) => `${name}==${version}`);
};
const failureOf = (...lines: readonly string[]) =>
  pinsOf(...lines).then(
    () => undefined,
    (error: unknown) => error,
  );

describe('Requires-Python', () => {
  test.each(['<3.10', '>=3.8,<3.11', '!=3.11.*', '==3.9.*', '<=3.11.1'])(
    '%s: an older version is taken',
    async (bound) => {
      publishWheels(server, [wheel('lib', '1.0'), wheel('lib', '2.0', `Requires-Python: ${bound}`)]);
      expect(await pinsOf('lib')).toEqual(['lib==1.0']);
    },
  );

  test.each(['<3.12', '>=3.8,!=3.10.*', '~=3.7', '>=3.6.*'])('%s admits 3.11.2', async (bound) => {
    publishWheels(server, [wheel('lib', '1.0'), wheel('lib', '2.0', `Requires-Python: ${bound}`)]);
    expect(await pinsOf('lib')).toEqual(['lib==2.0']);
  });

  test('of an index that does not tell it: the metadata says it, version after version', async () => {
    const bounded = ['2.0', '2.1', '2.2'].map((version) => wheel('lib', version, 'Requires-Python: <3.10'));
    publishWheels(
      server,
      [
        wheel('app', '1.0', 'Requires-Dist: lib'),
        wheel('lib', '1.0'),
        ...bounded.map(({ requiresPython: _, ...rest }) => rest),
      ],
      { format: 'html' },
    );
    expect(await pinsOf('app')).toEqual(['app==1.0', 'lib==1.0']);
  });

  test('when nothing else is left, the answer says so', async () => {
    publishWheels(server, [wheel('lib', '2.0', 'Requires-Python: <3.10'), wheel('lib', '1.0')]);
    const error = await failureOf('lib==2.0');
    expect(error).toMatchObject({ code: 'COGPLAN_PYTHON_UNSATISFIABLE', where: { file: 'r.txt', line: 1 } });
    expect((error as CogplanError).message).toContain('lib 2.0 is for Python <3.10.');
    expect((error as CogplanError).hint).not.toContain('spelling');
  });

  test('a wheel asked for by its place cannot be replaced', async () => {
    const files = publishWheels(server, [wheel('lib', '2.0', 'Requires-Python: <3.10')]);
    const error = await failureOf(`lib @ ${files.get('lib-2.0-py3-none-any.whl')?.url}`);
    expect(error).toBeInstanceOf(CogplanError);
    expect(error).toMatchObject({
      code: 'COGPLAN_NO_WHEEL',
      message: 'lib 2.0 is for Python <3.10, not for 3.11.2',
      where: { line: 1 },
    });
  });
});

describe('pre-releases', () => {
  test.each([
    ['lib', 'lib==2.0'],
    ['lib>=1.1rc1', 'lib==3.0a1'],
    ['lib<=1.1rc1', 'lib==1.1rc1'],
    ['lib<2.0rc1', 'lib==1.1rc1'],
    ['lib!=1.1rc1', 'lib==2.0'],
    ['lib>2.0', 'lib==3.0a1'],
  ])('%s: %s', async (line, pin) => {
    publishWheels(
      server,
      ['1.0', '1.1rc1', '2.0', '3.0a1'].map((version) => wheel('lib', version)),
    );
    expect(await pinsOf(line)).toEqual([pin]);
  });

  test('that only a conflict would call for give way to final releases', async () => {
    publishWheels(server, [
      wheel('app', '1.0', 'Requires-Dist: lib'),
      wheel('app', '2.0', 'Requires-Dist: lib'),
      wheel('lib', '1.0', 'Requires-Dist: app<2'),
      wheel('lib', '2.0rc1'),
    ]);
    expect(await pinsOf('app')).toEqual(['app==1.0', 'lib==1.0']);
  });

  test('are taken when there is no answer without them', async () => {
    publishWheels(server, [
      wheel('app', '2.0', 'Requires-Dist: lib'),
      wheel('lib', '1.0', 'Requires-Dist: app<2'),
      wheel('lib', '2.0rc1'),
    ]);
    expect(await pinsOf('app')).toEqual(['app==2.0', 'lib==2.0rc1']);
  });
});
