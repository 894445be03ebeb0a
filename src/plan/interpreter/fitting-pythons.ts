import { CogplanError } from '../../errors.ts';
import { normalizeName } from '../../formats/python/name.ts';
import { parseRequirement } from '../../formats/python/requirement.ts';
import type { Fix } from '../../spec/edit-spec.ts';
import type { Spec } from '../../spec/spec.ts';
import { type AcceleratorTable, compareNumbers, minorOf, publicVersion } from '../accelerator/table.ts';

const MOST_FIXES = 3;

/**
 * COGPLAN_PYTHON_UNAVAILABLE with what the project's pins say of the versions that there are: the ones that torch, TensorFlow or JAX have wheels for go
 * first, as changes that can be made. Other errors as they are.
 */
export function withFittingPythons(
  error: CogplanError,
  { pythonVersion, requirements }: Pick<Spec, 'pythonVersion' | 'requirements'>,
  table: AcceleratorTable,
): CogplanError {
  const available = error.data?.available;
  if (error.code !== 'COGPLAN_PYTHON_UNAVAILABLE' || !Array.isArray(available)) return error;
  const pins = requirements.requirements.flatMap(({ text }) => pythonsOf(text, table));
  const { value, where } = pythonVersion;
  const minors = [...new Set(available.map((version) => minorOf(String(version))))];
  const fitting = minors.filter((minor) => pins.every(({ pythons }) => pythons.includes(minor)));
  const away = (minor: string): number => Math.abs(Number(minor.split('.')[1]) - Number(value.split('.')[1] ?? 0));
  const nearest = [...fitting].sort((a, b) => away(a) - away(b) || compareNumbers(b, a)).slice(0, MOST_FIXES);
  const fixes: readonly Fix[] =
    where.line === undefined
      ? []
      : nearest.map((minor) => ({
          text: `python_version: "${minor}"`,
          edits: [{ file: where.file, line: where.line ?? 0, from: value, to: minor }],
        }));
  const reasons = pins.map(({ pin, pythons }) => `${pin} has wheels for Python ${pythons.join(', ')}.`);
  return new CogplanError(error.code, error.message, {
    subject: error.subject,
    where: error.where,
    hint: [error.hint ?? '', ...reasons].join(' ').trim(),
    data: { ...error.data, ...(fixes.length === 0 ? {} : { fixes }) },
    cause: error,
  });
}

/** The Pythons that an exact pin has wheels for, where the table knows them. */
function pythonsOf(
  text: string,
  { torch, tensorflow, jax }: AcceleratorTable,
): readonly { readonly pin: string; readonly pythons: readonly string[] }[] {
  const found = /^[\w.-]+/.exec(text);
  const rows = { torch, tensorflow, 'tensorflow-gpu': tensorflow, 'tensorflow-cpu': tensorflow, jaxlib: jax };
  const known = rows[normalizeName(found?.[0] ?? '') as keyof typeof rows];
  if (known === undefined) return [];
  const exact = parseRequirement(text).specifiers.find(({ operator, wildcard }) => operator === '==' && !wildcard);
  const row = known.find(({ version }) => version === publicVersion(exact?.text ?? ''));
  return row === undefined || row.pythons.length === 0
    ? []
    : [{ pin: `${found?.[0]}==${row.version}`, pythons: row.pythons }];
}
