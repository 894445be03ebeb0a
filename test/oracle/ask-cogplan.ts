import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CogplanError } from '../../src/errors.ts';
import { projectRoots } from '../../src/plan/python/roots.ts';
import { solve } from '../../src/plan/python/solve.ts';
import { projectSources } from '../../src/plan/python/sources.ts';
import { targetMarkers } from '../../src/sources/uv/target-interpreter.ts';
import { readSpec } from '../../src/spec/read-spec.ts';
import { aContext } from '../builders/context.ts';
import { thePinnedUv } from '../builders/uv.ts';
import { type HttpTestServer, startHttpServer } from '../servers/http-server.ts';
import { type PublishedWheel, publishWheels } from '../servers/package-index.ts';
import type { Picked } from './ask-pip.ts';
import { type Universe, universeOf } from './universe.ts';

/** A universe whose indexes answer, and a project in it. */
export interface OpenUniverse extends Universe {
  readonly directory: string;
  /** For pip and uv: the same requirements from the same places. */
  readonly arguments: readonly string[];
  close(): Promise<void>;
}

export async function openUniverse(seed: number): Promise<OpenUniverse> {
  const universe = universeOf(seed);
  const server = await startHttpServer();
  const places = publish(server, universe);
  const directory = mkdtempSync(join(tmpdir(), 'cogplan-universe-'));
  const limits = universe.constraints.length === 0 ? [] : ['-c limits.txt'];
  writeFileSync(join(directory, 'r.txt'), `${[...places, ...limits, ...universe.lines].join('\n')}\n`);
  writeFileSync(join(directory, 'limits.txt'), `${universe.constraints.join('\n')}\n`);
  writeFileSync(
    join(directory, 'cog.yaml'),
    'build:\n  python_version: "3.11"\n  python_requirements: r.txt\nrun: "predict.py:Predictor"\n',
  );
  writeFileSync(join(directory, 'predict.py'), 'class Predictor:\n    def run(self) -> str:\n        return ""\n');
  return {
    ...universe,
    directory,
    arguments: ['-r', join(directory, 'r.txt')],
    close: async () => {
      await server.close();
      rmSync(directory, { recursive: true });
    },
  };
}

/** Publishes the wheels; the lines of a requirements file that lead to them. */
function publish(server: HttpTestServer, { shape, wheels }: Universe): readonly string[] {
  const told = { metadata: 'hash' } as const;
  if (shape === 'html') publishWheels(server, wheels, { ...told, format: 'html' });
  else if (shape === 'bare-html') publishWheels(server, wheels, { format: 'html', hashes: false });
  else if (shape === 'two-indexes') {
    const isSecond = ({ name = '' }: PublishedWheel): boolean => name.length % 2 === 0;
    publishWheels(
      server,
      wheels.filter((wheel) => !isSecond(wheel)),
      told,
    );
    publishWheels(server, wheels.filter(isSecond), { ...told, path: '/second' });
    return [`--index-url ${server.url}/simple`, `--extra-index-url ${server.url}/second`];
  } else if (shape === 'links') {
    const isLinked = (_: PublishedWheel, at: number): boolean => at % 3 === 0;
    publishWheels(
      server,
      wheels.filter((wheel, at) => !isLinked(wheel, at)),
      told,
    );
    const linked = wheels.filter(isLinked).map((wheel) => {
      const [file] = publishWheels(server, [wheel], { path: '/linked' }).values();
      const { yanked, requiresPython } = wheel;
      const attributes = [
        ...(yanked === undefined ? [] : [`data-yanked="${yanked}"`]),
        ...(requiresPython === undefined ? [] : [`data-requires-python="${requiresPython.replaceAll('<', '&lt;')}"`]),
      ];
      return `<a href="${file?.url}#sha256=${file?.sha256}" ${attributes.join(' ')}>${file?.filename}</a>`;
    });
    server.answer('/links/', { headers: { 'content-type': 'text/html' }, body: linked.join('\n') });
    return [`--index-url ${server.url}/simple`, `--find-links ${server.url}/links/`];
  } else publishWheels(server, wheels, told);
  return [`--index-url ${server.url}/simple`];
}

/** The files that cogplan locks. */
export async function askCogplan({ environment, directory }: OpenUniverse): Promise<Picked> {
  const context = await aContext();
  try {
    const spec = await readSpec(directory);
    const { requirements } = spec;
    const markers = targetMarkers(environment);
    const packages = await solve(context, {
      uv: await thePinnedUv(),
      environment,
      roots: projectRoots(requirements.requirements, markers, directory),
      constraints: projectRoots(requirements.constraints, markers),
      indexes: await projectSources(context, spec),
      pre: requirements.pre,
      asOf: null,
      keep: [],
    });
    return {
      files: packages.map(({ name, version, file: { url, sha256 } }) => ({
        name,
        version,
        filename: decodeURIComponent(url.slice(url.lastIndexOf('/') + 1)),
        sha256,
      })),
    };
  } catch (error) {
    if (!(error instanceof CogplanError)) throw error;
    return { failure: `${error.code}: ${error.message}` };
  } finally {
    context.dispose();
  }
}
