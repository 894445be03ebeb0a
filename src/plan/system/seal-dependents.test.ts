import { expect, test } from 'vitest';
import { asSha256 } from '../../digest.ts';
import type { SystemPackage } from '../../lock/schema.generated.ts';
import { sealDependents } from './seal-dependents.ts';

function locked(name: string, depends: readonly string[], isSealed = false): SystemPackage {
  return {
    name,
    version: '1',
    architecture: 'amd64',
    group: 'system',
    file: { url: `https://example.org/${name}.deb`, sha256: asSha256('0'.repeat(64)), size: 1 },
    depends: [...depends],
    scripts: {},
    ...(isSealed ? { configure: 'sealed' } : {}),
  };
}

const sealedOf = (packages: readonly SystemPackage[], acting: readonly string[]) =>
  sealDependents(packages, (name) => acting.includes(name))
    .filter(({ configure }) => configure === 'sealed')
    .map(({ name }) => name);

test('what counts on an account of a sealed package is configured after it', () => {
  const packages = [
    locked('cron', ['cron-daemon-common', 'libc6']),
    locked('cron-daemon-common', ['libc6'], true),
    locked('exim4-base', ['logger']),
    locked('libc6', []),
    locked('logger', ['cron']),
    locked('other', ['libc6']),
  ];
  expect(sealedOf(packages, ['cron', 'exim4-base', 'libc6', 'other'])).toEqual([
    'cron',
    'cron-daemon-common',
    'exim4-base',
  ]);
});

test('without a sealed package, or in a circle, nothing else is', () => {
  expect(sealedOf([locked('a', ['b']), locked('b', ['a'])], ['a', 'b'])).toEqual([]);
  expect(sealedOf([locked('a', ['b']), locked('b', ['a'], true)], [])).toEqual(['b']);
});
