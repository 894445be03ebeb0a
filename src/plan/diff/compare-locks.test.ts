import { describe, expect, it } from 'vitest';
import { aFile, aLock, aWheel } from '../../../test/builders/lock.ts';
import { compareLocks } from './compare-locks.ts';

const withWheels = (...packages: ReturnType<typeof aWheel>[]) => aLock({}, { python: { indexes: [], packages } });

describe('compareLocks', () => {
  it('finds nothing between a lock and itself', () => {
    expect(compareLocks(aLock(), aLock())).toEqual([]);
  });

  it('names what came, went and moved', () => {
    const changes = compareLocks(
      withWheels(aWheel('numpy', '1.0'), aWheel('six', '1.16')),
      withWheels(aWheel('numpy', '2.0'), aWheel('tqdm', '4.0')),
    );
    expect(changes).toEqual([
      { family: 'python', kind: 'changed', subject: 'numpy', from: '1.0', to: '2.0' },
      { family: 'python', kind: 'removed', subject: 'six', from: '1.16' },
      { family: 'python', kind: 'added', subject: 'tqdm', to: '4.0' },
    ]);
  });

  it('tells the same version with other bytes apart', () => {
    const changes = compareLocks(
      withWheels(aWheel('numpy', '1.0')),
      withWheels(aWheel('numpy', '1.0', { file: aFile('other') })),
    );
    expect(changes).toMatchObject([{ kind: 'same-version-other-bytes', subject: 'numpy' }]);
  });

  it('takes everything as added when there was no lock', () => {
    expect(new Set(compareLocks(undefined, aLock()).map((change) => change.kind))).toEqual(new Set(['added']));
  });
});
