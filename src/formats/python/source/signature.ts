import { type Metadata, type PyType, readAnnotation } from './annotation.ts';
import { describe, evaluate } from './evaluate.ts';
import { INPUT_ARGUMENTS } from './evaluate-call.ts';
import { NotReadable, type SourcePlace, WrongModel } from './outcome.ts';
import { own } from './own.ts';
import { jsonOf, type PyJson } from './py-json.ts';
import { isSame, type PyValue } from './py-value.ts';
import { deeper, resolve, type Where } from './resolve-name.ts';
import type { FunctionNode, Parameter } from './syntax.ts';
import { ALLOWED_TYPES, admitsNone, type TypeSpec, typeSpec } from './type-spec.ts';

/** A parameter, by the rules of `cog._schema.signature` in runtime-python. */
export interface InputField {
  readonly name: string;
  readonly spec: TypeSpec;
  readonly required: boolean;
  /** A default of None made the type optional. */
  readonly implicitlyNullable: boolean;
  /** `**kwargs`, which takes whatever input has no parameter of its own. */
  readonly variadic: boolean;
  /** JSON Schema's keywords: description, default, minimum, … */
  readonly keywords: Readonly<Record<string, PyJson>>;
}

export interface OutputShape {
  readonly spec: TypeSpec;
  readonly iterator: 'iterate' | 'concatenate' | undefined;
}

export interface ModelSignature {
  readonly fields: readonly InputField[];
  readonly output: OutputShape;
}

export interface MethodMarks {
  /** The first parameter is the instance. */
  readonly bound: boolean;
  /** One call serves a list of predictions. */
  readonly batched: boolean;
}

/** Reads a method's signature. Throws NotReadable and WrongModel. */
export function readSignature(node: FunctionNode, where: Where, { bound, batched }: MethodMarks): ModelSignature {
  const scope = deeper(where, where.module.postponed ? { within: undefined, before: undefined } : { before: node.at });
  const parameters = bound ? node.parameters.slice(1) : node.parameters;
  const fields = parameters.map((parameter) => {
    try {
      return readParameter(parameter, { where: scope, defaults: deeper(where, { before: node.at }), batched });
    } catch (error) {
      if (error instanceof WrongModel && error.parameter === undefined) {
        throw new WrongModel(error.message, where.module.place(parameter.at), parameter.name);
      }
      throw error;
    }
  });
  if (node.returns === undefined) {
    throw new WrongModel(
      'the return value needs an annotation; if any type may be returned, use `-> Any`',
      where.module.place(node.at),
    );
  }
  const annotation = readAnnotation(node.returns, scope);
  const returns = batched ? itemOfBatch(annotation, 'the return value', where.module.place(node.at)) : annotation;
  return { fields, output: readOutput(returns, scope, node.returns.at) };
}

/** What one prediction gives or gets, from the list that a `@batched` method takes or returns. */
function itemOfBatch(type: PyType, subject: string, place: SourcePlace): PyType {
  const bare = type.kind === 'annotated' ? type.inner : type;
  const item = bare.kind === 'generic' && bare.origin === 'builtins.list' ? bare.args[0] : undefined;
  if (item === undefined) {
    throw new WrongModel(`${subject} must be a list with a type, such as List[str]: the method is @batched`, place);
  }
  return type.kind === 'annotated' ? { ...type, inner: item } : item;
}

const ITERATORS: Readonly<Record<string, 'iterate' | 'concatenate'>> = {
  'cog.ConcatenateIterator': 'concatenate',
  'cog.AsyncConcatenateIterator': 'concatenate',
  'collections.abc.Iterator': 'iterate',
  'collections.abc.AsyncIterator': 'iterate',
  'collections.abc.Generator': 'iterate',
  'collections.abc.AsyncGenerator': 'iterate',
};

function readOutput(type: PyType, where: Where, at: number): OutputShape {
  const context = { where, at, lenient: true, path: [] };
  const bare = type.kind === 'annotated' ? type.inner : type;
  const origin = bare.kind === 'generic' ? bare.origin : bare.kind === 'external' ? bare.path : '';
  const iterator = own(ITERATORS, origin);
  if (iterator === undefined) return { spec: typeSpec(type, context), iterator: undefined };
  const item = bare.kind === 'generic' ? bare.args[0] : undefined;
  return { spec: item === undefined ? { kind: 'any' } : typeSpec(item, context), iterator };
}

/** The arguments of `Input(...)`. */
type Info = ReadonlyMap<string, PyValue>;

