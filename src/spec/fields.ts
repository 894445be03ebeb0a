import { isMap, isScalar, isSeq } from 'yaml';
import { CogplanError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { oneFix } from './edit-spec.ts';
import type { Problems } from './problems.ts';
import type { Located, Notice } from './spec.ts';
import type { YamlField, YamlSource, YamlValue } from './yaml-source.ts';

/** What every part of the reader shares. */
export interface Reading {
  readonly directory: string;
  readonly source: YamlSource;
  readonly problems: Problems;
  readonly notices: Notice[];
}

/** The keys a mapping may have. */
export interface KnownKeys {
  /** The mapping, for messages. */
  readonly what: string;
  readonly keys: ReadonlySet<string>;
  /** What to do with keys that belong elsewhere. */
  readonly elsewhere: Readonly<Record<string, string>>;
}

/** The fields of a mapping by name; unknown keys are reported with the nearest known one, null values count as absent. */
export function readMapping(reading: Reading, value: YamlValue, known: KnownKeys): ReadonlyMap<string, YamlField> {
  const fields = reading.problems.attempt(() => reading.source.fields(value));
  return fields === undefined ? new Map() : knownFields(reading, fields, known);
}

/** `readMapping` for fields that were taken out of their mapping already. */
export function knownFields(
  reading: Reading,
  fields: readonly YamlField[],
  known: KnownKeys,
): ReadonlyMap<string, YamlField> {
  for (const field of fields) {
    if (known.keys.has(field.name)) continue;
    reading.problems.add(unknownKey(field, known));
  }
  return new Map(
    fields.filter((field) => known.keys.has(field.name) && !isNull(field)).map((field) => [field.name, field]),
  );
}

export function isNull(value: YamlValue): boolean {
  return value.node === null || (isScalar(value.node) && value.node.value === null);
}

/** A string; any other type is reported. Surrounding white space is cut. */
export function readString(reading: Reading, value: YamlValue | undefined): Located<string> | undefined {
  if (value === undefined) return undefined;
  if (isScalar(value.node) && typeof value.node.value === 'string') {
    const text = value.node.value.trim();
    if (text !== '') return { value: text, where: value.where };
    reading.problems.add(new CogplanError('COGPLAN_SPEC_VALUE', `${keyOf(value)} is empty`, { where: value.where }));
    return undefined;
  }
  reading.problems.add(wrongType(value, 'a string', 'Write one value in quotes.'));
  return undefined;
}

// Cog decodes booleans by YAML 1.1, where these words are booleans too.
const TRUE_WORDS: ReadonlySet<string> = new Set(['yes', 'on', 'y', 'true']);
const FALSE_WORDS: ReadonlySet<string> = new Set(['no', 'off', 'n', 'false']);

export function readBoolean(reading: Reading, value: YamlValue | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  if (isScalar(value.node)) {
    const content = value.node.value;
    if (typeof content === 'boolean') return content;
    const plain = value.node.type === 'PLAIN' && typeof content === 'string' ? content.toLowerCase() : '';
    if (TRUE_WORDS.has(plain)) return true;
    if (FALSE_WORDS.has(plain)) return false;
  }
  reading.problems.add(wrongType(value, 'true or false', 'Write true or false, without quotes.'));
  return undefined;
}

/**
 * A version. YAML reads an unquoted 3.11 as a number: its text is taken as written, with a notice, unless the number has lost
 * something (3.10 is 3.1), which is an error.
 */
export function readVersionText(reading: Reading, value: YamlValue | undefined): Located<string> | undefined {
  if (value === undefined) return undefined;
  if (!isScalar(value.node) || typeof value.node.value !== 'number') return readString(reading, value);
  const written = value.node.source ?? String(value.node.value);
  const hint = `Quote it: ${lastKey(value)}: "${written}"`;
  if (String(value.node.value) !== written) {
    reading.problems.add(
      new CogplanError(
        'COGPLAN_SPEC_TYPE',
        `${keyOf(value)} is a number, and YAML reads ${written} as ${value.node.value}`,
        {
          where: value.where,
          hint,
          data: oneFix(value.where, written, `"${written}"`),
        },
      ),
    );
    return undefined;
  }
  reading.notices.push({
    level: 'info',
    code: 'COGPLAN_UNQUOTED_VERSION',
    text: `${keyOf(value)} is an unquoted number, taken as "${written}". ${hint}`,
    where: value.where,
  });
  return { value: written, where: value.where };
}

/** Items of a list; null is the empty list, a plain value is reported with its repair. */
export function readList(reading: Reading, value: YamlValue | undefined): readonly YamlValue[] {
  if (value === undefined || isNull(value)) return [];
  const items = reading.source.items(value);
  if (items !== undefined) return items;
  const single = isScalar(value.node) ? String(value.node.value) : undefined;
  const hint =
    single === undefined || single.includes('\n')
      ? 'Start each item on a line of its own with "- ".'
      : `Write it as a list: ${lastKey(value)}: [${JSON.stringify(single)}]`;
  reading.problems.add(wrongType(value, 'a list', hint));
  return [];
}

export function readStrings(reading: Reading, value: YamlValue | undefined): readonly Located<string>[] {
  return readList(reading, value).flatMap((item) => {
    if (isNull(item)) {
      reading.problems.add(
        new CogplanError('COGPLAN_SPEC_VALUE', `${keyOf(item)} is empty`, {
          where: item.where,
          hint: 'Remove the item.',
        }),
      );
      return [];
    }
    return readString(reading, item) ?? [];
  });
}

export function invalidValue(reading: Reading, value: Located<string>, message: string, hint: string): void {
  reading.problems.add(
    new CogplanError('COGPLAN_SPEC_VALUE', message, { subject: value.value.slice(0, 200), where: value.where, hint }),
  );
}

export function note(
  reading: Reading,
  field: YamlField,
  code: string,
  text: string,
  level: Notice['level'] = 'warn',
): void {
  reading.notices.push({ level, code, text, where: field.keyWhere });
}

export function wrongType(value: YamlValue, wanted: string, hint: string): CogplanError {
  return new CogplanError('COGPLAN_SPEC_TYPE', `${keyOf(value)} must be ${wanted}, not ${typeName(value)}`, {
    where: value.where,
    hint,
  });
}

export function keyOf(value: YamlValue): string {
  return value.where.key ?? value.where.file;
}

function lastKey(value: YamlValue): string {
  return keyOf(value).split('.').at(-1) ?? '';
}

function unknownKey(field: YamlField, known: KnownKeys): CogplanError {
  const elsewhere = Object.hasOwn(known.elsewhere, field.name) ? known.elsewhere[field.name] : undefined;
  const suggestion = elsewhere ?? nearest(field.name, known.keys);
  const hint =
    elsewhere !== undefined
      ? `${elsewhere}.`
      : suggestion !== undefined
        ? `Did you mean ${suggestion}?`
        : `Known keys: ${[...known.keys].join(', ')}.`;
  return new CogplanError('COGPLAN_SPEC_UNKNOWN_KEY', `unknown key "${field.name}" in ${known.what}`, {
    subject: field.name,
    where: field.keyWhere,
    hint,
    ...(elsewhere !== undefined || suggestion === undefined
      ? {}
      : { data: oneFix(field.keyWhere, field.name, suggestion) }),
  });
}

function typeName(value: YamlValue): string {
  if (isMap(value.node)) return 'a mapping';
  if (isSeq(value.node)) return 'a list';
  if (!isScalar(value.node) || value.node.value === null) return 'empty';
  return (
    { string: 'a string', number: 'a number', boolean: 'true or false' }[typeof value.node.value as string] ?? 'that'
  );
}
