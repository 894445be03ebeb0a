import { compareBytes } from '../../../canonical.ts';
import { isList, type PyJson } from './py-json.ts';
import type { InputField, ModelSignature, OutputShape } from './signature.ts';
import type { Scalar, TypeSpec } from './type-spec.ts';

/*
 * The OpenAPI document of a model, as `cog._schema.openapi` of runtime-python gives it; its tests hold the two together.
 * Reference: https://spec.openapis.org/oas/v3.0.2
 */

type Schema = { [key: string]: PyJson | undefined };

export type ModelMode = 'predict' | 'train';

const SCALARS: Readonly<Record<Scalar, Readonly<Schema>>> = {
  any: {},
  opaque: { type: 'object' },
  string: { type: 'string' },
  integer: { type: 'integer' },
  number: { type: 'number' },
  boolean: { type: 'boolean' },
  path: { type: 'string', format: 'uri' },
  file: { type: 'string', format: 'uri' },
  secret: { type: 'string', format: 'password', writeOnly: true, 'x-cog-secret': true },
  date: { type: 'string', format: 'date' },
  datetime: { type: 'string', format: 'date-time' },
  time: { type: 'string', format: 'time' },
};

export function openapiDocument(signature: ModelSignature, mode: ModelMode, streaming: boolean): PyJson {
  const names = mode === 'train' ? TRAIN : PREDICT;
  let models: Schema = {};
  let sides: Schema = { [names.input]: inputSchema(signature.fields, names.input, models) };
  sides[names.output] = outputSchema(signature.output, names.output, models);
  const around = envelope(names);
  // The author's own model called Output is the output.
  if (models[names.output] === sides[names.output]) delete models[names.output];
  for (const name of Object.keys(models).sort(compareBytes)) {
    if (!(name in sides) && !(name in around)) continue;
    sides = renamed(sides, name) as Schema;
    const { [name]: model, ...others } = renamed(models, name) as Schema;
    models = { ...others, [`${name}_`]: model };
  }
  const components: Schema = { ...models, ...sides, ...around };
  return {
    openapi: '3.0.2',
    info: { title: 'Cog', version: '0.1.0' },
    paths: paths(names, streaming),
    components: { schemas: components },
  };
}

/** The same with references to one component turned to the name with a line behind it. */
function renamed(value: PyJson | undefined, name: string): PyJson | undefined {
  if (isList(value)) return value.map((item) => renamed(item, name) ?? null);
  if (typeof value !== 'object' || value === null) return value;
  const items = Object.entries(value).map(([key, item]) => [
    key,
    key === '$ref' && item === reference(name) ? reference(`${name}_`) : renamed(item, name),
  ]);
  return Object.fromEntries(items) as Schema;
}

interface Names {
  readonly verb: string;
  readonly noun: string;
  readonly title: string;
  readonly input: string;
  readonly output: string;
  readonly description: string;
}

const PREDICT: Names = {
  verb: 'predict',
  noun: 'prediction',
  title: 'Prediction',
  input: 'Input',
  output: 'Output',
  description: 'Run a single prediction on the model',
};
const TRAIN: Names = {
  verb: 'train',
  noun: 'training',
  title: 'Training',
  input: 'TrainingInput',
  output: 'TrainingOutput',
  description: '',
};

/** Python's `str.title()` with underscores as spaces. */
function titleOf(name: string): string {
  return name
    .replaceAll('_', ' ')
    .replace(/\p{L}+/gu, (word) => (word[0] ?? '').toUpperCase() + word.slice(1).toLowerCase());
}

function inputSchema(fields: readonly InputField[], name: string, components: Schema): Schema {
  const properties: Schema = {};
  const variadic = fields.some((field) => field.variadic);
  for (const [order, field] of fields.entries()) {
    if (field.variadic) continue;
    properties[field.name] = { ...property(field, components), 'x-order': order };
  }
  const required = fields.filter((field) => field.required).map((field) => field.name);
  return {
    properties,
    type: 'object',
    title: name,
    ...(variadic ? { additionalProperties: true } : {}),
    ...(required.length > 0 ? { required } : {}),
  };
}

function property(field: InputField, components: Schema): Schema {
  const { nullable, ...present } = field.spec;
  const spec = field.implicitlyNullable || nullable !== true ? (present as TypeSpec) : field.spec;
  const { $ref, ...schema } = schemaOf(spec, components);
  return {
    ...($ref === undefined ? { ...schema, title: titleOf(field.name) } : { allOf: [{ $ref }], ...schema }),
    ...field.keywords,
  };
}

