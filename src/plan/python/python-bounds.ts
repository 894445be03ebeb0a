import { compareBytes } from '../../canonical.ts';
import { parseSpecifiers, satisfies } from '../../formats/python/specifier.ts';
import { parseVersion } from '../../formats/python/version.ts';
import { mentions } from '../holds.ts';

/** Versions that are for other Pythons: by normalised name, what each says in Requires-Python. */
export type Misfits = Map<string, Map<string, string>>;

/**
 * Whether a `Requires-Python` admits a version of Python; what is no specifier admits all, as pip has it. The resolver looks at lower bounds alone.
 * https://packaging.python.org/en/latest/specifications/core-metadata/#requires-python
 */
export function admitsPython(requiresPython: string | undefined, python: string | undefined): boolean {
  const version = python === undefined ? undefined : parseVersion(python);
  const specifiers = requiresPython === undefined ? undefined : parseSpecifiers(requiresPython);
  return version === undefined || specifiers === undefined || satisfies(version, specifiers, true);
}

/** Whether a bound from below is what does not admit it: that the resolver sees and explains itself. */
export function isTooOld(requiresPython: string, python: string): boolean {
  const version = parseVersion(python);
  const lower = parseSpecifiers(requiresPython)?.filter(({ operator }) => operator === '>=' || operator === '>') ?? [];
  return version !== undefined && !satisfies(version, lower, true);
}

export function addMisfit(misfits: Misfits, name: string, [version, requiresPython]: readonly [string, string]): void {
  const known = misfits.get(name) ?? new Map<string, string>();
  misfits.set(name, known.set(version, requiresPython));
}

const MOST_VERSIONS = 5;

/** `numba 0.55.1 and 0.55.2 are for Python <3.11.`, a line for each package that a text is about. */
export function explainMisfits(misfits: Misfits, text: string): readonly string[] {
  return [...misfits]
    .filter(([name]) => mentions(name, text))
    .sort(([a], [b]) => compareBytes(a, b))
    .flatMap(([name, versions]) => {
      const byBound = new Map<string, string[]>();
      for (const [version, bound] of versions) byBound.set(bound, [...(byBound.get(bound) ?? []), version]);
      return [...byBound].map(([bound, named]) => {
        const last = named.slice(-MOST_VERSIONS);
        const more = named.length > last.length ? ` and ${named.length - last.length} more` : '';
        return `${name} ${last.join(', ')}${more} ${named.length === 1 ? 'is' : 'are'} for Python ${bound}.`;
      });
    });
}
