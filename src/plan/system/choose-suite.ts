import { CogplanError } from '../../errors.ts';
import type { Located } from '../../spec/spec.ts';
import type { DebianSuite } from '../tables/debian-suites.ts';

/** Checks that a patch version that was asked for is the one the suite has. */
export function checkPatchVersion(pythonVersion: Located<string>, available: string, suite: DebianSuite): void {
  const { value, where } = pythonVersion;
  if (value === suite.python || value === available) return;
  throw new CogplanError(
    'COGPLAN_PYTHON_UNAVAILABLE',
    `Python ${value} is not available: Debian ${suite.name} has ${available}`,
    {
      subject: value,
      where,
      hint: `Ask for "${suite.python}" or "${available}" in build.python_version.`,
      data: { available: [available] },
    },
  );
}
