import { printable, type Where } from '../../errors.ts';
import type { MarkerEnvironment } from '../../formats/python/marker.ts';
import { evaluateMarker } from '../../formats/python/marker.ts';
import { normalizeName } from '../../formats/python/name.ts';
import { parseRequirement, type Requirement } from '../../formats/python/requirement.ts';
import type { RequirementLine } from '../../spec/spec.ts';

/** A requirement somebody wrote, rather than one of a package. */
export interface Root {
  /** Normalised by PEP 503. */
  readonly name: string;
  readonly requirement: Requirement;
  /** As given to the resolver. */
  readonly text: string;
  /** Where and what, without credentials: `requirements.txt:3: numpy<2`. */
  readonly asked: string;
  readonly where?: Where;
  /** `sha256:…`; empty means any. */
  readonly hashes: readonly string[];
}

/** The lines of a project that hold for the target. */
export function projectRoots(lines: readonly RequirementLine[], markers: MarkerEnvironment): readonly Root[] {
  return lines.flatMap(({ text, where, hashes }) => {
    const requirement = parseRequirement(text, where);
    if (requirement.marker !== undefined && !evaluateMarker(requirement.marker, markers)) return [];
    const place = where.line === undefined ? where.file : `${where.file}:${where.line}`;
    const name = normalizeName(requirement.name);
    return [{ name, requirement, text, asked: `${place}: ${printable(text)}`, where, hashes }];
  });
}

/** Requirements of cogplan itself. */
export function ownRoots(names: readonly string[]): readonly Root[] {
  return names.map((name) => ({
    name,
    requirement: parseRequirement(name),
    text: name,
    asked: `cogplan: ${name}`,
    hashes: [],
  }));
}
