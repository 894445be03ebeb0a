import { normalizeName } from '../../formats/python/name.ts';
import { nearest } from '../../nearest.ts';
import type { Root } from './roots.ts';

export interface UnknownExtra {
  readonly name: string;
  readonly extra: string;
  /** In people's words, with the line that asks for it. */
  readonly text: string;
}

/**
 * Extras that lines of the project ask for and for which the chosen package requires nothing: pip passes over them with a warning, and the model misses what was
 * meant. `packages` holds version and `Requires-Dist` lines by name.
 */
export function unknownExtras(
  roots: readonly Root[],
  packages: ReadonlyMap<string, { readonly version: string; readonly requires: readonly string[] }>,
): readonly UnknownExtra[] {
  return roots.flatMap(({ name, requirement, asked }) => {
    const chosen = packages.get(name);
    if (chosen === undefined || requirement.extras.length === 0) return [];
    const known = extrasOf(chosen.requires);
    return requirement.extras
      .filter((extra) => !known.has(normalizeName(extra)))
      .map((extra) => {
        const meant = nearest(extra, known);
        const advice =
          meant === undefined
            ? `it has ${known.size === 0 ? 'no extras' : [...known].slice(0, 12).join(', ')}`
            : `did you mean ${name}[${meant}]?`;
        return {
          name,
          extra,
          text: `${asked}: ${name} ${chosen.version} requires nothing for the extra ${extra}: ${advice}`,
        };
      });
  });
}

const NAMED = /\bextra\s*(?:==|in)\s*["']([^"']+)["']|["']([^"']+)["']\s*==\s*extra\b/g;

function extrasOf(requires: readonly string[]): ReadonlySet<string> {
  const markers = requires.map((line) => line.slice(line.indexOf(';') + 1));
  return new Set(
    markers.flatMap((marker) => [...marker.matchAll(NAMED)].map(([, one, other]) => normalizeName(one ?? other ?? ''))),
  );
}
