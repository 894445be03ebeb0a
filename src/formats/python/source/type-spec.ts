import { type PyType, readable } from './annotation.ts';
import { enumMembers, isEnum } from './enumeration.ts';
import { readModelFields } from './model-class.ts';
import { NotReadable, WrongModel } from './outcome.ts';
import { own } from './own.ts';
import { jsonOf, type PyJson } from './py-json.ts';
import type { PyValue } from './py-value.ts';
import { deeper, resolve, type Where } from './resolve-name.ts';

/*
 * From an annotation to a type description, by the rules of `cog._schema.kinds` in runtime-python: what the runtime serves, this reads.
 */

export type TypeSpec = (
  | { readonly kind: Scalar }
  | { readonly kind: 'list'; readonly items: TypeSpec }
  | { readonly kind: 'object'; readonly values: TypeSpec | undefined }
  | { readonly kind: 'union'; readonly members: readonly TypeSpec[] }
  | { readonly kind: 'enum'; readonly name: string | undefined; readonly values: readonly PyJson[] }
  | { readonly kind: 'model'; readonly name: string; readonly fields: readonly ModelField[] }
) & { readonly nullable?: boolean };

export type Scalar =
  | 'any'
  | 'opaque'
  | 'string'
  | 'integer'
  | 'number'
  | 'boolean'
  | 'path'
  | 'file'
  | 'secret'
  | 'date'
  | 'datetime'
  | 'time';

export interface ModelField {
  readonly name: string;
  readonly spec: TypeSpec;
  readonly required: boolean;
  readonly default?: PyJson;
}

export const ALLOWED_TYPES =
  'str, int, float, bool, Path, File, Secret, Any, Enum, Literal, datetime, list, dict, dataclass, BaseModel, ' +
  'and Optional or Union of these';

export interface SpecContext {
  readonly where: Where;
  /** Where the annotation stands, for messages. */
  readonly at: number;
  /** For outputs: what is not known is described as anything. */
  readonly lenient: boolean;
  /** Models being described. */
  readonly path: readonly number[];
}

/** Describes a type. Throws NotReadable, and WrongModel for what cannot be an input. */
export function typeSpec(type: PyType, context: SpecContext): TypeSpec {
  if (type.kind === 'annotated') {
    const opaque = type.metadata.some(({ expression, where }) => {
      const callee = expression.kind === 'call' ? expression.callee : expression;
      const meant = resolve(callee, deeper(where));
      return meant?.kind === 'external' && meant.path === 'cog.Opaque';
    });
    return opaque ? { kind: 'opaque' } : typeSpec(type.inner, context);
  }
  if (type.kind === 'union' && type.members.some((member) => member.kind === 'none')) {
    const rest = type.members.filter((member) => member.kind !== 'none');
    const [only] = rest;
    const inner: PyType = rest.length === 1 && only !== undefined ? only : { kind: 'union', members: rest };
    return { ...typeSpec(inner, context), nullable: true };
  }
  return presentSpec(type, context);
}

export function admitsNone(type: PyType): boolean {
  const bare = type.kind === 'annotated' ? type.inner : type;
  return (
    bare.kind === 'any' ||
    bare.kind === 'none' ||
    (bare.kind === 'union' && bare.members.some((member) => member.kind === 'none'))
  );
}

function presentSpec(type: PyType, context: SpecContext): TypeSpec {
  switch (type.kind) {
    case 'any':
      return { kind: 'any' };
    case 'none':
      return { kind: 'any', nullable: true };
    case 'literal':
      return { kind: 'enum', name: undefined, values: type.values.map((value) => literalJson(value, context)) };
    case 'union':
      return { kind: 'union', members: type.members.map((member) => typeSpec(member, context)) };
    case 'generic':
      return genericSpec(type, context);
    case 'external':
      return externalSpec(type, context);
    case 'class':
      return classSpec(type, context);
    case 'annotated':
      return typeSpec(type, context);
  }
}

const LISTS: ReadonlySet<string> = new Set([
  ...['list', 'set', 'frozenset', 'tuple'].map((name) => `builtins.${name}`),
  ...['Sequence', 'Iterable', 'Collection', 'Set'].map((name) => `collections.abc.${name}`),
]);
const OBJECTS: ReadonlySet<string> = new Set([
  'builtins.dict',
  'collections.abc.Mapping',
  'collections.abc.MutableMapping',
]);
/** Subclasses of dict whose parameters do not show. */
const DICT_CLASSES: ReadonlySet<string> = new Set([
  'collections.OrderedDict',
  'collections.defaultdict',
  'collections.Counter',
  'typing.Counter',
]);

const SCALARS: Readonly<Record<string, Scalar>> = {
  'builtins.str': 'string',
  'builtins.bool': 'boolean',
  'builtins.int': 'integer',
  'builtins.float': 'number',
  'builtins.object': 'any',
  'cog.Path': 'path',
  'cog.URLPath': 'path',
  'pathlib.Path': 'path',
  'pathlib.PurePath': 'path',
  'pathlib.PurePosixPath': 'path',
  'cog.File': 'file',
  'cog.Secret': 'secret',
  'datetime.date': 'date',
  'datetime.datetime': 'datetime',
  'datetime.time': 'time',
};

