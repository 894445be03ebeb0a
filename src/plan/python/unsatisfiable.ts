import { CogplanError } from '../../errors.ts';
import type { WheelEnvironment } from '../../formats/python/wheel-tags.ts';
import { NO_WHEEL_HINT, type Unsatisfiable } from '../../sources/uv/uv-failure.ts';
import { mentions } from '../holds.ts';
import type { Root } from './roots.ts';

/**
 * The error for requirements that nothing satisfies. `where` is the first line that the reasoning is about; the others are in
 * the hint, and all of them in `data.places`.
 */
export function unsatisfiableError(
  outcome: Unsatisfiable,
  {
    roots,
    environment,
    asOf,
  }: {
    readonly roots: readonly Root[];
    readonly environment: WheelEnvironment;
    readonly asOf: string | null;
  },
): CogplanError {
  const target = `Python ${environment.version} on ${environment.platform} with glibc ${environment.glibc}`;
  const named = roots.filter((root) => mentions(root.name, outcome.explanation));
  const [noWheel] = outcome.withoutWheel;
  const details = {
    where: named.find((root) => root.where !== undefined)?.where,
    data: {
      explanation: outcome.explanation,
      places: named.map((root) => root.asked),
      ...(outcome.unknown.length === 0 ? {} : { unknown: outcome.unknown }),
    },
  };
  const places = named.length === 0 ? '' : `Asked for by ${named.map((root) => root.asked).join('; ')}. `;
  const cutOff = asOf === null ? '' : `Nothing newer than ${asOf} was considered. `;
  if (noWheel !== undefined) {
    const known = pythonsOf(outcome.explanation, noWheel.name);
    return new CogplanError(
      'COGPLAN_NO_WHEEL',
      `${noWheel.name}${noWheel.versions} has no wheel for ${target}${known}:\n${outcome.explanation}`,
      {
        ...details,
        subject: `${noWheel.name}${noWheel.versions}`,
        hint: `${places}${cutOff}Ask for a version that has a wheel or a source distribution, or name an index that has one.`,
      },
    );
  }
  return new CogplanError(
    'COGPLAN_PYTHON_UNSATISFIABLE',
    `no set of packages satisfies the requirements for ${target}:\n${outcome.explanation}`,
    {
      ...details,
      subject: named[0]?.name ?? outcome.unknown[0],
      hint: `${places}${cutOff}${
        outcome.unknown.length > 0
          ? 'Check the spelling of the name, and whether its index is among the ones asked.'
          : /has (?:an invalid package format|invalid metadata)/.test(outcome.explanation)
            ? NO_WHEEL_HINT
            : 'Loosen one of the requirements named above.'
      }`,
    },
  );
}

/** `; it has wheels for Python 3.6, 3.7, 3.8 and 3.9 only`, from the tags that uv saw; empty when it tells none. */
function pythonsOf(explanation: string, name: string): string {
  const seen =
    new RegExp(`wheels for \\\`${name}\\\`[^\\n]*Python (?:ABI )?tags?: ([^\\n]*)`).exec(explanation)?.[1] ?? '';
  const pythons = [...new Set([...seen.matchAll(/\bcp3(\d{1,2})/g)].map((match) => Number(match[1])))].sort(
    (a, b) => a - b,
  );
  if (pythons.length === 0) return '';
  const last = pythons.pop();
  const list = pythons.map((minor) => `3.${minor}`).join(', ');
  return `; it has wheels for Python ${list === '' ? '' : `${list} and `}3.${last} only`;
}
