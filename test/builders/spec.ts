import { normalizeName } from '../../src/formats/python/name.ts';
import { parseRequirement } from '../../src/formats/python/requirement.ts';
import { emptyRequirements } from '../../src/spec/read-python-file.ts';
import { NOTHING_RUN } from '../../src/spec/run/run-reading.ts';
import { NO_SETTINGS } from '../../src/spec/settings.ts';
import type { Located, RequirementLine, Requirements, Spec } from '../../src/spec/spec.ts';

/** A spec of a small project; a test changes what it is about. */
export function aSpec(change: Partial<Spec> = {}): Spec {
  return {
    directory: '/project',
    file: 'cog.yaml',
    settings: NO_SETTINGS,
    gpu: false,
    pythonVersion: located('3.11', 2, 'build.python_version'),
    systemPackages: [],
    requirements: requirements(),
    run: [],
    runReading: NOTHING_RUN,
    environment: [],
    weights: [],
    notices: [],
    config: {},
    ...change,
  };
}

export function located<T>(value: T, line = 1, key = 'build'): Located<T> {
  return { value, where: { file: 'cog.yaml', line, column: 1, key } };
}

export function requirements(...lines: string[]): Requirements {
  return {
    ...emptyRequirements(),
    requirements: lines.map((text, index) =>
      requirementLine(text, { where: { file: 'requirements.txt', line: index + 1 } }),
    ),
  };
}

/** A requirement by PEP 508, of an index or of a wheel by URL. */
export function requirementLine(
  text: string,
  change: Partial<RequirementLine> & Pick<RequirementLine, 'where'>,
): RequirementLine {
  const { name, extras, specifiers, url, marker } = parseRequirement(text);
  return {
    text,
    hashes: url?.includes('#sha256=') ? [url.slice(url.indexOf('#') + 1).replace('=', ':')] : [],
    name: normalizeName(name),
    extras,
    specifiers,
    ...(marker === undefined ? {} : { marker }),
    source: url === undefined ? { kind: 'index' } : { kind: 'url', url: url.replace(/#.*/, ''), form: 'wheel' },
    ...change,
  };
}