/** Classes that no rule knows: anything as an output, an error as an input. */
const PLAIN: ReadonlySet<string> = new Set([
  ...['bytes', 'bytearray', 'complex', 'type', 'range', 'memoryview'].map((name) => `builtins.${name}`),
  ...['Callable', 'Iterator', 'AsyncIterator', 'Generator', 'AsyncGenerator'].map((name) => `collections.abc.${name}`),
  'typing.Callable',
  'cog.ConcatenateIterator',
  'cog.AsyncConcatenateIterator',
  'datetime.timedelta',
  'decimal.Decimal',
  'uuid.UUID',
  'numpy.ndarray',
  'numpy.NDArray',
  'torch.Tensor',
  'PIL.Image.Image',
  'pandas.DataFrame',
]);
/** The same, but with a `read` method, which makes them files as outputs. */
const READERS: ReadonlySet<string> = new Set([
  'io.BytesIO',
  'io.StringIO',
  'io.BufferedReader',
  'io.TextIOWrapper',
  'cog.URLFile',
]);

function genericSpec(type: PyType & { readonly kind: 'generic' }, context: SpecContext): TypeSpec {
  if (LISTS.has(type.origin)) {
    const args = type.args.filter((one) => !(one.kind === 'external' && one.path === 'builtins.Ellipsis'));
    return { kind: 'list', items: itemsSpec(args, context) };
  }
  if (OBJECTS.has(type.origin)) {
    const [, values] = type.args;
    return { kind: 'object', values: values === undefined ? undefined : typeSpec(values, context) };
  }
  return externalSpec({ kind: 'external', path: type.origin }, context);
}

function itemsSpec(args: readonly PyType[], context: SpecContext): TypeSpec {
  const [first] = args;
  if (first === undefined) return { kind: 'any' };
  const members = args.map((one) => typeSpec(one, context));
  const distinct = new Set(args.map(readable));
  return distinct.size === 1 ? (members[0] ?? { kind: 'any' }) : { kind: 'union', members: distinctSpecs(members) };
}

function distinctSpecs(members: readonly TypeSpec[]): readonly TypeSpec[] {
  const seen = new Set<string>();
  return members.filter((member) => {
    const key = JSON.stringify(member);
    return seen.has(key) ? false : seen.add(key);
  });
}

function externalSpec(type: PyType & { readonly kind: 'external' }, context: SpecContext): TypeSpec {
  const scalar = own(SCALARS, type.path);
  if (scalar !== undefined) return { kind: scalar };
  if (LISTS.has(type.path)) return { kind: 'list', items: { kind: 'any' } };
  if (OBJECTS.has(type.path) || DICT_CLASSES.has(type.path)) return { kind: 'object', values: undefined };
  if (READERS.has(type.path) && context.lenient) return { kind: 'file' };
  if (PLAIN.has(type.path) || READERS.has(type.path)) return unknown(type, context);
  throw notReadable(type, context);
}

function classSpec(type: PyType & { readonly kind: 'class' }, context: SpecContext): TypeSpec {
  const { module, node } = type;
  const inside = deeper(context.where, { module, within: undefined, before: node.at });
  if (isEnum(node, inside)) {
    const values = enumMembers(node, inside).map((member) => literalJson(member.value, context));
    return { kind: 'enum', name: node.name, values };
  }
  const shape = readModelFields(type, inside);
  switch (shape.kind) {
    case 'model': {
      if (context.path.includes(node.at)) return { kind: 'opaque' };
      const path = [...context.path, node.at];
      const fields = shape.fields.map(({ name, type: hint, required, default: value, at, where }): ModelField => {
        const spec = typeSpec(hint, { ...context, where, at, path });
        const json = value === undefined ? undefined : jsonOf(value);
        return { name, spec, required, ...(json === undefined ? {} : { default: json }) };
      });
      return { kind: 'model', name: node.name, fields };
    }
    case 'scalar':
      if (shape.scalar === 'path' || context.lenient) return { kind: shape.scalar };
      return unknown(type, context);
    case 'dict':
      return { kind: 'object', values: undefined };
    case 'plain':
      if (shape.reads && context.lenient) return { kind: 'file' };
      return unknown(type, context);
    case 'unknown':
      throw notReadable(type, context);
  }
}

function unknown(type: PyType, { where, at, lenient }: SpecContext): TypeSpec {
  if (lenient) return { kind: 'any' };
  throw new WrongModel(`${readable(type)} is not an input type. Use one of: ${ALLOWED_TYPES}`, where.module.place(at));
}

function literalJson(value: PyValue, { where, at }: SpecContext): PyJson {
  const json = jsonOf(value);
  if (json === undefined) throw new NotReadable('a value is only known when it runs', where.module.place(at));
  return json;
}

function notReadable(type: PyType, { where, at }: SpecContext): NotReadable {
  return new NotReadable(`the type ${readable(type)} is not part of the project`, where.module.place(at));
}
