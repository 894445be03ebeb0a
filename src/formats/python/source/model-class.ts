import { type PyType, readAnnotation } from './annotation.ts';
import { evaluate } from './evaluate.ts';
import { NotReadable } from './outcome.ts';
import { own } from './own.ts';
import type { PyValue } from './py-value.ts';
import { deeper, resolve, type Where } from './resolve-name.ts';
import type { ClassNode, Expression, Statement } from './syntax.ts';
import { admitsNone } from './type-spec.ts';

export interface ClassField {
  readonly name: string;
  readonly type: PyType;
  readonly required: boolean;
  /** Where it is given and is part of the schema. */
  readonly default?: PyValue;
  readonly at: number;
  readonly where: Where;
}

/** What a class of the project is to a schema. */
export type ClassShape =
  | { readonly kind: 'model'; readonly fields: readonly ClassField[] }
  | { readonly kind: 'scalar'; readonly scalar: 'string' | 'integer' | 'number' | 'boolean' | 'path' }
  | { readonly kind: 'dict' }
  /** A class of its own kind. `reads`: it has a `read` method. */
  | { readonly kind: 'plain'; readonly reads: boolean }
  /** It descends from what is not part of the project, or is decorated. */
  | { readonly kind: 'unknown' };

type Family = 'record' | 'dataclass' | 'typed-dict' | 'plain' | 'unknown' | 'dict' | Base;
type Base = 'string' | 'integer' | 'number' | 'boolean' | 'path';

const FAMILIES: Readonly<Record<string, Family>> = {
  'cog.BaseModel': 'record',
  'typing.TypedDict': 'typed-dict',
  'typing.NamedTuple': 'plain',
  'typing.Generic': 'plain',
  'typing.Protocol': 'plain',
  'abc.ABC': 'plain',
  'builtins.object': 'plain',
  'builtins.dict': 'dict',
  'collections.OrderedDict': 'dict',
  'builtins.str': 'string',
  'builtins.int': 'integer',
  'builtins.float': 'number',
  'cog.Path': 'path',
  'pathlib.Path': 'path',
  'pathlib.PurePath': 'path',
};

/** Reads a class that is no enumeration. Throws NotReadable where a field or a default is computed. */
export function readModelFields(
  type: { readonly module: Where['module']; readonly node: ClassNode },
  where: Where,
): ClassShape {
  const family = familyOf(type.node, where);
  switch (family) {
    case 'unknown':
      return { kind: 'unknown' };
    case 'plain':
      return { kind: 'plain', reads: definesRead(type.node, where) };
    case 'dict':
      return { kind: 'dict' };
    case 'record':
    case 'dataclass':
    case 'typed-dict':
      return { kind: 'model', fields: [...fieldsOf(type.node, family, where).values()] };
    default:
      return { kind: 'scalar', scalar: family };
  }
}

function familyOf(node: ClassNode, where: Where): Family {
  let family: Family = 'plain';
  for (const base of node.bases) {
    if (base.how === 'keyword') {
      if (base.name === 'total' || base.name === 'auto_dataclass' || base.name === 'init') continue;
      return 'unknown';
    }
    if (base.how !== 'positional') return 'unknown';
    const expression = base.value.kind === 'subscript' ? base.value.value : base.value;
    const meant = resolve(expression, deeper(where));
    let found: Family = 'unknown';
    if (meant?.kind === 'external') found = own(FAMILIES, meant.path) ?? 'unknown';
    else if (meant?.kind === 'class') found = familyOf(meant.node, outside(where, meant));
    if (found === 'unknown') return 'unknown';
    if (family === 'plain') family = found;
  }
  if (family === 'record' && isOff(node, where)) return 'unknown';
  for (const decorator of node.decorators) {
    const callee = decorator.kind === 'call' ? decorator.callee : decorator;
    const meant = resolve(callee, deeper(where));
    if (meant?.kind !== 'external') return 'unknown';
    if (meant.path === 'dataclasses.dataclass') {
      if (family === 'plain') family = 'dataclass';
    } else if (meant.path !== 'functools.total_ordering' && meant.path !== 'typing.final') return 'unknown';
  }
  return family;
}

/** `auto_dataclass=False`. */
function isOff(node: ClassNode, where: Where): boolean {
  const given = node.bases.find((base) => base.name === 'auto_dataclass');
  if (given === undefined) return false;
  const value = evaluate(given.value, where);
  return !(value.kind === 'bool' && value.value);
}

function definesRead(node: ClassNode, where: Where): boolean {
  if (node.body.some((statement) => statement.kind === 'function' && statement.name === 'read')) return true;
  return node.bases.some((base) => {
    const meant = resolve(base.value, deeper(where));
    return meant?.kind === 'class' && definesRead(meant.node, outside(where, meant));
  });
}

