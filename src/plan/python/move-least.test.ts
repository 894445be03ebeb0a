import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { requirementLine } from '../../../test/builders/spec.ts';
import { thePinnedUv } from '../../../test/builders/uv.ts';
import { type HttpTestServer, startHttpServer } from '../../../test/servers/http-server.ts';
import { type PublishedWheel, publishWheels } from '../../../test/servers/package-index.ts';
import type { PythonPackage } from '../../lock/schema.generated.ts';
import { targetMarkers } from '../../sources/uv/target-interpreter.ts';
import type { SolveRequest } from './compile-for.ts';
import { smallestHittingSet } from './move-least.ts';
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

function wheel(name: string, version: string, ...requires: readonly string[]): PublishedWheel {
  return { name, version, metadata: requires.map((line) => `Requires-Dist: ${line}`) };
}

function wheels(name: string, versions: readonly string[], ...requires: readonly string[]): readonly PublishedWheel[] {
  return versions.map((version) => wheel(name, version, ...requires));
}

async function locked(lines: readonly string[], change: Partial<SolveRequest> = {}): Promise<readonly PythonPackage[]> {
  const texts = lines.map((text, index) =>
    requirementLine(text, { where: { file: 'requirements.txt', line: index + 1 } }),
  );
  return solve(context, {
    uv,
    environment,
    roots: projectRoots(texts, targetMarkers(environment)),
    constraints: [],
    indexes: { primary: `${server.url}/simple`, extra: [], findLinks: [] },
    pre: false,
    asOf: null,
    keep: [],
    ...change,
  });
}

const versions = (packages: readonly PythonPackage[]) => packages.map(({ name, version }) => `${name}==${version}`);

test('a limit that forces a package up takes the nearest version, where a plain lock takes the newest', async () => {
  publishWheels(server, wheels('lib', ['1.0', '1.1', '1.2', '1.3', '2.0']));
  const keep = await locked(['lib==1.0']);
  expect(versions(await locked(['lib>=1.1'], { keep }))).toEqual(['lib==2.0']);
  expect(versions(await locked(['lib>=1.1'], { keep, moveLeast: true }))).toEqual(['lib==1.1']);
});

test('a limit that forces a package down takes the nearest version below', async () => {
  publishWheels(server, wheels('lib', ['1.0', '1.1', '1.2', '2.0']));
  const keep = await locked(['lib']);
  expect(versions(keep)).toEqual(['lib==2.0']);
  expect(versions(await locked(['lib<1.2'], { keep, moveLeast: true }))).toEqual(['lib==1.1']);
});

test('a version that went is replaced by the next one up', async () => {
  publishWheels(server, wheels('lib', ['1.0', '1.1', '1.2', '2.0']));
  const keep = await locked(['lib==1.1']);
  expect(versions(await locked(['lib!=1.1'], { keep, moveLeast: true }))).toEqual(['lib==1.2']);
});

test('what the newest version would drag along stays', async () => {
  publishWheels(server, [
    wheel('app', '1.0', 'base>=1'),
    wheel('app', '1.1', 'base>=1'),
    wheel('app', '2.0', 'base>=2', 'other'),
    ...wheels('base', ['1.0', '2.0', '3.0']),
    wheel('other', '1.0'),
  ]);
  const keep = await locked(['app==1.0', 'base==1.0']);
  expect(versions(await locked(['app>1.0', 'base'], { keep }))).toEqual(['app==2.0', 'base==3.0', 'other==1.0']);
  expect(versions(await locked(['app>1.0', 'base'], { keep, moveLeast: true }))).toEqual(['app==1.1', 'base==1.0']);
});

test('a new package is as new as the locked ones allow', async () => {
  publishWheels(server, [
    ...wheels('lib', ['1.0', '2.0']),
    wheel('new', '1.0', 'lib<2'),
    wheel('new', '1.5', 'lib<2'),
    wheel('new', '2.0', 'lib>=2'),
  ]);
  const keep = await locked(['lib==1.0']);
  expect(versions(await locked(['new', 'lib'], { keep }))).toEqual(['lib==2.0', 'new==2.0']);
  expect(versions(await locked(['lib', 'new'], { keep, moveLeast: true }))).toEqual(['lib==1.0', 'new==1.5']);
});

test('one package moves rather than two, and what the project does not name rather than what it names', async () => {
  publishWheels(server, [
    wheel('asked', '1.0', 'shared<2'),
    wheel('asked', '2.0', 'shared>=2'),
    wheel('shared', '1.0'),
    wheel('shared', '1.5'),
    wheel('shared', '2.0'),
    wheel('new', '1.0', 'shared>=1.5'),
  ]);
  const keep = await locked(['asked==1.0', 'shared==1.0']);
  expect(versions(await locked(['asked', 'new'], { keep, moveLeast: true }))).toEqual([
    'asked==1.0',
    'new==1.0',
    'shared==1.5',
  ]);
});

