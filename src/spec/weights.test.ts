import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CogplanError } from '../errors.ts';
import { readSpec } from './read-spec.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cogplan-spec-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function read(weights: string, settings?: string) {
  await writeFile(join(directory, 'cog.yaml'), `build:\n  python_version: "3.11"\n${weights}`);
  if (settings !== undefined) await writeFile(join(directory, 'cogplan.yaml'), settings);
  return (await readSpec(directory)).weights;
}

async function problem(weights: string, settings?: string) {
  return read(weights, settings).then(
    () => undefined,
    (error: unknown) => {
      if (!(error instanceof CogplanError)) throw error;
      return { code: error.code, message: error.message, file: error.where?.file, line: error.where?.line };
    },
  );
}

const item = (rest: string) => `weights:\n  - name: w\n    target: /src/w\n    ${rest}`;

describe('weights', () => {
  test.each<[string, string, readonly object[]]>([
    ['a path', 'source: weights', [{ uri: 'weights', include: [], exclude: [] }]],
    [
      'a mapping',
      'source: {uri: "hf://o/m", exclude: ["*.h5"]}',
      [{ uri: 'hf://o/m', include: [], exclude: ['*.h5'] }],
    ],
    [
      'a list',
      'source: [weights, {uri: "https://x.test/a.bin"}]',
      [{ uri: 'weights' }, { uri: 'https://x.test/a.bin' }],
    ],
  ])('may have %s as source', async (_name, source, expected) => {
    expect((await read(item(source)))[0]?.sources).toMatchObject(expected);
  });

  test('clean their target', async () => {
    const [set] = await read('weights:\n  - {name: w, source: w, target: /src/./w//x/}');
    expect(set?.target).toBe('/src/w/x');
  });

  test('of cogplan.yaml follow, and may name the place of those of cog.yaml', async () => {
    const sets = await read(
      item('source: w'),
      'weights:\n  - {name: w, place: startup}\n  - {source: "hf://o/m", target: /models/Big Model}\n',
    );
    expect(sets.map(({ name, target, place }) => [name, target, place])).toEqual([
      ['w', '/src/w', 'startup'],
      ['big-model', '/models/Big Model', 'image'],
    ]);
  });

  test.each<[string, string, string, number]>([
    ['no list', 'weights: hf://o/m', 'COGPLAN_SPEC_TYPE', 3],
    ['an item that is text', 'weights:\n  - hf://o/m', 'COGPLAN_SPEC_TYPE', 4],
    ['no name', 'weights:\n  - {source: w, target: /w}', 'COGPLAN_SPEC_REQUIRED', 4],
    ['no source', 'weights:\n  - {name: w, target: /w}', 'COGPLAN_SPEC_REQUIRED', 4],
    ['an unknown key', item('source: w\n    dest: /x'), 'COGPLAN_SPEC_UNKNOWN_KEY', 7],
    ['a source without uri', item('source: {exclude: [a]}'), 'COGPLAN_SPEC_REQUIRED', 6],
    ['a name in capitals', 'weights:\n  - {name: W, source: w, target: /w}', 'COGPLAN_SPEC_VALUE', 4],
    ['a relative target', 'weights:\n  - {name: w, source: w, target: w}', 'COGPLAN_SPEC_VALUE', 4],
    ['the root as target', 'weights:\n  - {name: w, source: w, target: /}', 'COGPLAN_SPEC_VALUE', 4],
    ['a scheme that nobody reads', item('source: "ftp://x.test/a"'), 'COGPLAN_SPEC_VALUE', 6],
    ['credentials', item('source: "https://me:secret@x.test/a"'), 'COGPLAN_SPEC_VALUE', 6],
    ['a negated pattern', item('source: {uri: w, include: ["!a"]}'), 'COGPLAN_SPEC_VALUE', 6],
    [
      'two sets of one name',
      'weights:\n  - {name: w, source: w, target: /a}\n  - {name: w, source: w, target: /b}',
      'COGPLAN_SPEC_VALUE',
      5,
    ],
    [
      'a target inside another',
      'weights:\n  - {name: a, source: w, target: /a/b}\n  - {name: b, source: w, target: /a}',
      'COGPLAN_SPEC_VALUE',
      5,
    ],
  ])('are refused with %s', async (_name, weights, code, line) => {
    const found = await problem(weights);
    expect([found?.code, found?.file, found?.line]).toEqual([code, 'cog.yaml', line]);
    expect(found?.message).not.toContain('secret');
  });

  test('of cogplan.yaml that name no set and no source are refused at their place', async () => {
    const found = await problem('', 'weights:\n  - {name: other, place: startup}\n');
    expect([found?.code, found?.file, found?.line]).toEqual(['COGPLAN_SPEC_VALUE', 'cogplan.yaml', 2]);
  });
});