function fieldsOf(
  node: ClassNode,
  family: 'record' | 'dataclass' | 'typed-dict',
  where: Where,
): ReadonlyMap<string, ClassField> {
  const fields = new Map<string, ClassField>();
  for (const base of [...node.bases].reverse()) {
    if (base.how !== 'positional') continue;
    const meant = resolve(base.value, deeper(where));
    if (meant?.kind !== 'class') continue;
    const inherited = familyOf(meant.node, outside(where, meant));
    if (inherited === 'record' || inherited === 'dataclass' || inherited === 'typed-dict') {
      for (const [name, field] of fieldsOf(meant.node, inherited, outside(where, meant))) fields.set(name, field);
    }
  }
  const total = totality(node, where);
  for (const statement of node.body) {
    if (statement.kind === 'block') throw conditional(statement, where);
    if (statement.kind !== 'assign') continue;
    const [target] = statement.targets;
    if (target?.kind !== 'name') continue;
    if (statement.annotation === undefined) {
      if (fields.has(target.name) && family !== 'typed-dict') throw conditional(statement, where);
      continue;
    }
    const inner = scopeOf(statement, node, where);
    const marked = unwrapMark(statement.annotation, inner);
    if (marked === 'class-variable') continue;
    const field = { name: target.name, type: readAnnotation(marked.annotation, inner), at: statement.at, where: inner };
    const read =
      family === 'typed-dict'
        ? { ...field, required: marked.required ?? total }
        : withDefault(field, statement.value, family);
    if (read === 'left-out') fields.delete(target.name);
    else fields.set(target.name, read);
  }
  return fields;
}

function totality(node: ClassNode, where: Where): boolean {
  const given = node.bases.find((base) => base.name === 'total');
  if (given === undefined) return true;
  const value = evaluate(given.value, where);
  return value.kind === 'bool' ? value.value : true;
}

function scopeOf(statement: Statement, node: ClassNode, where: Where): Where {
  return deeper(where, {
    within: where.module.postponed ? undefined : node,
    before: where.module.postponed ? undefined : statement.at,
  });
}

/** `ClassVar[X]`, `Required[X]` and `NotRequired[X]`. */
function unwrapMark(
  annotation: Expression,
  where: Where,
): { readonly annotation: Expression; readonly required?: boolean } | 'class-variable' {
  const head = annotation.kind === 'subscript' ? annotation.value : annotation;
  const meant = head.kind === 'name' || head.kind === 'attribute' ? resolve(head, where) : undefined;
  if (meant?.kind !== 'external') return { annotation };
  if (meant.path === 'typing.ClassVar') return 'class-variable';
  if (meant.path === 'dataclasses.InitVar' || meant.path === 'dataclasses.KW_ONLY' || meant.path === 'typing.Final') {
    throw new NotReadable(`a field of ${meant.path} is not read`, where.module.place(annotation.at));
  }
  if (annotation.kind !== 'subscript') return { annotation };
  if (meant.path === 'typing.Required') return { annotation: annotation.index, required: true };
  if (meant.path === 'typing.NotRequired') return { annotation: annotation.index, required: false };
  return meant.path === 'typing.ReadOnly' ? { annotation: annotation.index } : { annotation };
}

function withDefault(
  field: Omit<ClassField, 'required'>,
  expression: Expression | undefined,
  family: 'record' | 'dataclass',
): ClassField | 'left-out' {
  const nullable = family === 'record' && admitsNone(field.type);
  if (expression === undefined) return { ...field, required: !nullable };
  const value = evaluate(expression, field.where);
  if (value.kind !== 'call') {
    if (value.kind === 'named') throw conditional(expression, field.where);
    return { ...field, required: false, default: value };
  }
  const { args, callee } = value;
  if (callee === 'cog.Input' || (callee === 'pydantic.Field' && family === 'dataclass')) {
    throw conditional(expression, field.where);
  }
  const init = args.get('init');
  if (init?.kind === 'bool' && !init.value) return 'left-out';
  const factory = args.get('default_factory');
  if (factory !== undefined) {
    const made = factory.kind === 'named' ? own(EMPTY, factory.path) : undefined;
    if (made === undefined) throw conditional(expression, field.where);
    return family === 'record' ? { ...field, required: false, default: made } : { ...field, required: false };
  }
  const given = args.get('default');
  if (given === undefined || given.kind === 'ellipsis') return { ...field, required: !nullable };
  return { ...field, required: false, default: given };
}

const EMPTY: Readonly<Record<string, PyValue>> = {
  'builtins.list': { kind: 'list', items: [] },
  'builtins.dict': { kind: 'dict', entries: [] },
  'builtins.str': { kind: 'str', value: '' },
  'builtins.int': { kind: 'int', value: 0n },
};

function outside(
  where: Where,
  { module, node }: { readonly module: Where['module']; readonly node: ClassNode },
): Where {
  return deeper(where, { module, within: undefined, before: node.at });
}

function conditional({ at }: { readonly at: number }, where: Where): NotReadable {
  return new NotReadable('a field of a model is computed', where.module.place(at));
}
