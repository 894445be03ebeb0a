import { expect, it } from 'vitest';
import { derivedMemory } from '../../../test/builders/derived-memory.ts';
import { aSpec, located } from '../../../test/builders/spec.ts';
import { type EngineEvent, type Host, warn, withSpan } from '../../events.ts';
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

function openContext() {
  const events: EngineEvent[] = [];
  const host: Host = { notify: (event) => void events.push(event), ask: async () => '' };
  return { host, store: derivedMemory(), events };
}

function resolver({ provider = 'debian', says }: { provider?: string; says?: string } = {}) {
  const resolution = {
    interpreter: { version: '3.11.2', provider },
    system: { archives: [ARCHIVE], packages: [{ name: 'libc6' }] },
  } as unknown as SystemResolution;
  const calls = { count: 0 };
  const resolve = async (host: Host): Promise<SystemResolution> => {
    calls.count++;
    await withSpan(host, 'apt.scripts', 'Reading maintainer scripts', async () => {});
    if (says !== undefined) warn(host, 'apt.leaving', says);
    return resolution;
  };
  return { calls, resolution, resolve };
}

it('an answer is given again for the same inputs', async () => {
  const context = openContext();
  const { calls, resolution, resolve } = resolver();
  for (let time = 0; time < 3; time++) {
    expect(await rememberResolution(context, INPUTS, resolve, 'a')).toEqual(resolution);
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
  const context = openContext();
  const { calls, resolve } = resolver();
  await rememberResolution(context, INPUTS, resolve, 'a');
  await rememberResolution(context, { ...INPUTS, ...change }, resolve, 'a');
  expect(calls.count).toBe(2);
});

it.each([
  ['another build of the program', 'b'],
  ['a program that runs from its sources', 'source'],
])('%s resolves anew', async (_, build) => {
  const context = openContext();
  const { calls, resolve } = resolver();
  await rememberResolution(context, INPUTS, resolve, 'a');
  await rememberResolution(context, INPUTS, resolve, build);
  expect(calls.count).toBe(2);
});

it('what is told is told each time', async () => {
  const context = openContext();
  const { calls, resolve } = resolver({ says: 'libgl1-mesa-glx is gone' });
  await rememberResolution(context, INPUTS, resolve, 'a');
  await rememberResolution(context, INPUTS, resolve, 'a');
  expect(calls.count).toBe(2);
  expect(context.events.filter((event) => event.kind === 'message')).toHaveLength(2);
});

it('an interpreter that is no package is resolved each time', async () => {
  const context = openContext();
  const { calls, resolve } = resolver({ provider: 'standalone' });
  await rememberResolution(context, INPUTS, resolve, 'a');
  await rememberResolution(context, INPUTS, resolve, 'a');
  expect(calls.count).toBe(2);
});
