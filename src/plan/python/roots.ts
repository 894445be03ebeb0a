import { CogplanError, printable, type Where } from '../../errors.ts';
import type { MarkerEnvironment } from '../../formats/python/marker.ts';
import { evaluateMarker } from '../../formats/python/marker.ts';
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

/** The lines of a project that hold for the target. Those that name bytes which cannot be locked are COGPLAN_REQUIREMENT_UNSUPPORTED. */
export function projectRoots(lines: readonly RequirementLine[], markers: MarkerEnvironment): readonly Root[] {
  return lines.flatMap((line) => {
    const { text, where, hashes, name, marker } = line;
    if (marker !== undefined && !evaluateMarker(marker, markers)) return [];
    if (name === undefined || !isFromWheels(line)) throw unsupported(line);
    const requirement = parseRequirement(text, where);
    const place = where.line === undefined ? where.file : `${where.file}:${where.line}`;
    return [{ name, requirement, text, asked: `${place}: ${printable(text)}`, where, hashes }];
  });
}

function isFromWheels({ source, hashes }: RequirementLine): boolean {
  return source.kind === 'index' || (source.kind === 'url' && source.form === 'wheel' && hashes.length > 0);
}

function unsupported({ text, where, source }: RequirementLine): CogplanError {
  const what = {
    index: 'a version from an index',
    url: 'an archive by URL, or a wheel without a hash',
    path: 'a local path',
    vcs: 'a checkout from version control',
  }[source.kind];
  return new CogplanError('COGPLAN_REQUIREMENT_UNSUPPORTED', `${text.slice(0, 300)} cannot be locked: it is ${what}`, {
    subject: text.slice(0, 300),
    where,
    hint: 'Name a released version, or use: name @ https://…/name-1.0-py3-none-any.whl#sha256=…',
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