function outputSchema({ spec, iterator }: OutputShape, name: string, components: Schema): Schema {
  const schema = schemaOf(spec, components);
  if (iterator !== undefined) {
    return {
      items: schema,
      title: name,
      type: 'array',
      'x-cog-array-type': 'iterator',
      ...(iterator === 'concatenate' ? { 'x-cog-array-display': 'concatenate' } : {}),
    };
  }
  if (schema.$ref === undefined) return { ...schema, title: name };
  return schema.$ref === reference(name) ? (components[name] as Schema) : schema;
}

function reference(name: string): string {
  return `#/components/schemas/${name}`;
}

function schemaOf(spec: TypeSpec, components: Schema): Schema {
  const schema = presentSchema(spec, components);
  return spec.nullable === true ? { ...schema, nullable: true } : schema;
}

function presentSchema(spec: TypeSpec, components: Schema): Schema {
  switch (spec.kind) {
    case 'list':
      return { type: 'array', items: schemaOf(spec.items, components) };
    case 'object': {
      if (spec.values === undefined) return { type: 'object' };
      const values = schemaOf(spec.values, components);
      return { type: 'object', additionalProperties: Object.keys(values).length === 0 ? true : values };
    }
    case 'union':
      return { anyOf: spec.members.map((member) => schemaOf(member, components)) };
    case 'enum':
      return enumSchema(spec, components);
    case 'model':
      return modelSchema(spec, components);
    default:
      return { ...SCALARS[spec.kind] };
  }
}

function enumSchema({ name, values }: TypeSpec & { readonly kind: 'enum' }, components: Schema): Schema {
  const isInteger = (value: PyJson): boolean => typeof value === 'bigint';
  const type = values.every((value) => typeof value === 'string')
    ? 'string'
    : values.every(isInteger)
      ? 'integer'
      : values.every((value) => isInteger(value) || typeof value === 'number')
        ? 'number'
        : undefined;
  const schema: Schema = { enum: values, ...(type === undefined ? {} : { type }) };
  if (name === undefined) return schema;
  components[name] = { ...schema, title: name, description: 'An enumeration.' };
  return { $ref: reference(name) };
}

function modelSchema({ name, fields }: TypeSpec & { readonly kind: 'model' }, components: Schema): Schema {
  const properties: Schema = {};
  for (const field of fields) {
    const { $ref, ...rest } = schemaOf(field.spec, components);
    const schema: Schema =
      $ref === undefined
        ? { ...rest, title: titleOf(field.name) }
        : Object.keys(rest).length > 0
          ? { allOf: [{ $ref }], ...rest }
          : { $ref };
    properties[field.name] = {
      ...schema,
      ...(field.default === undefined || field.default === null ? {} : { default: field.default }),
    };
  }
  const required = fields.filter((field) => field.required).map((field) => field.name);
  components[name] = { properties, type: 'object', title: name, ...(required.length > 0 ? { required } : {}) };
  return { $ref: reference(name) };
}

function text(title: string, extra: Schema = {}): Schema {
  return { title, type: 'string', ...extra };
}

