import { writeFile } from 'node:fs/promises';
import { parse } from 'node:path';
import mime from 'mime';
import type { Json } from '../canonical.ts';
import { CogplanError, printable } from '../errors.ts';
import { alternatives, type ModelSchema, namedSchema } from './model-schema.ts';

export interface OutputTarget {
  /** File to write to in place of `output.EXT` or of `print`. */
  readonly path: string | undefined;
  print(text: string): void;
  /** The schema's name, if it is not `Output`. */
  readonly component?: string | undefined;
}

// The extensions that people expect, where the registry's first one is another.
const EXTENSIONS: Readonly<Record<string, string>> = { 'audio/mpeg': 'mp3', 'video/quicktime': 'mov' };

/**
 * Hands a prediction's output over as Cog does: files (data URIs where the schema says so) are written to `output.EXT`, lists of files to
 * `output.N.EXT`, text is printed as it is, and everything else as JSON. Returns the files written. Printed text is free of control characters.
 */
export async function writeOutput(output: Json, openapi: Json, target: OutputTarget): Promise<readonly string[]> {
  const schema = namedSchema(openapi, target.component ?? 'Output') ?? {};
  const options = alternatives(openapi, schema);
  const items = options
    .filter((option) => option.type === 'array')
    .flatMap((option) => alternatives(openapi, option.items ?? {}));
  const fields = filesOfFields(output, openapi, options);
  if (target.component === 'TrainingOutput' && fields !== undefined) return writeFields(fields, target);
  if (typeof output === 'string' && options.some(isFile)) {
    return writeFiles([output], ([name]) => `${name}`, target);
  }
  if (Array.isArray(output) && items.some(isFile) && output.every((item) => typeof item === 'string')) {
    return writeFiles(output as readonly string[], ([name], index) => `${name}.${index}`, target);
  }
  const joined = Array.isArray(output) && options.some((option) => option['x-cog-array-display'] === 'concatenate');
  return writeText(joined ? output.join('') : textOf(output), target);
}

/** The files among the fields of an object, such as the `weights` of a training; undefined if it has none. */
function filesOfFields(
  output: Json,
  openapi: Json,
  options: readonly ModelSchema[],
): ReadonlyMap<string, string> | undefined {
  if (typeof output !== 'object' || output === null || Array.isArray(output)) return undefined;
  const files = new Map<string, string>();
  for (const [name, value] of Object.entries(output)) {
    const field = options.flatMap(({ properties }) => properties?.[name] ?? [])[0];
    if (field === undefined || typeof value !== 'string') continue;
    if (alternatives(openapi, field).some(isFile)) files.set(name, value);
  }
  return files.size === 0 ? undefined : files;
}

/** One file goes to the path itself; of several each has its field's name in its own. */
async function writeFields(fields: ReadonlyMap<string, string>, target: OutputTarget): Promise<readonly string[]> {
  if (fields.size === 1) return writeFiles([...fields.values()], ([name]) => name, target);
  const names = [...fields.keys()];
  return writeFiles([...fields.values()], ([name], index) => `${name}.${names[index]}`, target);
}

function isFile(schema: ModelSchema): boolean {
  return schema.type === 'string' && schema.format === 'uri';
}

function textOf(output: Json): string {
  if (output === null) return 'No output generated';
  return typeof output === 'string' ? output : JSON.stringify(output, null, 2);
}

async function writeText(text: string, { path, print }: OutputTarget): Promise<readonly string[]> {
  if (path === undefined) {
    print(printable(text));
    return [];
  }
  await write(path, text);
  return [path];
}

async function writeFiles(
  uris: readonly string[],
  stem: (name: readonly [string], index: number) => string,
  { path, print }: OutputTarget,
): Promise<readonly string[]> {
  const files: string[] = [];
  for (const [index, uri] of uris.entries()) {
    const data = decodeDataUri(uri);
    if (data === undefined) {
      print(printable(uri));
      continue;
    }
    const wanted = parse(path ?? `output.${data.extension}`);
    const name = `${stem([wanted.name], index)}${wanted.ext}`;
    const file = wanted.dir === '' ? name : `${wanted.dir === '/' ? '' : wanted.dir}/${name}`;
    await write(file, data.content);
    files.push(file);
    print(`Written output to: ${file}`);
  }
  return files;
}

/** Undefined for any other kind of URI, such as the address of an upload. */
function decodeDataUri(uri: string): { readonly content: Buffer; readonly extension: string } | undefined {
  const match = /^data:([^;,]*)((?:;[^;,]*)*),/s.exec(uri);
  if (match === null) return undefined;
  const [head, type = '', parameters = ''] = match;
  const body = uri.slice(head.length);
  const content = parameters.endsWith(';base64')
    ? Buffer.from(body, 'base64')
    : Buffer.from(decodeURIComponent(body), 'utf8');
  return { content, extension: EXTENSIONS[type] ?? mime.getExtension(type) ?? 'bin' };
}

async function write(file: string, content: string | Buffer): Promise<void> {
  try {
    await writeFile(file, content);
  } catch (error) {
    throw new CogplanError('COGPLAN_OUTPUT_FILE', `the output cannot be written to ${file}`, {
      subject: file,
      hint: 'Name another file with -o.',
      cause: error,
    });
  }
}