const ARGUMENTS: ReadonlySet<string> = new Set(INPUT_ARGUMENTS);

const KEYWORDS: readonly (readonly [string, string])[] = [
  ['description', 'description'],
  ['default', 'default'],
  ['ge', 'minimum'],
  ['le', 'maximum'],
  ['min_length', 'minLength'],
  ['max_length', 'maxLength'],
  ['regex', 'pattern'],
  ['deprecated', 'deprecated'],
  ['accept', 'x-cog-accept'],
];

interface ParameterContext {
  readonly where: Where;
  /** Where defaults are evaluated. */
  readonly defaults: Where;
  readonly batched: boolean;
}

function readParameter(parameter: Parameter, { where, defaults, batched }: ParameterContext): InputField {
  const { name, how, annotation } = parameter;
  const wrong = (problem: string): WrongModel => new WrongModel(problem, where.module.place(parameter.at), name);
  if (how === 'double-star') {
    if (annotation !== undefined) readAnnotation(annotation, where);
    const spec = { kind: 'any', nullable: true } as const;
    return { name, spec, required: false, implicitlyNullable: false, variadic: true, keywords: {} };
  }
  if (how === 'star') throw wrong('`*args` cannot be an input; name each one');
  if (how === 'positional-only') throw wrong('an input cannot be positional-only');
  if (annotation === undefined) throw wrong(`it has no type annotation. Use one of: ${ALLOWED_TYPES}`);
  const written = readAnnotation(annotation, where);
  const type = batched ? itemOfBatch(written, 'it', where.module.place(parameter.at)) : written;
  const info = infoOf(parameter, type, { defaults, wrong });
  const base = typeSpec(type, { where, at: annotation.at, lenient: false, path: [] });
  const spec = withChoices(name, base, info, wrong);
  const bare = type.kind === 'annotated' ? type.inner : type;
  const given = info.get('default');
  const json = given === undefined ? undefined : plainDefault(given, where, parameter.at);
  const implicit = given !== undefined && json === null && spec.nullable !== true;
  const field: InputField = {
    name,
    spec: implicit ? { ...spec, nullable: true } : spec,
    required: given === undefined && (bare.kind === 'any' || !admitsNone(type)),
    implicitlyNullable: implicit,
    variadic: false,
    keywords: keywordsOf(info, json),
  };
  checkConstraints(field.spec, info, wrong);
  return field;
}

interface InfoContext {
  readonly defaults: Where;
  wrong(problem: string): WrongModel;
}

function infoOf(parameter: Parameter, type: PyType, { defaults, wrong }: InfoContext): Info {
  const value = parameter.default === undefined ? undefined : evaluate(parameter.default, defaults);
  if (value?.kind === 'named' || (value?.kind === 'call' && !isInput(value) && value.callee !== 'cog.Secret')) {
    throw new NotReadable(
      `the default ${describe(parameter.default ?? { kind: 'none', at: 0 })} is only known when it runs`,
      defaults.module.place(parameter.at),
    );
  }
  const given = value === undefined ? new Map<string, PyValue>() : checked(value, wrong);
  const annotated = type.kind === 'annotated' ? type.metadata.flatMap((one) => inputsIn(one)) : [];
  return annotated.reduce<Info>((info, one) => {
    const merged = new Map(checked(one, wrong));
    const preferred = info.get('default');
    if (preferred !== undefined) merged.set('default', preferred);
    return merged;
  }, given);
}

function isInput(value: PyValue): boolean {
  return value.kind === 'call' && (value.callee === 'cog.Input' || value.callee === 'cog.FieldInfo');
}

function inputsIn({ expression, where }: Metadata): readonly PyValue[] {
  const callee = expression.kind === 'call' ? resolve(expression.callee, deeper(where)) : undefined;
  if (callee?.kind === 'external' && callee.path === 'cog.Input') return [evaluate(expression, where)];
  return callee?.kind === 'function' ? [evaluate(expression, where)].filter(isInput) : [];
}

function checked(value: PyValue, wrong: InfoContext['wrong']): Info {
  if (!isInput(value) || value.kind !== 'call') return new Map([['default', value]]);
  const info = new Map<string, PyValue>();
  for (const [key, one] of value.args) {
    if (!ARGUMENTS.has(key)) throw wrong(`Input() takes no ${key}`);
    if (key === 'default' ? one.kind !== 'ellipsis' : one.kind !== 'none') info.set(key, one);
  }
  return info;
}

