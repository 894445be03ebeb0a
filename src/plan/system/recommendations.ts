import { CogplanError } from '../../errors.ts';
import type { PackageFacts } from '../../formats/debian/package-record.ts';
import type { Spec } from '../../spec/spec.ts';
import { asksForRecommended } from '../../spec/system-packages.ts';

/** Whether packages that this one recommends are installed with it. */
export type TakesRecommended = (record: Pick<PackageFacts, 'name'>) => boolean;

/** What `recommends` in cogplan.yaml says, and `--install-recommends` among the system packages. */
export function takesRecommended({
  settings,
  systemPackages,
}: Pick<Spec, 'settings' | 'systemPackages'>): TakesRecommended {
  const { recommends } = settings.values;
  if (recommends === true || asksForRecommended(systemPackages)) return () => true;
  const names = new Set(Array.isArray(recommends) ? recommends : []);
  return ({ name }) => names.has(name);
}

/**
 * Names below `recommends` whose recommendations were not followed, because no such package is installed for the system
 * packages: COGPLAN_SETTINGS_INVALID.
 */
export function checkRecommends(
  { settings }: Pick<Spec, 'settings'>,
  installed: readonly Pick<PackageFacts, 'name'>[],
): void {
  const { recommends } = settings.values;
  if (!Array.isArray(recommends)) return;
  const names = new Set(installed.map(({ name }) => name));
  const index = recommends.findIndex((name) => !names.has(name));
  if (index < 0) return;
  const name = recommends[index] ?? '';
  throw new CogplanError('COGPLAN_SETTINGS_INVALID', `recommends: ${name} is not among the system packages`, {
    subject: name,
    where: settings.where(['recommends', index]),
    hint: 'Name packages of build.system_packages, or packages that these need. Those of the base and of the interpreter are not asked for what they recommend.',
  });
}
