import { expect, it } from 'vitest';
import { aDeb, aLock, aSeal, aTarget, aWheel } from '../../test/builders/lock.ts';
import { sha256 } from '../digest.ts';
import type { Lock } from '../lock/schema.generated.ts';
import { mergeLocks } from './merge-locks.ts';

const withPackages = (...packages: (readonly [string, string])[]): Lock =>
  aLock({}, { python: { indexes: [], packages: packages.map(([name, version]) => aWheel(name, version)) } });

const versions = (lock: Lock) =>
  lock.targets['linux/amd64']?.python.packages.map(({ name, version }) => `${name} ${version}`);

it('takes of each package the side that moved forward, and packages of both sides, in order', () => {
  const ours = withPackages(['numpy', '2.0'], ['six', '1.16']);
  const theirs = withPackages(['aiohttp', '3.0'], ['numpy', '1.9'], ['six', '1.17']);
  expect(versions(mergeLocks(ours, theirs))).toEqual(['aiohttp 3.0', 'numpy 2.0', 'six 1.17']);
  expect(versions(mergeLocks(theirs, ours))).toEqual(['aiohttp 3.0', 'numpy 2.0', 'six 1.17']);
});

it('takes the Debian packages of the side with the newer archive', () => {
  const target = aTarget();
  const archive = target.system.archives[0];
  if (archive === undefined) throw new Error('the builder has no archive');
  const side = (date: string, version: string): Lock =>
    aLock({}, { system: { archives: [{ ...archive, date }], packages: [aDeb('libc6', version)] } });
  const merged = mergeLocks(side('2026-11-01T00:00:00Z', '1'), side('2026-11-09T00:00:00Z', '2'));
  expect(merged.targets['linux/amd64']?.system.packages.map(({ version }) => version)).toEqual(['2']);
});

it('keeps the holds and seals of both, and counts nothing as asked', () => {
  const hold = (subject: string, since: string) => ({ subject, since, reason: since });
  const ours = aLock(
    { holds: [hold('python/numpy', '2026-01-01'), hold('python/six', '2026-01-01')] },
    { seals: [aSeal('base')] },
  );
  const theirs = aLock(
    { holds: [hold('python/numpy', '2026-02-01'), hold('system/curl', '2026-01-01')] },
    { seals: [aSeal('base'), aSeal('wheels', { recipe: sha256('wheels') })] },
  );
  const merged = mergeLocks(ours, theirs);
  expect(merged.asked).toEqual({});
  expect(merged.holds.map(({ subject, since }) => `${subject} ${since}`)).toEqual([
    'python/numpy 2026-02-01',
    'python/six 2026-01-01',
    'system/curl 2026-01-01',
  ]);
  expect(merged.targets['linux/amd64']?.seals.map(({ layer }) => layer)).toEqual(['base', 'wheels']);
});

it('has the targets of both sides', () => {
  const theirs = aLock({ targets: { 'linux/arm64': aTarget() } });
  expect(Object.keys(mergeLocks(aLock(), theirs).targets)).toEqual(['linux/amd64', 'linux/arm64']);
});
