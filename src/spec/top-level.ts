import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { isMap, isScalar } from 'yaml';
import { compareBytes } from '../canonical.ts';
import { CogplanError } from '../errors.ts';
import { oneFix } from './edit-spec.ts';
import { note, type Reading, readMapping, readString, readStrings, sourceOf, wrongType } from './fields.ts';
import { repairList } from './list-repairs.ts';
import { exists, locateProjectFile } from './project-file.ts';
import type { Located, PythonTarget, Spec } from './spec.ts';
import type { YamlField } from './yaml-source.ts';

/** Reads `run`, `predict` or `train`: a Python file of the project and a name in it. */
export async function readTarget(
  reading: Reading,
  field: YamlField | undefined,
  example: string,
): Promise<PythonTarget | undefined> {
  if (field !== undefined && !isScalar(field.node)) {
    reading.problems.add(wrongType(field, `a string such as "${example}"`, `Write ${field.name}: "${example}".`));
    return undefined;
  }
  const text = readString(reading, field);
  if (text === undefined || field === undefined) return undefined;
  const [, file, name] = /^([^:]+\.py):([\p{ID_Start}_][\p{ID_Continue}]*)$/u.exec(text.value) ?? [];
  if (file === undefined || name === undefined) {
    const meant = asTarget(text.value) ?? (await onlyClass(reading.directory, text.value));
    reading.problems.add(
      new CogplanError('COGPLAN_SPEC_VALUE', `${field.name} "${text.value}" does not name a file and a class`, {
        where: text.where,
        hint: `Write it in the form "${meant ?? example}".`,
        ...(meant === undefined ? {} : { data: oneFix(text.where, sourceOf(field), `"${meant}"`) }),
      }),
    );
    return undefined;
  }
  const path = await reading.problems.attemptAsync(() =>
    locateProjectFile(reading.directory, file, {
      code: 'COGPLAN_SPEC_FILE_MISSING',
      where: text.where,
      hint: `Create the file, or correct "${field.name}".`,
    }).catch(async (error: unknown) => {
      const elsewhere = await sameName(reading.directory, file);
      if (!(error instanceof CogplanError) || elsewhere === undefined) throw error;
      const { code, message, subject, where } = error;
      const hint = `There is ${elsewhere}: write "${elsewhere}:${name}".`;
      throw new CogplanError(code, message, { subject, where, hint, data: oneFix(text.where, file, elsewhere) });
    }),
  );
  return path === undefined ? undefined : { file: path, name, where: text.where };
}

/** `predict.py` with the one class in it that can be meant. */
async function onlyClass(directory: string, text: string): Promise<string | undefined> {
  if (!/^[\w./-]+\.py$/.test(text) || text.includes('..') || text.startsWith('/')) return undefined;
  const source = await readFile(join(directory, text), 'utf8').catch(() => '');
  const classes = [...source.slice(0, 1024 * 1024).matchAll(/^class\s+([A-Za-z_]\w*)\s*(?:\(([^)]*)\))?\s*:/gm)];
  const models = classes.filter(([, , bases = '']) => /\b(?:BasePredictor|BaseRunner)\b/.test(bases));
  const [only, ...others] = models.length > 0 ? models : classes;
  return only === undefined || others.length > 0 ? undefined : `${text}:${only[1]}`;
}

/** The file of that name where people keep it otherwise. */
async function sameName(directory: string, file: string): Promise<string | undefined> {
  const name = posix.basename(file);
  for (const folder of ['', 'src/', 'cog/', 'app/']) {
    const path = `${folder}${name}`;
    if (path !== file && (await exists(join(directory, path)))) return path;
  }
  return undefined;
}

// `package.module.Class` and `module:Class` are how other tools write it.
function asTarget(written: string): string | undefined {
  const text = written.replace(/\s+/g, '').replace(/^[\u2018\u2019\u201c\u201d]+|[\u2018\u2019\u201c\u201d]+$/g, '');
  const [, module, name] = /^([\w./-]+?)(?:\.py)?[.:]{1,2}([A-Za-z_]\w*)$/.exec(text) ?? [];
  if (module === undefined || name === undefined || name === 'py') return undefined;
  return `${module.replaceAll('.', '/')}.py:${name}`;
}

export function readConcurrency(
  reading: Reading,
  field: YamlField | undefined,
  pythonVersion: string | undefined,
): Spec['concurrency'] {
  if (field === undefined) return undefined;
  if (!isMap(field.node)) {
    reading.problems.add(wrongType(field, 'a mapping', 'Write "max:" and a number below it.'));
    return undefined;
  }
  const text = '"concurrency" is deprecated in favour of @cog.concurrent(max=N) on the method.';
  note(reading, field, 'COGPLAN_KEY_DEPRECATED', text, 'info');
  const fields = readMapping(reading, field, {
    what: '"concurrency"',
    keys: new Set(['max', 'default_target']),
    elsewhere: {},
  });
  const max = fields.get('max');
  const value = max !== undefined && isScalar(max.node) ? max.node.value : undefined;
  const problem = (message: string, hint: string): undefined => {
    reading.problems.add(
      new CogplanError('COGPLAN_SPEC_VALUE', message, { where: max?.where ?? field.keyWhere, hint }),
    );
    return undefined;
  };
  if (max === undefined) return problem('concurrency.max is required', 'Write a whole number of at least 1.');
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) {
    return problem('concurrency.max must be a whole number of at least 1', 'Write for example "max: 4".');
  }
  if (value > 1 && pythonVersion !== undefined && Number(pythonVersion.split('.')[1]) < 11) {
    return problem(`concurrency needs Python 3.11 or higher, not ${pythonVersion}`, 'Raise build.python_version.');
  }
  return { max: value, where: max.where };
}

