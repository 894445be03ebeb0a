import { describe, evaluate } from './evaluate.ts';
import type { Module } from './module.ts';
import { NotReadable, WrongModel } from './outcome.ts';
import { own } from './own.ts';
import { parseExpression } from './parse-python.ts';
import type { PyValue } from './py-value.ts';
import { deeper, type Meant, resolve, type Where } from './resolve-name.ts';
import type { ClassNode, Expression } from './syntax.ts';

/** An annotation as Python would evaluate it: aliases followed, unions flattened. */
export type PyType =
  | { readonly kind: 'none' | 'any' }
  /** A class from outside the project, or a bare generic such as `typing.List`. */
  | { readonly kind: 'external'; readonly path: string }
  | { readonly kind: 'class'; readonly module: Module; readonly node: ClassNode }
  | { readonly kind: 'generic'; readonly origin: string; readonly args: readonly PyType[] }
  | { readonly kind: 'union'; readonly members: readonly PyType[] }
  | { readonly kind: 'literal'; readonly values: readonly PyValue[] }
  | { readonly kind: 'annotated'; readonly inner: PyType; readonly metadata: readonly Metadata[] };

export interface Metadata {
  readonly expression: Expression;
  readonly where: Where;
}

/** Reads an annotation. Throws NotReadable, or WrongModel for a name that does not exist. */
export function readAnnotation(expression: Expression, where: Where): PyType {
  const inner = deeper(where);
  switch (expression.kind) {
    case 'none':
      return { kind: 'none' };
    case 'ellipsis':
      return { kind: 'external', path: 'builtins.Ellipsis' };
    case 'string': {
      const parsed = parseExpression(expression.value);
      if (parsed === undefined)
        throw unreadable(`the annotation ${JSON.stringify(expression.value)}`, expression, where);
      // A string sees the module's names as they are in the end, never those of a class body.
      return readAnnotation(parsed, {
        ...inner,
        within: undefined,
        before: undefined,
        module: relocated(where.module, expression.at),
      });
    }
    case 'binary':
      if (expression.operator !== '|') break;
      return union([readAnnotation(expression.left, inner), readAnnotation(expression.right, inner)]);
    case 'subscript':
      return readSubscript(expression, inner);
    case 'name':
    case 'attribute': {
      const meant = resolve(expression, inner);
      if (meant !== undefined) return typeOf(meant, expression, inner);
      break;
    }
    case 'call': {
      const meant = resolve(expression.callee, inner);
      const [, base] = expression.args;
      if (meant?.kind === 'external' && meant.path === 'typing.NewType' && base !== undefined) {
        return readAnnotation(base.value, inner);
      }
      break;
    }
  }
  throw unreadable(`the annotation ${describe(expression)}`, expression, where);
}

export function union(members: readonly PyType[]): PyType {
  const flat = members.flatMap((member) => (member.kind === 'union' ? member.members : [member]));
  const seen = new Set<string>();
  const distinct = flat.filter((member) => {
    const key = keyOf(member);
    return seen.has(key) ? false : seen.add(key);
  });
  const [only] = distinct;
  return distinct.length === 1 && only !== undefined ? only : { kind: 'union', members: distinct };
}

/** As its author would write it. */
export function readable(type: PyType): string {
  switch (type.kind) {
    case 'none':
      return 'None';
    case 'any':
      return 'Any';
    case 'external':
      return type.path.replace(/^(?:builtins|typing)\./, '');
    case 'class':
      return type.node.name;
    case 'generic':
      return `${type.origin.replace(/^(?:builtins|typing)\./, '')}[${type.args.map(readable).join(', ')}]`;
    case 'union':
      return type.members.map(readable).join(' | ');
    case 'literal':
      return 'Literal';
    case 'annotated':
      return readable(type.inner);
  }
}

function typeOf(meant: Meant, expression: Expression, where: Where): PyType {
  switch (meant.kind) {
    case 'class':
      return { kind: 'class', module: meant.module, node: meant.node };
    case 'external':
      return externalType(meant.path);
    case 'value':
      return readAnnotation(meant.value, deeper(meant.where));
    case 'missing':
      if (where.module.broken !== undefined) throw unreadable(`the annotation ${meant.name}`, expression, where);
      throw new WrongModel(
        `an annotation cannot be resolved: name '${meant.name}' is not defined`,
        where.module.place(expression.at),
      );
    default:
      throw unreadable(`the annotation ${describe(expression)}`, expression, where);
  }
}

