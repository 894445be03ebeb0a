import { bug } from '../errors.ts';
import type { Platform } from '../lock/platform.ts';
import type { Target } from '../lock/schema.generated.ts';
import type { PythonTargetEnvironment } from './families.ts';

/** The environment that a locked target's wheels are chosen for, read from the lock alone. */
export function environmentOf(
  target: Pick<Target, 'base' | 'interpreter' | 'system'>,
  platform: Platform,
): PythonTargetEnvironment {
  const { version, path } = target.interpreter;
  if (target.base.kind === 'image') return { version, path, platform, glibc: target.base.facts.glibc };
  const libc = target.system.packages.find((item) => item.name === 'libc6');
  const glibc = /^(?:\d+:)?(\d+\.\d+)/.exec(libc?.version ?? '')?.[1];
  if (glibc === undefined) throw bug('the locked system has no libc6');
  return { version, path, platform, glibc };
}

/** Would the same wheels be chosen? */
export function isSameEnvironment(a: PythonTargetEnvironment, b: PythonTargetEnvironment): boolean {
  return a.version === b.version && a.path === b.path && a.platform === b.platform && a.glibc === b.glibc;
}