const RESERVED: ReadonlySet<string> = new Set([
  'PATH',
  'LD_LIBRARY_PATH',
  'PYTHONPATH',
  'VIRTUAL_ENV',
  'PYTHONUNBUFFERED',
  'LIBRARY_PATH',
  'HF_ENDPOINT',
  'HF_HUB_ENABLE_HF_TRANSFER',
]);
const RESERVED_PREFIXES = ['R8_', 'REPLICATE_', 'CUDA_', 'NVIDIA_', 'NV_', 'PGET_', 'KUBERNETES_'];

/** `NAME=value` items, sorted by name. */
export function readEnvironment(reading: Reading, field: YamlField | undefined): Spec['environment'] {
  if (field !== undefined && isMap(field.node)) {
    const fix = repairList(reading.source, field)?.fix;
    const data = fix === undefined ? undefined : { fixes: [fix] };
    reading.problems.add(wrongType(field, 'a list', 'Write each variable as an item: - NAME=value.', data));
    return [];
  }
  const variables = new Map<string, Spec['environment'][number]>();
  for (const item of readStrings(reading, field)) {
    const equals = item.value.indexOf('=');
    const name = equals === -1 ? '' : item.value.slice(0, equals);
    const value = item.value.slice(equals + 1);
    const reason = refusal(name, value, variables);
    if (reason === undefined) {
      variables.set(name, { name, value, where: item.where });
      continue;
    }
    reading.problems.add(
      new CogplanError('COGPLAN_SPEC_VALUE', `environment "${name === '' ? item.value : name}" ${reason.problem}`, {
        subject: name,
        where: item.where,
        hint: reason.hint,
        ...(spaced(item.value) === undefined ? {} : { data: oneFix(item.where, item.value, spaced(item.value) ?? '') }),
      }),
    );
  }
  return [...variables.values()].sort((a, b) => compareBytes(a.name, b.name));
}

/** `A=b` for `A = b`. */
function spaced(text: string): string | undefined {
  const [, name, value] = /^([A-Za-z_]\w*)\s*=\s*(\S.*)$/.exec(text) ?? [];
  return name === undefined || `${name}=${value}` === text ? undefined : `${name}=${value}`;
}

function refusal(
  name: string,
  value: string,
  seen: ReadonlyMap<string, unknown>,
): { readonly problem: string; readonly hint: string } | undefined {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return { problem: 'is not in the NAME=value format', hint: 'Write for example "- LOG_LEVEL=debug".' };
  }
  if (seen.has(name)) return { problem: 'is already defined', hint: 'Keep one of the two.' };
  if (RESERVED.has(name) || RESERVED_PREFIXES.some((prefix) => name.startsWith(prefix))) {
    return {
      problem: 'is not allowed: reserved for internal use',
      hint: 'Choose another name, or set it in the code.',
    };
  }
  if (/[\n\0]/.test(value))
    return { problem: 'has a value of more than one line', hint: 'Write the value on one line.' };
  return undefined;
}

/** `image` and `model`: the names under which the result is stored and pushed. */
export function readImageNames(
  reading: Reading,
  fields: ReadonlyMap<string, YamlField>,
): { readonly image?: Located<string>; readonly model?: Located<string> } {
  const image = readString(reading, fields.get('image'));
  const model = readString(reading, fields.get('model'));
  const other =
    model ?? (fields.has('weights') ? { value: 'weights', where: fields.get('weights')?.keyWhere } : undefined);
  if (image !== undefined && other !== undefined) {
    const name = model === undefined ? 'weights' : 'model';
    reading.problems.add(
      new CogplanError('COGPLAN_SPEC_CONFLICT', `${name} and image cannot both be set`, {
        where: image.where,
        hint: 'Keep "model" with the bare repository.',
      }),
    );
  }
  if (model !== undefined && !REPOSITORY.test(model.value)) {
    reading.problems.add(
      new CogplanError('COGPLAN_SPEC_VALUE', `model "${model.value}" must be a bare repository`, {
        where: model.where,
        hint: 'Leave out tag and digest, and use lower case: "registry.example.com/owner/name".',
      }),
    );
  }
  const field = fields.get('image');
  // Only a push needs it.
  if (image !== undefined && field !== undefined && !REFERENCE.test(image.value)) {
    const text = `image "${image.value}" is no name of an image: lower case, digits, "-", "_", "." and "/" make one.`;
    note(reading, field, 'COGPLAN_IMAGE_NAME', text);
  }
  return { ...(image === undefined ? {} : { image }), ...(model === undefined ? {} : { model }) };
}

// https://github.com/distribution/reference: an optional host with port, then lower-case path components.
const REPOSITORY =
  /^(?:(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+(?=:[0-9]))(?::[0-9]+)?\/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;

/** The same, with a tag or a digest if there is one. */
const REFERENCE = new RegExp(`${REPOSITORY.source.slice(0, -1)}(?::[\\w][\\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`);