function externalType(path: string): PyType {
  switch (path) {
    case 'typing.Any':
      return { kind: 'any' };
    case 'builtins.None':
      return { kind: 'none' };
    case 'typing.Text':
      return { kind: 'external', path: 'builtins.str' };
    case 'cog.Weights':
      return {
        kind: 'union',
        members: ['cog.File', 'cog.Path', 'builtins.str'].map((one) => ({ kind: 'external', path: one })),
      };
    default:
      return { kind: 'external', path: own(ORIGINS, path) ?? path };
  }
}

/** What `typing` calls the containers, and the classes behind them. */
const ORIGINS: Readonly<Record<string, string>> = {
  'typing.List': 'builtins.list',
  'typing.Dict': 'builtins.dict',
  'typing.Set': 'builtins.set',
  'typing.FrozenSet': 'builtins.frozenset',
  'typing.Tuple': 'builtins.tuple',
  'typing.AbstractSet': 'collections.abc.Set',
  ...Object.fromEntries(
    'Sequence Iterable Collection Mapping MutableMapping Iterator AsyncIterator Generator AsyncGenerator'
      .split(' ')
      .map((name) => [`typing.${name}`, `collections.abc.${name}`]),
  ),
  'typing.OrderedDict': 'collections.OrderedDict',
  'typing.DefaultDict': 'collections.defaultdict',
};

function readSubscript(expression: Expression & { readonly kind: 'subscript' }, where: Where): PyType {
  const meant = resolve(expression.value, where);
  const written = expression.index.kind === 'tuple' ? expression.index.items : [expression.index];
  if (meant?.kind === 'external') {
    const args = (): readonly PyType[] => written.map((one) => readAnnotation(one, where));
    switch (meant.path) {
      case 'typing.Optional':
        return union([...args(), { kind: 'none' }]);
      case 'typing.Union':
        return union(args());
      case 'typing.Literal':
        return { kind: 'literal', values: written.flatMap((one) => literalValues(one, where)) };
      case 'typing.Annotated': {
        const [first, ...metadata] = written;
        if (first === undefined) break;
        return {
          kind: 'annotated',
          inner: readAnnotation(first, where),
          metadata: metadata.map((one) => ({ expression: one, where })),
        };
      }
      default: {
        const base = externalType(meant.path);
        // Its parameters are a list, and say nothing here.
        if (base.kind === 'external' && base.path.endsWith('.Callable')) return base;
        if (base.kind === 'external') return { kind: 'generic', origin: base.path, args: args() };
      }
    }
  }
  if (meant?.kind === 'class') return { kind: 'class', module: meant.module, node: meant.node };
  throw unreadable(`the annotation ${describe(expression.value)}[…]`, expression, where);
}

function literalValues(expression: Expression, where: Where): readonly PyValue[] {
  if (expression.kind === 'subscript') {
    const nested = readAnnotation(expression, where);
    if (nested.kind === 'literal') return nested.values;
  }
  // A string is itself here, no reference.
  return [evaluate(expression, where)];
}

function keyOf(type: PyType): string {
  switch (type.kind) {
    case 'class':
      return `class ${type.module.path} ${type.node.at}`;
    case 'generic':
      return `${type.origin}[${type.args.map(keyOf).join()}]`;
    case 'union':
      return type.members.map(keyOf).sort().join('|');
    case 'literal':
      return `literal ${JSON.stringify(type.values, (_, value) => (typeof value === 'bigint' ? `${value}` : value))}`;
    case 'annotated':
      return `annotated ${keyOf(type.inner)} ${type.metadata.map(({ expression }) => expression.at).join()}`;
    case 'external':
      return type.path;
    default:
      return type.kind;
  }
}

/** The module with every place at one offset: text within a string has places of its own. */
function relocated(module: Module, at: number): Module {
  return { ...module, place: () => module.place(at) };
}

function unreadable(what: string, { at }: { readonly at: number }, where: Where): NotReadable {
  return new NotReadable(`${what} is only known when it runs`, where.module.place(at));
}