function envelope(names: Names): Schema {
  const instant: Schema = { format: 'date-time', nullable: true };
  const training = names === TRAIN;
  return {
    [`${names.title}Request`]: {
      properties: {
        id: text('Id', { nullable: true }),
        input: { $ref: reference(names.input), nullable: true },
        context: { additionalProperties: { type: 'string' }, nullable: true, title: 'Context', type: 'object' },
        created_at: text('Created At', instant),
        output_file_prefix: text('Output File Prefix', { nullable: true }),
        webhook: text('Webhook', { format: 'uri', nullable: true, minLength: 1, maxLength: 65536 }),
        webhook_events_filter: {
          ...(training ? { title: 'Webhook Events Filter' } : {}),
          default: ['start', 'output', 'logs', 'completed'],
          items: { $ref: reference('WebhookEvent') },
          nullable: true,
          type: 'array',
        },
      },
      type: 'object',
      title: `${names.title}Request`,
    },
    [`${names.title}Response`]: {
      properties: {
        input: { $ref: reference(names.input), nullable: true },
        output: { $ref: reference(names.output), ...(training ? { nullable: true } : {}) },
        id: text('Id', { nullable: true }),
        version: text('Version', { nullable: true }),
        created_at: text('Created At', instant),
        started_at: text('Started At', instant),
        completed_at: text('Completed At', instant),
        logs: text('Logs', { default: '' }),
        error: text('Error', { nullable: true }),
        status: { $ref: reference('Status'), nullable: true },
        metrics: { additionalProperties: true, nullable: true, title: 'Metrics', type: 'object' },
      },
      type: 'object',
      title: `${names.title}Response`,
    },
    Status: {
      enum: ['starting', 'processing', 'succeeded', 'canceled', 'failed'],
      type: 'string',
      title: 'Status',
      description: 'An enumeration.',
    },
    WebhookEvent: {
      enum: ['start', 'output', 'logs', 'completed'],
      type: 'string',
      title: 'WebhookEvent',
      description: 'An enumeration.',
    },
    ValidationError: {
      properties: {
        loc: { items: { anyOf: [{ type: 'string' }, { type: 'integer' }] }, title: 'Location', type: 'array' },
        msg: text('Message'),
        type: text('Error Type'),
      },
      type: 'object',
      required: ['loc', 'msg', 'type'],
      title: 'ValidationError',
    },
    HTTPValidationError: {
      properties: { detail: { items: { $ref: reference('ValidationError') }, title: 'Detail', type: 'array' } },
      type: 'object',
      title: 'HTTPValidationError',
    },
  };
}

function paths(names: Names, streaming: boolean): Schema {
  const { noun, verb, title } = names;
  const training = names === TRAIN;
  const base = `/${noun}s`;
  const one = `${base}/{${noun}_id}`;
  const request: Schema = { $ref: reference(`${title}Request`) };
  const success: Schema = { schema: { $ref: reference(`${title}Response`) } };
  const identified: Schema = { in: 'path', name: `${noun}_id`, required: true, schema: text(`${title} ID`) };
  const create = {
    ...operation({
      summary: titleOf(verb),
      id: `${verb}_${noun}s_post`,
      success,
      parameters: [PREFER],
      description: names.description,
    }),
    requestBody: { content: { 'application/json': { schema: request } } },
    ...(streaming ? { 'x-cog-streaming': true } : {}),
  };
  const put = {
    ...operation({
      summary: `${titleOf(verb)} Idempotent`,
      id: `${verb}_idempotent_${noun}s__${noun}_id__put`,
      success,
      parameters: [identified, PREFER],
      description: names.description === '' ? '' : `${names.description} (idempotent creation).`,
    }),
    requestBody: {
      content: {
        'application/json': { schema: training ? request : { allOf: [request], title: `${title} Request` } },
      },
      required: true,
    },
  };
  const cancelId = `cancel_${training ? 'training_' : ''}${noun}s__${noun}_id__cancel_post`;
  const cancel = operation({
    summary: training ? 'Cancel Training' : 'Cancel',
    id: cancelId,
    success: { schema: { title: answerTitle(cancelId) } },
    parameters: [identified],
    description: training ? '' : 'Cancel a running prediction',
  });
  return {
    '/shutdown': { post: plainOperation('Start Shutdown', 'start_shutdown_shutdown_post') },
    '/': { get: plainOperation('Root', 'root__get') },
    '/health-check': { get: plainOperation('Healthcheck', 'healthcheck_health_check_get') },
    [base]: { post: create },
    [one]: { put },
    [`${one}/cancel`]: { post: cancel },
  };
}

const PREFER: Schema = { in: 'header', name: 'prefer', required: false, schema: text('Prefer') };

function plainOperation(summary: string, id: string): Schema {
  return {
    summary,
    operationId: id,
    responses: { '200': answer('Successful Response', { schema: { title: answerTitle(id) } }) },
  };
}

function answerTitle(id: string): string {
  return `Response ${titleOf(id)}`;
}

interface Operation {
  readonly summary: string;
  readonly id: string;
  readonly success: Schema;
  readonly parameters: readonly Schema[];
  readonly description: string;
}

function operation({ summary, id, success, parameters, description }: Operation): Schema {
  return {
    summary,
    ...(description === '' ? {} : { description }),
    operationId: id,
    parameters,
    responses: {
      '200': answer('Successful Response', success),
      '422': answer('Validation Error', { schema: { $ref: reference('HTTPValidationError') } }),
    },
  };
}

function answer(description: string, content: Schema): Schema {
  return { description, content: { 'application/json': content } };
}
