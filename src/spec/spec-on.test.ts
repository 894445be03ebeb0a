import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { askedOf } from '../plan/asked.ts';
import { readSpec } from './read-spec.ts';
import type { Spec } from './spec.ts';
import { specOn } from './spec-on.ts';

let directory: string;
let spec: Spec;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cogplan-spec-on-'));
  await writeFile(
    join(directory, 'cog.yaml'),
    `build:
  python_version: "3.11"
  system_packages: [curl]
  run:
    - case $(uname -m) in x86_64) apt-get install -y libmkl; pip install a; make x;; *) apt-get install -y libblas3; touch /opt; esac
    - case $(uname -m) in x86_64) apt-get install -y libmkl && curl -o /opt/a https://h.test/a;; *) make y; esac
`,
  );
  spec = await readSpec(directory);
});
afterAll(() => rm(directory, { recursive: true }));

it('is what one platform gets, and asks for both', () => {
  const [amd64, arm64] = (['linux/amd64', 'linux/arm64'] as const).map((platform) => specOn(spec, platform));
  expect(amd64?.systemPackages.map(({ value }) => value)).toEqual(['curl', 'libmkl']);
  expect(arm64?.systemPackages.map(({ value }) => value)).toEqual(['curl']);
  expect(amd64?.runReading.placements.map(({ path }) => path)).toEqual(['/opt/a']);
  expect(arm64?.runReading.placements).toEqual([]);
  expect([amd64, arm64].map((one) => one?.runReading.steps.map(({ from }) => from))).toEqual([
    ['build.run[0]'],
    ['build.run[0]', 'build.run[1]'],
  ]);
  expect(askedOf(spec).system).toMatchObject({ 'build.system_packages': ['curl', 'libmkl [linux/amd64]'] });
});
