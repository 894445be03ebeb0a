import { isMap, isScalar, isSeq } from 'yaml';
import { CogplanError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { type Fix, oneFix } from './edit-spec.ts';
import { type ListRepair, repairItem, repairList } from './list-repairs.ts';
import { moveIntoBuild, moveOutOfBuild } from './misplaced-keys.ts';
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
  /** Those of them that can be moved as they are, to `build` or out of it. */
  readonly movable?: { readonly keys: ReadonlySet<string>; readonly to: 'build' | 'top' };
  /** Names that people use for one of the keys. */
  readonly synonyms?: Readonly<Record<string, string>>;
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
    reading.problems.add(unknownKey(reading, field, known));
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
    const hint = 'Write a value, or remove the key.';
    reading.problems.add(
      new CogplanError('COGPLAN_SPEC_VALUE', `${keyOf(value)} is empty`, { where: value.where, hint }),
    );
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
  let meant: string | undefined;
  if (isScalar(value.node)) {
    const content = value.node.value;
    if (typeof content === 'boolean') return content;
    const word = String(content).toLowerCase();
    meant = TRUE_WORDS.has(word) || word === '1' ? 'true' : FALSE_WORDS.has(word) || word === '0' ? 'false' : undefined;
    const plain = value.node.type === 'PLAIN' && typeof content === 'string' ? content.toLowerCase() : '';
    if (TRUE_WORDS.has(plain)) return true;
    if (FALSE_WORDS.has(plain)) return false;
  }
  const fix = meant === undefined ? undefined : oneFix(value.where, sourceOf(value), meant);
  reading.problems.add(wrongType(value, 'true or false', 'Write true or false, without quotes.', fix));
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
  const repair = repairList(reading.source, value);
  const single = isScalar(value.node) ? String(value.node.value) : undefined;
  const hint =
    repair !== undefined && /^[-\u2013\u2014]/.test(single ?? '')
      ? `Write a hyphen and a space before each item: ${asItems(repair)}`
      : repair === undefined
        ? 'Start each item on a line of its own with "- ".'
        : repair.items.length === 1
          ? `Write it as a list: ${lastKey(value)}: [${JSON.stringify(repair.items[0])}]`
          : `Write each item on a line of its own below the key: ${asItems(repair)}`;
  reading.problems.add(wrongType(value, 'a list', hint, fixOf(repair)));
  return [];
}