test('packages that only fit together move together', async () => {
  publishWheels(server, [
    ...['1.0', '1.1', '1.2'].map((version) => wheel('torch', version)),
    ...['1.0', '1.1', '1.2'].map((version) => wheel('vision', version, `torch==${version}`)),
    ...['1.0', '1.1', '1.2'].map((version) => wheel('audio', version, `torch==${version}`)),
    ...wheels('free', ['1.0', '2.0']),
  ]);
  const keep = await locked(['torch==1.0', 'vision', 'audio', 'free==1.0']);
  const moved = await locked(['torch>1.0', 'vision', 'audio', 'free'], { keep, moveLeast: true });
  expect(versions(moved)).toEqual(['audio==1.1', 'free==1.0', 'torch==1.1', 'vision==1.1']);
});

test('a build for another accelerator of one version is the nearest there is', async () => {
  publishWheels(server, [...wheels('torch', ['1.0+cu1', '1.0+cpu', '2.0+cpu'])]);
  const keep = await locked(['torch==1.0+cu1']);
  expect(versions(await locked(['torch!=1.0+cu1'], { keep, moveLeast: true }))).toEqual(['torch==1.0+cpu']);
});

test('what is unsatisfiable is so with the same reasoning', async () => {
  publishWheels(server, [wheel('app', '1.0', 'lib<2'), ...wheels('lib', ['1.0', '2.0'])]);
  const keep = await locked(['app', 'lib']);
  await expect(locked(['app', 'lib>=2'], { keep, moveLeast: true })).rejects.toMatchObject({
    code: 'COGPLAN_PYTHON_UNSATISFIABLE',
    message: expect.stringContaining('lib>=2'),
  });
});

test('never moves more than any assignment of versions that would do', async () => {
  const names = ['a', 'b', 'c', 'd'];
  const all = ['1.0', '2.0', '3.0'];
  let seed = 7;
  const next = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  let compared = 0;
  for (let round = 0; round < 12; round++) {
    const path = `/simple${round}`;
    // Each version may tolerate only some versions of the next name.
    const published = names.flatMap((name, at) =>
      all.map((version) => ({ name, version, other: names[at + 1], allowed: all.filter(() => next(3) > 0) })),
    );
    publishWheels(
      server,
      published.map(({ name, version, other, allowed }) =>
        other === undefined
          ? wheel(name, version)
          : wheel(
              name,
              version,
              `${other}${all
                .filter((item) => !allowed.includes(item))
                .map((item) => `!=${item}`)
                .join(',')}`,
            ),
      ),
      { path },
    );
    const indexes = { primary: `${server.url}${path}`, extra: [], findLinks: [] };
    const fits = (chosen: readonly string[]): boolean =>
      chosen
        .slice(0, -1)
        .every((version, at) =>
          published
            .find((item) => item.name === names[at] && item.version === version)!
            .allowed.includes(chosen[at + 1]!),
        );
    const assignments = names
      .reduce<readonly (readonly string[])[]>(
        (sets) => sets.flatMap((set) => all.map((version) => [...set, version])),
        [[]],
      )
      .filter(fits);
    const before = assignments.find((_, at) => at === next(Math.max(1, assignments.length))) ?? assignments[0];
    if (before === undefined) continue;
    const keep = await locked(
      names.map((name, at) => `${name}==${before[at]}`),
      { indexes },
    );
    const at = next(names.length);
    const possible = assignments.filter((chosen) => chosen[at] !== before[at]);
    if (possible.length === 0) continue;
    const fewest = Math.min(...possible.map((chosen) => chosen.filter((version, i) => version !== before[i]).length));
    const lines = names.map((name, i) => (i === at ? `${name}!=${before[at]}` : name));
    const after = await locked(lines, { indexes, keep, moveLeast: true });
    const moved = after.filter(({ version }, i) => version !== before[i]).length;
    expect({ round, moved }).toEqual({ round, moved: fewest });
    compared++;
  }
  expect(compared).toBeGreaterThan(5);
});

test('the smallest hitting set is the smallest, and takes earlier names first', () => {
  expect(smallestHittingSet([])).toEqual([]);
  expect(smallestHittingSet([['a', 'b']])).toEqual(['a']);
  expect(
    smallestHittingSet([
      ['a', 'b'],
      ['c', 'b'],
    ]),
  ).toEqual(['b']);
  expect(
    smallestHittingSet([
      ['a', 'b'],
      ['c', 'd'],
      ['a', 'd'],
    ]),
  ).toEqual(['a', 'c']);
  const many = Array.from({ length: 12 }, (_, at) => [`x${at}`, `y${at}`]);
  expect(smallestHittingSet(many)).toHaveLength(12);
});
