import { CogplanError } from '../../errors.ts';
import { type AskedPackage, acceptsVersion } from '../../spec/system-packages.ts';
import type { OpenArchives } from './open-archives.ts';

type Accepts = (version: string) => boolean;

/** Which versions will do, for the names that were asked for with a version or a suite. */
export function pinsOf(
  asked: readonly AskedPackage[],
  archives: Pick<OpenArchives, 'entries' | 'indexes'>,
): ReadonlyMap<string, Accepts> {
  const pins = new Map<string, Accepts>();
  for (const item of asked) {
    const accepts = acceptedBy(item, archives);
    const before = pins.get(item.name);
    if (accepts === undefined) continue;
    pins.set(item.name, before === undefined ? accepts : (version) => accepts(version) && before(version));
  }
  return pins;
}

function acceptedBy(
  { name, version, suite, text, where }: AskedPackage,
  { entries, indexes }: Pick<OpenArchives, 'entries' | 'indexes'>,
): Accepts | undefined {
  if (version !== undefined) return (candidate) => acceptsVersion(version, candidate);
  if (suite === undefined) return undefined;
  const suites = [...new Set(entries.map((entry) => entry.suite))];
  if (!suites.includes(suite)) {
    throw new CogplanError('COGPLAN_SYSTEM_PACKAGE_SYNTAX', `${text}: no packages are taken from ${suite}`, {
      subject: text,
      where,
      hint: `They are taken from ${suites.join(', ')}. Further archives are named below archives in cogplan.yaml.`,
    });
  }
  const versions = new Set(
    indexes.flatMap((index, at) => (entries[at]?.suite === suite ? index.named(name) : [])).map((item) => item.version),
  );
  return (candidate) => versions.has(candidate);
}