/** An item that is nothing but its dash goes with its line. */
export function removedItem(
  { source }: Reading,
  { where }: YamlValue,
): { readonly data?: { readonly fixes: readonly Fix[] } } {
  const line = where.line ?? 0;
  // An empty node stands where the next thing begins, which may be a line further down.
  const at = [line, line - 1].find((number) => /^\s*-\s*(?:#.*)?$/.test(source.lines[number - 1] ?? ''));
  if (at === undefined) return {};
  const edit = { file: where.file, line: at, lines: [source.lines[at - 1] ?? ''], become: [] };
  return { data: { fixes: [{ text: `remove line ${at}`, edits: [edit] }] } };
}

function asItems({ items }: ListRepair): string {
  return `${items
    .slice(0, 10)
    .map((item) => `- ${item}`)
    .join(', ')}${items.length > 10 ? ', …' : ''}`;
}

function fixOf(repair: ListRepair | undefined): { readonly fixes: readonly Fix[] } | undefined {
  return repair?.fix === undefined ? undefined : { fixes: [repair.fix] };
}

export function readStrings(reading: Reading, value: YamlValue | undefined): readonly Located<string>[] {
  return readList(reading, value).flatMap((item) => {
    if (isNull(item)) {
      reading.problems.add(
        new CogplanError('COGPLAN_SPEC_VALUE', `${keyOf(item)} is empty`, {
          where: item.where,
          hint: 'Remove the item.',
          ...removedItem(reading, item),
        }),
      );
      return [];
    }
    if (isScalar(item.node)) return readString(reading, item) ?? [];
    const repair = repairItem(reading.source, item);
    const hint = repair === undefined ? 'Write one value in quotes.' : `Write ${asItems(repair)}`;
    reading.problems.add(wrongType(item, 'a string', hint, fixOf(repair)));
    return [];
  });
}

export interface InvalidValue {
  readonly message: string;
  readonly hint: string;
  /** The value as it is written, and what was meant, most likely. */
  readonly meant?: { readonly written: string; readonly instead: string } | undefined;
}

export function invalidValue(reading: Reading, value: Located<string>, { message, hint, meant }: InvalidValue): void {
  const subject = value.value.slice(0, 200);
  reading.problems.add(
    new CogplanError('COGPLAN_SPEC_VALUE', message, {
      subject,
      where: value.where,
      hint: meant === undefined ? hint : `If ${meant.instead} is meant, write "${meant.instead}".`,
      ...(meant === undefined ? {} : { data: oneFix(value.where, meant.written, `"${meant.instead}"`) }),
    }),
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

export function wrongType(
  value: YamlValue,
  wanted: string,
  hint: string,
  data: Readonly<Record<string, unknown>> | undefined = undefined,
): CogplanError {
  return new CogplanError('COGPLAN_SPEC_TYPE', `${keyOf(value)} must be ${wanted}, not ${typeName(value)}`, {
    where: value.where,
    hint,
    ...(data === undefined ? {} : { data }),
  });
}

/** A scalar as it is written, quotes and all. */
export function sourceOf({ node }: YamlValue): string {
  if (!isScalar(node)) return '';
  const text = node.source ?? String(node.value);
  return node.type === 'QUOTE_DOUBLE' ? `"${text}"` : node.type === 'QUOTE_SINGLE' ? `'${text}'` : text;
}

export function keyOf(value: YamlValue): string {
  return value.where.key ?? value.where.file;
}

function lastKey(value: YamlValue): string {
  return keyOf(value).split('.').at(-1) ?? '';
}

function unknownKey(reading: Reading, field: YamlField, known: KnownKeys): CogplanError {
  const { elsewhere: elsewhereOf, synonyms = {}, movable } = known;
  const elsewhere = Object.hasOwn(elsewhereOf, field.name) ? elsewhereOf[field.name] : undefined;
  const plain = snakeCase(field.name);
  const synonym = known.keys.has(plain) ? plain : Object.hasOwn(synonyms, plain) ? synonyms[plain] : undefined;
  const suggestion = elsewhere ?? synonym ?? nearest(field.name, known.keys);
  const anchor = field.node?.anchor;
  const hint =
    elsewhere !== undefined
      ? `${elsewhere}.`
      : anchor !== undefined
        ? `Cog takes no keys of one's own: put &${anchor} on the first value that uses it, and remove the key.`
        : suggestion !== undefined
          ? `Did you mean ${suggestion}?`
          : `Remove it, or rename it. Known keys: ${[...known.keys].join(', ')}.`;
  const move = movable?.keys.has(field.name) !== true ? undefined : movable.to;
  const fix =
    move === 'build'
      ? moveIntoBuild(reading.source, field)
      : move === 'top'
        ? moveOutOfBuild(reading.source, field)
        : undefined;
  return new CogplanError('COGPLAN_SPEC_UNKNOWN_KEY', `unknown key "${field.name}" in ${known.what}`, {
    subject: field.name,
    where: field.keyWhere,
    hint,
    ...(fix !== undefined
      ? { data: { fixes: [fix] } }
      : elsewhere !== undefined || suggestion === undefined || anchor !== undefined
        ? predictorFix(field)
        : { data: oneFix(field.keyWhere, field.name, suggestion) }),
  });
}

/** `python_version` for `pythonVersion` and `python-version`. */
function snakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[-.\s]+/g, '_')
    .toLowerCase();
}

/** `predictor: predict.Predictor` can only mean one thing. */
function predictorFix({ name, node, where, keyWhere }: YamlField): {
  readonly data?: { readonly fixes: readonly Fix[] };
} {
  const value = isScalar(node) ? node.value : undefined;
  const [file, line, valueLine] = [keyWhere.file, keyWhere.line, where.line];
  const isKey = name === 'predictor' && keyWhere.key === name && line !== undefined && valueLine !== undefined;
  if (!isKey || typeof value !== 'string') return {};
  const [, module = '', className = ''] = /^([A-Za-z_]\w*)(?:\.py:|\.|:)([A-Za-z_]\w*)$/.exec(value) ?? [];
  if (className === '' || className === 'py') return {};
  const to = `${module}.py:${className}`;
  const edits = [
    { file, line, from: name, to: 'run' },
    { file, line: valueLine, from: value, to },
  ];
  return { data: { fixes: [{ text: `write run: ${to}`, edits }] } };
}

function typeName(value: YamlValue): string {
  if (isMap(value.node)) return 'a mapping';
  if (isSeq(value.node)) return 'a list';
  if (!isScalar(value.node) || value.node.value === null) return 'empty';
  return (
    { string: 'a string', number: 'a number', boolean: 'true or false' }[typeof value.node.value as string] ?? 'that'
  );
}
