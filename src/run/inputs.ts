import { type FileHandle, open } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import mime from 'mime';
import type { Json } from '../canonical.ts';
import { CogplanError } from '../errors.ts';
import { alternatives, type ModelSchema, namedSchema } from './model-schema.ts';

/** Base64 of more than this would not fit into one JavaScript string. */
const MAX_FILE = 350 * 1024 * 1024;

/**
 * Turns `name=value` words into a prediction's input, typed by the model's schema: numbers, `true` and `false`, lists (a JSON list, or the name
 * repeated), objects as JSON, text as it is or in double quotes; `name=@path` sends a file as a data URI. Unknown, missing and
 * mistyped inputs fail with COGPLAN_PREDICTION_INPUT before the model runs. `component` is the schema's name: `TrainingInput` for a training.
 */
export async function readInputs(
  words: readonly string[],
  openapi: Json,
  component = 'Input',
): Promise<Readonly<Record<string, Json>>> {
  const given = groupByName(words);
  const schema = namedSchema(openapi, component) ?? {};
  const known = Object.keys(schema.properties ?? {});
  for (const name of given.keys()) {
    if (!known.includes(name)) {
      const valid = known.length === 0 ? 'the model takes none' : `valid inputs are: ${known.join(', ')}`;
      throw inputError(name, `unknown input "${name}"; ${valid}`);
    }
  }
  const missing = (schema.required ?? []).filter((name) => !given.has(name));
  if (missing.length > 0) {
    throw inputError(missing[0] ?? '', `missing required input ${missing.map((name) => `"${name}"`).join(', ')}`);
  }
  const input: Record<string, Json> = {};
  for (const [name, values] of given) {
    const options = alternatives(openapi, schema.properties?.[name] ?? {});
    input[name] = await readInput({ name, values, options, openapi });
  }
  return input;
}

function groupByName(words: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const given = new Map<string, string[]>();
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals <= 0) throw inputError(word, `${word} is not of the form name=value`);
    const name = word.slice(0, equals);
    const values = given.get(name);
    if (values === undefined) given.set(name, [word.slice(equals + 1)]);
    else values.push(word.slice(equals + 1));
  }
  return given;
}

interface GivenInput {
  readonly name: string;
  readonly values: readonly string[];
  readonly options: readonly ModelSchema[];
  readonly openapi: Json;
}

async function readInput({ name, values, options, openapi }: GivenInput): Promise<Json> {
  const list = options.find((option) => option.type === 'array');
  const [first] = values;
  if (values.length === 1 && first !== undefined) {
    const whole = await readValue(name, first, options);
    if (whole !== undefined) return whole;
  }
  if (list !== undefined) {
    const items = alternatives(openapi, list.items ?? {});
    return Promise.all(values.map((value) => readItem({ name, values: [value], options: items, openapi })));
  }
  if (values.length > 1) throw inputError(name, `input "${name}" is given ${values.length} times, and is no list`);
  throw inputError(name, `invalid input "${name}": ${expected(options)}, not ${JSON.stringify(first)}`);
}

async function readItem(item: GivenInput): Promise<Json> {
  const value = await readValue(item.name, item.values[0] ?? '', item.options);
  if (value !== undefined) return value;
  throw inputError(
    item.name,
    `invalid input "${item.name}": ${expected(item.options)}, not ${JSON.stringify(item.values[0])}`,
  );
}

/** The first reading of a word that a schema allows; text comes last. Undefined when there is none. */
async function readValue(name: string, text: string, options: readonly ModelSchema[]): Promise<Json | undefined> {
  if (text.startsWith('@') && text.length > 1) {
    const uri = await dataUri(name, text.slice(1));
    return options.some((option) => option.type === 'array') && !options.some(isText) ? [uri] : uri;
  }
  for (const kind of ['boolean', 'integer', 'number', 'array', 'object', 'string', undefined]) {
    for (const option of options) {
      if (option.type !== kind) continue;
      const value = await readAs(name, text, option);
      if (value !== undefined) return checkChoice(name, value, option);
    }
  }
  return undefined;
}

function isText(option: ModelSchema): boolean {
  return option.type === 'string' || option.type === undefined;
}

async function readAs(name: string, text: string, { type }: ModelSchema): Promise<Json | undefined> {
  switch (type) {
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : undefined;
    case 'integer':
      return /^[+-]?\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
    case 'number':
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
    case 'array': {
      const value = parse(text);
      return Array.isArray(value) ? Promise.all(value.map((item: Json) => withFiles(name, item))) : undefined;
    }
    case 'object': {
      const value = parse(text);
      return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
    }
    default:
      return /^".*"$/s.test(text) && text.length > 1 ? text.slice(1, -1) : text;
  }
}

async function withFiles(name: string, item: Json): Promise<Json> {
  return typeof item === 'string' && item.startsWith('@') && item.length > 1 ? dataUri(name, item.slice(1)) : item;
}

function checkChoice(name: string, value: Json, option: ModelSchema): Json {
  if (option.enum === undefined || option.enum.includes(value)) return value;
  const choices = option.enum.map((choice) => JSON.stringify(choice)).join(', ');
  throw inputError(name, `invalid input "${name}": must be one of ${choices}, not ${JSON.stringify(value)}`);
}

async function dataUri(name: string, path: string): Promise<string> {
  const file = path.startsWith('~/') ? join(homedir(), path.slice(2)) : path;
  const content = await readBounded(name, file);
  return `data:${mime.getType(file) ?? 'application/octet-stream'};base64,${content.toString('base64')}`;
}

/** A file's content, or what a pipe holds; a device may never end, and what is too long is not read to its end. */
async function readBounded(name: string, file: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  let handle: FileHandle | undefined;
  try {
    handle = await open(file);
    const stat = await handle.stat();
    if (stat.isDirectory()) throw inputError(name, `${file} of input "${name}" is a directory, not a file`);
    if (stat.isBlockDevice() || stat.isCharacterDevice())
      throw inputError(name, `${file} of input "${name}" is a device, not a file`);
    for await (const chunk of handle.createReadStream({ autoClose: false, end: MAX_FILE })) {
      chunks.push(chunk);
      size += chunk.length;
    }
  } catch (error) {
    if (error instanceof CogplanError) throw error;
    throw inputError(name, `the file ${file} of input "${name}" cannot be read`, error);
  } finally {
    await handle?.close();
  }
  if (size > MAX_FILE) throw inputError(name, `the file ${file} of input "${name}" has more than ${MAX_FILE} bytes`);
  return Buffer.concat(chunks);
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function expected(options: readonly ModelSchema[]): string {
  const kinds = [...new Set(options.map((option) => option.type).filter((type) => type !== 'null'))];
  return `must be ${kinds.map(String).join(' or ')}`;
}

function inputError(name: string, message: string, cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_PREDICTION_INPUT', message, {
    subject: name,
    hint: 'Inputs are given as -i name=value, files as -i name=@path.',
    cause,
  });
}
