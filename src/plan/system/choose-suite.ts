import { CogplanError } from '../../errors.ts';
import type { Located } from '../../spec/spec.ts';
import { DEBIAN_SUITES, type DebianSuite } from '../tables/debian-suites.ts';

/** The suite whose own Python is the one asked for. COGPLAN_PYTHON_UNAVAILABLE names those that there are. */
export function chooseSuite(pythonVersion: Located<string>): DebianSuite {
  const { value, where } = pythonVersion;
  const minor = /^(\d+\.\d+)(?:\.\d+)?$/.exec(value)?.[1];
  const suite = DEBIAN_SUITES.find(({ python }) => python === minor);
  if (suite === undefined) {
    const available = DEBIAN_SUITES.map(({ python }) => python);
    throw new CogplanError('COGPLAN_PYTHON_UNAVAILABLE', `Python ${value} is not available yet`, {
      subject: value,
      where,
      hint: `Ask for ${available.slice(0, -1).join(', ')} or ${available.at(-1) ?? ''} in build.python_version.`,
      data: { available },
    });
  }
  return suite;
}

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