/** A default as JSON, null where it has no JSON form. */
function plainDefault(value: PyValue, where: Where, at: number): PyJson {
  switch (value.kind) {
    case 'member':
      return jsonOf(value.value) ?? null;
    case 'path':
      return value.value;
    case 'list':
    case 'tuple':
    case 'set':
      if (value.kind === 'set' && value.items.length > 1) {
        throw new NotReadable('the order of a set is only known when it runs', where.module.place(at));
      }
      return value.items.map((one) => plainDefault(one, where, at));
    case 'dict':
      return Object.fromEntries(
        value.entries.map(([key, one]) => {
          if (key.kind !== 'str') throw new NotReadable('a default is only known when it runs', where.module.place(at));
          return [key.value, plainDefault(one, where, at)];
        }),
      );
    case 'named':
      throw new NotReadable('a default is only known when it runs', where.module.place(at));
    case 'call':
      return null;
    default:
      return jsonOf(value) ?? null;
  }
}

function keywordsOf(info: Info, json: PyJson | undefined): Readonly<Record<string, PyJson>> {
  const keywords: Record<string, PyJson> = {};
  for (const [key, keyword] of KEYWORDS) {
    const value = info.get(key);
    const one = key === 'default' ? json : value === undefined ? undefined : jsonOf(value);
    if (one !== undefined && one !== null) keywords[keyword] = one;
  }
  return keywords;
}

const CHOOSABLE: Readonly<Record<string, (value: PyValue) => boolean>> = {
  string: (value) => value.kind === 'str' || (value.kind === 'member' && value.mixed && value.value.kind === 'str'),
  integer: (value) => value.kind === 'int' || (value.kind === 'member' && value.mixed && value.value.kind === 'int'),
  number: (value) => value.kind === 'int' || value.kind === 'float',
};

function withChoices(name: string, spec: TypeSpec, info: Info, wrong: InfoContext['wrong']): TypeSpec {
  if (spec.kind === 'enum' && spec.name === undefined) return { ...spec, name };
  const choices = info.get('choices');
  if (choices === undefined) return spec;
  const target = spec.kind === 'list' ? spec.items : spec;
  const accepts = own(CHOOSABLE, target.kind);
  if (accepts === undefined) throw wrong('`choices` goes with str, int and float only');
  const listed =
    choices.kind === 'dict' ? choices.entries.map(([key]) => key) : 'items' in choices ? choices.items : [];
  if (choices.kind === 'set' && listed.length > 1)
    throw wrong('`choices` is a set, whose order changes; make it a list');
  if (listed.length === 0) throw wrong('`choices` is empty');
  const values = listed.map((choice) => {
    const json = jsonOf(choice);
    if (!accepts(choice) || json === undefined) throw wrong(`the choice ${shown(choice)} is not a ${target.kind}`);
    return json;
  });
  const given = info.get('default');
  if (given !== undefined && given.kind !== 'none') {
    const items = spec.kind === 'list' && given.kind === 'list' ? given.items : [given];
    for (const one of items) {
      const plain = one.kind === 'member' ? one.value : one;
      if (!listed.some((choice) => isSame(choice, plain)))
        throw wrong(`the default ${shown(one)} is not among the choices`);
    }
  }
  const chosen: TypeSpec = { kind: 'enum', name, values };
  const whole: TypeSpec = spec.kind === 'list' ? { kind: 'list', items: chosen } : chosen;
  return spec.nullable === true ? { ...whole, nullable: true } : whole;
}

function checkConstraints(spec: TypeSpec, info: Info, wrong: InfoContext['wrong']): void {
  const kinds = new Set([spec.kind, spec.kind === 'list' ? spec.items.kind : spec.kind]);
  const goesWith = (keys: readonly string[], allowed: readonly TypeSpec['kind'][]): boolean =>
    !keys.some((key) => info.has(key)) || allowed.some((kind) => kinds.has(kind));
  if (!goesWith(['ge', 'le'], ['integer', 'number', 'enum'])) throw wrong('`ge` and `le` go with int and float only');
  if (!goesWith(['min_length', 'max_length', 'regex'], ['string', 'enum', 'secret'])) {
    throw wrong('`min_length`, `max_length` and `regex` go with str only');
  }
  if (!goesWith(['accept'], ['path', 'file'])) throw wrong('`accept` goes with Path and File only');
}

function shown(value: PyValue): string {
  if (value.kind === 'str') return `'${value.value}'`;
  if (value.kind === 'member') return `${value.of}.${value.name}`;
  const json = jsonOf(value);
  return typeof json === 'object' ? value.kind : String(json);
}
