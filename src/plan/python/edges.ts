import { compareBytes } from '../../canonical.ts';
import { isCogplanError } from '../../errors.ts';
import { evaluateMarker, type MarkerEnvironment } from '../../formats/python/marker.ts';
import { type NormalizedName, normalizeName } from '../../formats/python/name.ts';
import { formatRequirement, parseRequirement, type Requirement } from '../../formats/python/requirement.ts';

export interface EdgeInput {
  /** Requirements that somebody wrote and that hold for the target. */
  readonly roots: readonly Requirement[];
  /** `Requires-Dist` lines by package. */
  readonly packages: ReadonlyMap<string, readonly string[]>;
  readonly markers: MarkerEnvironment;
}

export interface Edges {
  /** Requirements that hold for the target with the extras that are asked for, without markers, sorted, by package. */
  readonly requires: ReadonlyMap<string, readonly string[]>;
  /** Names that a package requires and that were not resolved, with who requires them. */
  readonly missing: ReadonlyMap<string, string>;
  /** Lines that cannot be read, with their package. */
  readonly unreadable: readonly { readonly name: string; readonly line: string }[];
}

/** Which requirement of which package holds. Extras spread along edges, so this runs until nothing new is asked for. */
export function findEdges({ roots, packages, markers }: EdgeInput): Edges {
  const unreadable: { name: string; line: string }[] = [];
  const parsed = new Map(
    [...packages].map(([name, lines]) => [name, lines.flatMap((line) => readLine(name, line, unreadable))]),
  );
  const extras = new Map<string, Set<string>>();
  const queue: string[] = [...packages.keys()];
  const askFor = (requirement: Requirement): void => {
    const name = normalizeName(requirement.name);
    const known = extras.get(name) ?? new Set<string>();
    extras.set(name, known);
    for (const extra of requirement.extras.map(normalizeName)) {
      if (known.has(extra)) continue;
      known.add(extra);
      if (!queue.includes(name)) queue.push(name);
    }
  };
  const holding = (name: string): readonly Requirement[] =>
    (parsed.get(name) ?? []).filter((requirement) => holds(requirement, markers, extras.get(name)));

  roots.forEach(askFor);
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) holding(name).forEach(askFor);

  const missing = new Map<string, string>();
  const requires = new Map<string, readonly string[]>();
  for (const name of packages.keys()) {
    const texts = new Set<string>();
    for (const requirement of holding(name)) {
      const target = normalizeName(requirement.name);
      if (target === name) continue;
      if (packages.has(target)) texts.add(edgeText(requirement, target));
      else missing.set(target, name);
    }
    requires.set(name, [...texts].sort(compareBytes));
  }
  return { requires, missing, unreadable };
}

function holds(requirement: Requirement, markers: MarkerEnvironment, extras: ReadonlySet<string> = new Set()): boolean {
  const { marker } = requirement;
  if (marker === undefined) return true;
  return evaluateMarker(marker, markers) || (extras.size > 0 && evaluateMarker(marker, markers, [...extras]));
}

function edgeText({ extras, specifiers, url }: Requirement, name: NormalizedName): string {
  return formatRequirement({ name, extras, specifiers, ...(url === undefined ? {} : { url: withoutUserInfo(url) }) });
}

function withoutUserInfo(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, '$1');
}

/** Old metadata holds lines from before PEP 508. The resolver mends some of them; such an edge is not worth a failed lock. */
function readLine(name: string, line: string, unreadable: { name: string; line: string }[]): readonly Requirement[] {
  try {
    return [parseRequirement(line)];
  } catch (error) {
    if (!isCogplanError(error, 'COGPLAN_REQUIREMENT_INVALID')) throw error;
    unreadable.push({ name, line });
    return [];
  }
}
