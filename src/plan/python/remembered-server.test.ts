import { expect, it } from 'vitest';
import { derivedMemory } from '../../../test/builders/derived-memory.ts';
import type { PythonPackage } from '../../lock/schema.generated.ts';
import { rememberServer } from './remembered-server.ts';

const REQUEST = {
  environment: { version: '3.11.2', path: '/usr/bin/python3', platform: 'linux/amd64', glibc: '2.36' },
  roots: [],
  indexes: { primary: 'https://pypi.org/simple', extra: [], findLinks: [] },
  keep: [],
} as const;
const MINUTE = 60_000;

function server() {
  let time = new Date('2026-01-01T00:00:00Z').getTime();
  let version = 0;
  const store = derivedMemory();
  const context = { store, now: () => new Date(time) };
  const solve = async () => [{ name: 'uvicorn', version: String(++version) } as PythonPackage];
  return {
    store,
    pass: (milliseconds: number) => {
      time += milliseconds;
    },
    ask: async (request: Parameters<typeof rememberServer>[1] = REQUEST, build = 'a') =>
      (await rememberServer(context, request, solve, build))[0]?.version,
  };
}

it('is the same for ten minutes, and asked for again after them', async () => {
  const { ask, pass } = server();
  expect(await ask()).toBe('1');
  pass(9 * MINUTE);
  expect(await ask()).toBe('1');
  pass(MINUTE);
  expect(await ask()).toBe('2');
  expect(await ask()).toBe('2');
});

it('is asked for again when the clock was set back', async () => {
  const { ask, pass } = server();
  await ask();
  pass(-MINUTE);
  expect(await ask()).toBe('2');
});

it('belongs to its interpreter, to what is kept and to the build of the program', async () => {
  const { ask } = server();
  await ask();
  expect(await ask({ ...REQUEST, environment: { ...REQUEST.environment, version: '3.13.5' } })).toBe('2');
  expect(await ask({ ...REQUEST, keep: [{ name: 'uvicorn', version: '0' } as PythonPackage] })).toBe('3');
  expect(await ask(REQUEST, 'b')).toBe('4');
  expect(await ask()).toBe('1');
});

it('is not remembered by a program that runs from its sources', async () => {
  const { ask, store } = server();
  expect([await ask(REQUEST, 'source'), await ask(REQUEST, 'source')]).toEqual(['1', '2']);
  expect(store.kept.size).toBe(0);
});
