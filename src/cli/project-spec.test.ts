import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { aLock } from '../../test/builders/lock.ts';
import { aSpec } from '../../test/builders/spec.ts';
import { askedOf } from '../plan/asked.ts';
import { readProjectSpec, readUnlockedSpec } from './project-spec.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cogplan-project-spec-'));
  await writeFile(join(directory, 'cog.yaml'), 'build:\n  python_version: "3.11"\n');
  await writeFile(join(directory, 'small.yaml'), 'build:\n  python_version: "3.13"\n');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('the file named, else the one that the lock was made from, else cog.yaml', async () => {
  const lock = { ...aLock(), asked: askedOf(aSpec({ file: 'small.yaml' })) };
  const read = async (from: Parameters<typeof readProjectSpec>[1]) => (await readProjectSpec(directory, from)).file;
  expect(await read({})).toBe('cog.yaml');
  expect(await read({ file: 'small.yaml' })).toBe('small.yaml');
  expect(await read({ lock })).toBe('small.yaml');
  expect(await read({ lock, file: 'cog.yaml' })).toBe('cog.yaml');
  expect((await readUnlockedSpec(directory, undefined)).file).toBe('cog.yaml');
});

test('a lock of cog.yaml or cog.yml does not tell its file', () => {
  expect(askedOf(aSpec()).image).not.toHaveProperty('file');
  expect(askedOf(aSpec({ file: 'cog.yml' })).image).not.toHaveProperty('file');
});
