import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { git, startGitServer } from '../../../test/servers/git-server.ts';
import type { PlacedFile } from '../../lock/schema.generated.ts';
import { readSpec } from '../../spec/read-spec.ts';
import type { Spec } from '../../spec/spec.ts';
import { askedOf } from '../asked.ts';
import { resolveTree } from './git-trees.ts';
import { withTreeRequirements } from './tree-requirements.ts';

let directory: string;
let server: Awaited<ReturnType<typeof startGitServer>>;
let context: TestContext;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-tree-'));
  const repository = join(directory, 'git/tool');
  mkdirSync(join(repository, 'deep'), { recursive: true });
  writeFileSync(join(repository, 'requirements.txt'), '# ours\nalpha==1.0\n-r deep/more.txt\n-c limits.txt\n');
  writeFileSync(join(repository, 'deep/more.txt'), 'beta>=2 ; python_version >= "3.8"\n');
  writeFileSync(join(repository, 'limits.txt'), 'gamma<3\n');
  writeFileSync(join(repository, 'circle.txt'), '-r circle.txt\n');
  writeFileSync(join(repository, 'outside.txt'), '-r ../../etc/passwd\n');
  await git(repository, 'init', '-q');
  await git(repository, 'add', '.');
  await git(repository, 'commit', '-qm', 'one');
  server = await startGitServer(join(directory, 'git'));
  context = await aContext();
});
afterEach(async () => {
  await server.close();
  context.dispose();
  rmSync(directory, { recursive: true });
});

/** A project with one command, and the trees that it clones. */
async function project(command: string): Promise<{ readonly spec: Spec; readonly files: readonly PlacedFile[] }> {
  const path = join(directory, 'project');
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'predict.py'), 'class P: ...\n');
  const lines = [
    'build:',
    '  python_version: "3.11"',
    '  run:',
    `    - ${JSON.stringify(command)}`,
    'run: predict.py:P',
    '',
  ];
  writeFileSync(join(path, 'cog.yaml'), lines.join('\n'));
  const spec = await readSpec(path);
  const files = await Promise.all(
    spec.runReading.placements.map(async (item): Promise<PlacedFile> => {
      const { path: place } = item;
      const base = { kind: 'directory', path: place, mode: '0755', order: 0 } as unknown as PlacedFile;
      return { ...base, ...(await resolveTree(context, item, undefined)) };
    }),
  );
  return { spec, files };
}

const clone = (rest: string): string => `git clone ${server.url}/tool /opt/tool && ${rest}`;

test.each<[string, boolean | undefined]>([
  ['pip install -r /opt/tool/requirements.txt', undefined],
  ['cd /opt/tool && pip install -r requirements.txt', undefined],
  ['pip install --no-cache-dir --no-deps -r /opt/tool/requirements.txt', true],
])('%s: what the tree asks for is asked for', async (command, noDeps) => {
  const { spec, files } = await project(clone(command));
  expect(spec.requirements.requirements).toEqual([]);
  const { requirements } = await withTreeRequirements(context, spec, files);
  expect(requirements.requirements.map((line) => [line.text, line.noDeps])).toEqual([
    ['alpha==1.0', noDeps],
    ['beta>=2 ; python_version >= "3.8"', noDeps],
  ]);
  expect(requirements.constraints.map(({ text }) => text)).toEqual(['gamma<3']);
  const asked = askedOf({ ...spec, requirements }).python;
  expect(asked?.['no-deps']).toEqual(noDeps === true ? ['alpha==1.0', 'beta>=2 ; python_version >= "3.8"'] : undefined);
});

test.each([
  ['pip install -r /opt/tool/nothing.txt', 'COGPLAN_REQUIREMENTS_FILE'],
  ['pip install -r /opt/tool/circle.txt', 'COGPLAN_REQUIREMENTS_CYCLE'],
  ['pip install -r /opt/tool/outside.txt', 'COGPLAN_REQUIREMENTS_FILE'],
])('%s is refused', async (command, code) => {
  const { spec, files } = await project(clone(command));
  await expect(withTreeRequirements(context, spec, files)).rejects.toMatchObject({ code });
});
