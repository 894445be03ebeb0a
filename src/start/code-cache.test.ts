import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openCodeCache, writeCodeCache } from './code-cache.ts';

const CACHE = {
  code: new Map([
    ['a.cjs', Buffer.from('one')],
    ['b.cjs', Buffer.from('')],
    ['c.cjs', Buffer.from('{"\n"}')],
  ]),
  runs: ['first', 'second'],
};
const OWNER = process.getuid?.();

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-code-'));
  path = join(directory, 'compiled-code/key');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('comes back as it was written', () => {
  writeCodeCache(path, () => CACHE);
  const { names, code, runs } = openCodeCache(path, OWNER);
  expect(names.map((name) => [name, code(name)])).toEqual([...CACHE.code]);
  expect(code('d.cjs')).toBeUndefined();
  expect(runs).toEqual(CACHE.runs);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('gives nothing of which a byte has changed or is missing', () => {
  writeCodeCache(path, () => CACHE);
  const whole = readFileSync(path);
  const given = (): (string | undefined)[] => {
    const { names, code } = openCodeCache(path, OWNER);
    return names.map((name) => code(name)?.toString());
  };
  const right = [...CACHE.code.values()].map(String);
  expect(given()).toEqual(right);
  for (let at = 0; at < whole.length; at++) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    for (const bytes of [damaged, whole.subarray(0, at)]) {
      writeFileSync(path, bytes);
      const found = given();
      expect(found.every((text, index) => text === undefined || text === right[index])).toBe(true);
      expect(found).not.toEqual(right);
    }
  }
});

it('is nothing when somebody else owns it or may write to it', () => {
  writeCodeCache(path, () => CACHE);
  expect(openCodeCache(path, (OWNER ?? 0) + 1).names).toEqual([]);
  chmodSync(path, 0o620);
  expect(openCodeCache(path, OWNER).names).toEqual([]);
  chmodSync(path, 0o602);
  expect(openCodeCache(path, OWNER).names).toEqual([]);
});

it('is nothing where there is none', () => {
  expect(openCodeCache(path, OWNER)).toMatchObject({ names: [], runs: [] });
});

it('leaves nothing where it cannot be written', () => {
  mkdirSync(path, { recursive: true });
  writeCodeCache(path, () => CACHE);
  expect(readdirSync(join(path, '..'))).toEqual(['key']);
  expect(() => writeCodeCache(join(directory, 'gone/away/key'), () => CACHE)).not.toThrow();
  expect(readdirSync(directory)).toEqual(['compiled-code']);
  writeFileSync(join(directory, 'file'), '');
  expect(() => writeCodeCache(join(directory, 'file/key'), () => CACHE)).not.toThrow();
});

it('keeps a few of those of other builds', () => {
  for (let build = 0; build < 12; build++) writeCodeCache(`${path}-${build}`, () => CACHE);
  const names = readdirSync(join(path, '..'));
  expect(names.length).toBe(9);
  expect(names).toContain('key-11');
});

it('fails nothing when there is nothing to gather', () => {
  writeCodeCache(path, () => {
    throw new Error('no');
  });
  expect(readdirSync(join(path, '..'))).toEqual([]);
});
