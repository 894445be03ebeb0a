import { CogplanError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { Problems } from './problems.ts';
import type { Settings as SettingsValues } from './schema.generated.ts';
import { SETTINGS_FILE, type Settings } from './settings.ts';
import { validate } from './validate.generated.ts';
import { parseYaml, type YamlSource } from './yaml-source.ts';

/** Settings from their text. */
export function parseSettings(text: string): Settings {
  const source = parseYaml(text, SETTINGS_FILE);
  const value = source.toPlain(source.root) ?? {};
  const problems = new Problems();
  const validator: SettingsValidator = validate;
  const errors = validator(value) ? [] : (validator.errors ?? []);
  for (const error of errors) if (error.keyword !== 'propertyNames') problems.add(explain(source, error));
  problems.throwIfAny();
  return { file: SETTINGS_FILE, values: value as SettingsValues, where: (path) => source.locate(path) };
}

interface SchemaError {
  readonly instancePath: string;
  readonly keyword: string;
  readonly message?: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly data?: unknown;
  /** The name that breaks a rule for names of keys. */
  readonly propertyName?: string;
  readonly parentSchema?: { readonly description?: string; readonly properties?: Readonly<Record<string, unknown>> };
}

interface SettingsValidator {
  (value: unknown): boolean;
  readonly errors?: readonly SchemaError[] | null;
}

function explain(source: YamlSource, error: SchemaError): CogplanError {
  const path = pathOf(source, error.instancePath);
  const key = keyText(path);
  const fail = (at: readonly (string | number)[], message: string, hint: string | undefined): CogplanError =>
    new CogplanError('COGPLAN_SETTINGS_INVALID', message, { subject: keyText(at), where: source.locate(at), hint });

  switch (error.keyword) {
    case 'additionalProperties': {
      const name = String(error.params.additionalProperty);
      const known = Object.keys(error.parentSchema?.properties ?? {});
      const suggestion = nearest(name, known);
      const hint = suggestion === undefined ? `Known keys: ${known.join(', ')}.` : `Did you mean ${suggestion}?`;
      return fail([...path, name], `unknown key "${name}"${key === '' ? '' : ` in ${key}`}`, hint);
    }
    case 'required':
      return fail(path, `${keyText([...path, String(error.params.missingProperty)])} is required`, undefined);
    case 'enum': {
      const allowed = (error.params.allowedValues as readonly unknown[]).map(String);
      const suggestion = nearest(String(error.data), allowed);
      const hint = suggestion === undefined ? `Write one of: ${allowed.join(', ')}.` : `Did you mean ${suggestion}?`;
      return fail(path, `${key} is ${told(error.data)}`, hint);
    }
    case 'type':
      return fail(
        path,
        `${key === '' ? SETTINGS_FILE : key} must be ${typeNames(error.params.type)}`,
        TYPE_HINTS[String(error.params.type)],
      );
    case 'pattern':
      if (error.propertyName !== undefined) {
        const at = [...path, error.propertyName];
        return fail(
          at,
          `${told(error.propertyName)} is no host and no URL prefix`,
          'Write deb.debian.org, or https://host/path.',
        );
      }
      return fail(path, `${key} is ${told(error.data)}`, patternHint(String(error.params.pattern)));
    default:
      return fail(path, `${key} ${error.message ?? 'is wrong'}`, undefined);
  }
}

const TYPE_HINTS: Readonly<Record<string, string>> = {
  array: 'Start each item on a line of its own with "- ".',
  object: 'Write keys with their values below it, indented.',
  string: 'Write one value in quotes.',
};

const TYPE_NAMES: Readonly<Record<string, string>> = {
  array: 'a list',
  object: 'a mapping',
  integer: 'a whole number',
};

function typeNames(types: unknown): string {
  return [types]
    .flat()
    .map((type) => TYPE_NAMES[String(type)] ?? `a ${type}`)
    .join(' or ');
}

function patternHint(pattern: string): string {
  if (pattern.startsWith('^https?')) return 'Give an http or https URL; mirrors carry no user name.';
  if (pattern === '^/') return 'Give an absolute path in the image.';
  return `It must match ${pattern}.`;
}

function told(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 100);
}

// A JSON pointer (RFC 6901) writes `~1` for a slash; numbers are indexes only where the value is a list.
function pathOf(source: YamlSource, pointer: string): readonly (string | number)[] {
  const path: (string | number)[] = [];
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(source.isList(path) ? Number(name) : name);
  }
  return path;
}

function keyText(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}
