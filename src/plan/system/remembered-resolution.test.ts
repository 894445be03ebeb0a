import { expect, it } from 'vitest';
import { derivedMemory } from '../../../test/builders/derived-memory.ts';
import { aSpec, located } from '../../../test/builders/spec.ts';
import type { Archive } from '../../lock/schema.generated.ts';
import type { SystemResolution } from '../families.ts';
import { type ResolutionInputs, rememberResolution } from './remembered-resolution.ts';

const ARCHIVE = { url: 'https://deb.example', suite: 'bookworm', packages: { sha256: 'a'.repeat(64) } } as Archive;
const INPUTS: ResolutionInputs = {
  spec: aSpec(),
  platform: 'linux/amd64',
  previous: undefined,
  options: { mode: 'keep', asOf: null },
  archives: [ARCHIVE],
};

function resolver(change: { provider?: string; configure?: 'sealed' } = {}) {
  const resolution = {
    interpreter: { version: '3.11.2', provider: change.provider ?? 'debian' },
    system: { archives: [ARCHIVE], packages: [{ name: 'libc6', ...change }] },
  } as unknown as SystemResolution;
  const calls = { count: 0 };
  const resolve = async (): Promise<SystemResolution> => {
    calls.count++;
    return resolution;
  };
  return { calls, resolution, resolve };
}

it('an answer is given again for the same inputs', async () => {
  const store = derivedMemory();
  const { calls, resolution, resolve } = resolver();
  for (let time = 0; time < 3; time++) {
    expect(await rememberResolution(store, INPUTS, resolve, 'a')).toEqual(resolution);
  }
  expect(calls.count).toBe(1);
});

it.each([
  ['another state of an archive', { archives: [{ ...ARCHIVE, packages: { sha256: 'b'.repeat(64) } } as Archive] }],
  ['other packages', { spec: aSpec({ systemPackages: [located('ffmpeg')] as never }) }],
  ['another Python', { spec: aSpec({ pythonVersion: located('3.12') }) }],
  ['other settings', { spec: aSpec({ settings: { values: { configure: 'sealed' } } as never }) }],
  ['another platform', { platform: 'linux/arm64' as const }],
  ['an upgrade', { options: { mode: 'upgrade' as const, asOf: null } }],
  ['a lock before', { previous: { base: {}, interpreter: {}, system: {} } as never }],
  [
    'a hold',
    {
      held: { system: new Map([['libc6', { subject: 'system:libc6' } as never]]), python: new Map(), suite: undefined },
    },
  ],
])('%s is resolved anew', async (_, change: Partial<ResolutionInputs>) => {
  const store = derivedMemory();
  const { calls, resolve } = resolver();
  await rememberResolution(store, INPUTS, resolve, 'a');
  await rememberResolution(store, { ...INPUTS, ...change }, resolve, 'a');
  expect(calls.count).toBe(2);
});

it.each([
  ['another build of the program', 'b', {}],
  ['a program that runs from its sources', 'source', {}],
])('%s resolves anew', async (_, build) => {
  const store = derivedMemory();
  const { calls, resolve } = resolver();
  await rememberResolution(store, INPUTS, resolve, 'a');
  await rememberResolution(store, INPUTS, resolve, build);
  expect(calls.count).toBe(2);
});

it.each([
  ['packages whose scripts run in the sandbox', { configure: 'sealed' as const }],
  ['an interpreter that is no package', { provider: 'python-build-standalone' }],
])('%s are resolved each time', async (_, change) => {
  const store = derivedMemory();
  const { calls, resolve } = resolver(change);
  await rememberResolution(store, INPUTS, resolve, 'a');
  await rememberResolution(store, INPUTS, resolve, 'a');
  expect(calls.count).toBe(2);
});
