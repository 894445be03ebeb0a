import type { Json } from '../canonical.ts';

/** The part of JSON Schema that model servers use to describe inputs and outputs. */
export interface ModelSchema {
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly Json[];
  readonly items?: ModelSchema;
  readonly properties?: Readonly<Record<string, ModelSchema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly ModelSchema[];
  readonly oneOf?: readonly ModelSchema[];
  readonly allOf?: readonly ModelSchema[];
  readonly $ref?: string;
  readonly 'x-cog-array-display'?: string;
}

const REF = /^#\/components\/schemas\/([^/]+)$/;
const MAX_DEPTH = 16;

/** A named schema of an OpenAPI document, with references resolved at its top; undefined when there is none. */
export function namedSchema(openapi: Json, name: string): ModelSchema | undefined {
  const schema = schemasOf(openapi)[name];
  return schema === undefined ? undefined : resolveSchema(openapi, schema);
}

/** Follows `$ref` and joins `allOf`, at the top of a schema only. */
export function resolveSchema(openapi: Json, schema: ModelSchema, depth = 0): ModelSchema {
  if (depth > MAX_DEPTH) return {};
  const { $ref, allOf, ...own } = schema;
  const parts = [
    ...($ref === undefined ? [] : [schemasOf(openapi)[REF.exec($ref)?.[1] ?? ''] ?? {}]),
    ...(allOf ?? []),
  ].map((part) => resolveSchema(openapi, part, depth + 1));
  return Object.assign({}, ...parts, own) as ModelSchema;
}

/** The ways in which a value may satisfy a schema: itself, or the members of its union. */
export function alternatives(openapi: Json, schema: ModelSchema): readonly ModelSchema[] {
  const resolved = resolveSchema(openapi, schema);
  const union = [...(resolved.anyOf ?? []), ...(resolved.oneOf ?? [])];
  if (union.length > 0) return union.flatMap((member) => alternatives(openapi, member));
  const { type } = resolved;
  return typeof type === 'object' ? type.map((one) => ({ ...resolved, type: one })) : [resolved];
}

function schemasOf(openapi: Json): Readonly<Record<string, ModelSchema>> {
  const components = member(openapi, 'components');
  const schemas = components === undefined ? undefined : member(components, 'schemas');
  return typeof schemas === 'object' && schemas !== null && !Array.isArray(schemas)
    ? (schemas as Readonly<Record<string, ModelSchema>>)
    : {};
}

function member(value: Json, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return (value as { readonly [key: string]: Json | undefined })[name];
}
