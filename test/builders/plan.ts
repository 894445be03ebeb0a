import type { Lock, PythonPackage, SystemPackage } from '../../src/lock/schema.generated.ts';
import { diffLocks } from '../../src/plan/diff/diff-locks.ts';
import type { Change, Plan } from '../../src/plan/diff/schema.generated.ts';
import { aDeb, aFile, aLock, aTarget, aWheel } from './lock.ts';

/** A lock's packages, in two states, as an upgrade would give them. */
export function anUpgrade(): { readonly before: Lock; readonly after: Lock } {
  return {
    before: lockOf(
      [
        aWheel('numpy', '1.26.4', { asked: ['numpy>=1.24 (requirements.txt:1)'] }),
        aWheel('pillow', '10.0.0', { asked: ['pillow (requirements.txt:2)'] }),
        aWheel('scipy', '1.11.4', { asked: ['scipy (requirements.txt:3)'], requires: ['numpy>=1.21'] }),
        aWheel('six', '1.16.0', { asked: ['six (requirements.txt:4)'] }),
      ],
      [aDeb('libc6', '2.36-9+deb12u13'), aDeb('zlib1g', '1:1.2.13')],
    ),
    after: lockOf(
      [
        aWheel('numpy', '2.1.0', { asked: ['numpy>=1.24 (requirements.txt:1)'] }),
        aWheel('pillow', '11.0.0', { asked: ['pillow (requirements.txt:2)'] }),
        aWheel('scipy', '1.14.0', { asked: ['scipy (requirements.txt:3)'], requires: ['numpy>=2', 'threadpoolctl'] }),
        aWheel('six', '1.16.0', { asked: ['six (requirements.txt:4)'], file: aFile('six-1.16.0-rebuilt.whl') }),
        aWheel('threadpoolctl', '3.5.0'),
      ],
      [aDeb('libc6', '2.36-9+deb12u14'), aDeb('zlib1g', '1:1.2.13')],
    ),
  };
}

/** A plan whose list is as long as asked: every package of `count` moves to another version. */
export function aLongPlan(count: number): Plan {
  const wheels = (version: string): PythonPackage[] =>
    Array.from({ length: count }, (_, index) => aWheel(`package-${String(index).padStart(5, '0')}`, version));
  return diffLocks(lockOf(wheels('1.0.0'), []), lockOf(wheels('2.0.0'), []), { mode: 'upgrade' });
}

/** What resolving an upgrade around held packages gives, for packages that do not depend on each other. */
export function upgradeAround(
  { before, after }: { readonly before: Lock; readonly after: Lock },
  held: readonly Change[],
): Plan {
  const ids = new Set(held.map(({ family, subject }) => `${family}/${subject}`));
  const [old, now] = [before.targets['linux/amd64']!, after.targets['linux/amd64']!];
  const keep = <T extends { readonly name: string }>(family: string, from: readonly T[], to: readonly T[]): T[] =>
    to.map((item) =>
      ids.has(`${family}/${item.name}`) ? (from.find(({ name }) => name === item.name) ?? item) : item,
    );
  return diffLocks(
    before,
    lockOf(
      keep('python', old.python.packages, now.python.packages),
      keep('system', old.system.packages, now.system.packages),
    ),
    { mode: 'upgrade' },
  );
}

function lockOf(wheels: PythonPackage[], debs: SystemPackage[]): Lock {
  const { python, system } = aTarget();
  return aLock({}, { python: { ...python, packages: wheels }, system: { ...system, packages: debs } });
}
