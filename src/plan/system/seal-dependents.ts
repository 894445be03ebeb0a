import type { SystemPackage } from '../../lock/schema.generated.ts';

/**
 * With packages whose scripts are run in the sandbox, those too that depend on one, directly or not, and whose own scripts change the tree: they may
 * count on what the others have made by then, such as an account. `acts`: whether a package's scripts do.
 */
export function sealDependents(
  packages: readonly SystemPackage[],
  acts: (name: string) => boolean,
): readonly SystemPackage[] {
  const reached = new Set(packages.filter(({ configure }) => configure === 'sealed').map(({ name }) => name));
  if (reached.size === 0) return packages;
  const dependents = new Map<string, string[]>();
  for (const { name, depends } of packages)
    for (const below of depends) dependents.set(below, [...(dependents.get(below) ?? []), name]);
  // A set gives what is added to it while it is walked.
  for (const name of reached) for (const above of dependents.get(name) ?? []) reached.add(above);
  return packages.map((entry) =>
    entry.configure === undefined && reached.has(entry.name) && acts(entry.name)
      ? { ...entry, configure: 'sealed' as const }
      : entry,
  );
}
