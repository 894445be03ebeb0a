import { evaluateMarker } from '../../src/formats/python/marker.ts';
import { normalizeName } from '../../src/formats/python/name.ts';
import { parseRequirement, type Requirement } from '../../src/formats/python/requirement.ts';
import { satisfies } from '../../src/formats/python/specifier.ts';
import { parseVersion } from '../../src/formats/python/version.ts';
import { targetMarkers } from '../../src/sources/uv/target-interpreter.ts';
import { aWheelFile } from '../builders/wheel.ts';
import type { PublishedWheel } from '../servers/package-index.ts';
import type { PickedFile } from './ask-pip.ts';
import type { Universe } from './universe.ts';

/** What is wrong with an answer by the rules alone, whoever gave it: requirements that it does not meet, files that it needs not or that are for other Pythons. */
export function answerFaults(universe: Universe, files: readonly PickedFile[]): readonly string[] {
  const markers = targetMarkers(universe.environment);
  const python = parseVersion(universe.environment.version);
  const wheelOf = new Map(
    universe.wheels.map((wheel): [string, PublishedWheel] => [aWheelFile(wheel).filename, wheel]),
  );
  const picked = new Map(files.map((file) => [file.name, file]));
  const faults: string[] = [];
  const extras = new Map<string, Set<string>>();
  const applies = ({ marker }: Requirement, of: readonly string[] = []): boolean =>
    marker === undefined || evaluateMarker(marker, markers) || evaluateMarker(marker, markers, of);

  const lines = universe.lines.filter((line) => !line.startsWith('--'));
  const queue = lines.map((line) => parseRequirement(line)).filter((requirement) => applies(requirement));
  const done = new Set<string>();
  for (let wanted = queue.shift(); wanted !== undefined; wanted = queue.shift()) {
    const name = normalizeName(wanted.name);
    const file = picked.get(name);
    const version = parseVersion(file?.version ?? '');
    if (file === undefined || version === undefined) {
      faults.push(`${name} is wanted and missing`);
      continue;
    }
    if (!satisfies(version, wanted.specifiers, true))
      faults.push(`${name} ${file.version} is not what ${wanted.name} asks`);
    const known = extras.get(name) ?? new Set<string>();
    extras.set(name, known);
    const fresh = wanted.extras.map(normalizeName).filter((extra) => !known.has(extra));
    for (const extra of fresh) known.add(extra);
    if (done.has(name) && fresh.length === 0) continue;
    done.add(name);
    const wheel = wheelOf.get(file.filename);
    const bound = wheel?.requiresPython;
    if (wheel === undefined) faults.push(`${file.filename} does not exist`);
    if (
      bound !== undefined &&
      python !== undefined &&
      !satisfies(python, parseRequirement(`python${bound}`).specifiers, true)
    )
      faults.push(`${file.filename} is for Python ${bound}`);
    for (const line of wheel?.metadata ?? []) {
      const text = /^Requires-Dist: (.*)$/.exec(line)?.[1];
      const requirement = text === undefined ? undefined : parseRequirement(text);
      if (requirement !== undefined && applies(requirement, [...known])) queue.push(requirement);
    }
  }
  for (const line of universe.constraints) {
    const { name, specifiers } = parseRequirement(line);
    const version = parseVersion(picked.get(normalizeName(name))?.version ?? '');
    if (version !== undefined && !satisfies(version, specifiers, true)) faults.push(`${name} is not within ${line}`);
  }
  for (const name of picked.keys()) if (!done.has(name)) faults.push(`${name} is wanted by nobody`);
  return faults;
}
