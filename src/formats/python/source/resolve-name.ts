import { type Binding, type Module, readScope, type Scope } from './module.ts';
import { NotReadable } from './outcome.ts';
import { own } from './own.ts';
import type { ProjectCode } from './project-code.ts';
import type { PyValue } from './py-value.ts';
import type { ClassNode, Expression, FunctionNode } from './syntax.ts';

/** What a name or a dotted name stands for. */
export type Meant =
  /** Of the standard library, of `cog` or of a package: its dotted name, such as `typing.List` or `builtins.str`. */
  | { readonly kind: 'external'; readonly path: string }
  | { readonly kind: 'module'; readonly module: Module }
  | { readonly kind: 'class'; readonly module: Module; readonly node: ClassNode }
  | { readonly kind: 'function'; readonly module: Module; readonly node: FunctionNode; readonly within?: ClassNode }
  | { readonly kind: 'value'; readonly value: Expression; readonly where: Where }
  /** A loop variable. */
  | { readonly kind: 'known'; readonly known: PyValue }
  | { readonly kind: 'missing'; readonly name: string };

export type Local = { readonly value: Expression; readonly where: Where } | { readonly known: PyValue };

/** Where an expression is evaluated. */
export interface Where {
  readonly code: ProjectCode;
  readonly module: Module;
  /** Inside this class body, whose names come first. */
  readonly within?: ClassNode | undefined;
  /** Names bound later than this are not seen; undefined: all of the module's are. */
  readonly before?: number | undefined;
  /** Values of parameters and of loop variables; undefined values are not known. */
  readonly locals?: ReadonlyMap<string, Local | undefined>;
  /** Variables of the environment, where the defaults of others may be taken for their values. */
  readonly environment?: ReadonlyMap<string, string>;
  readonly depth: number;
}

const MAX_DEPTH = 60;

/** One step further in; endless chains of names end as not readable. */
export function deeper(where: Where, change: Partial<Where> = {}): Where {
  if (where.depth >= MAX_DEPTH) throw new NotReadable('it refers to itself', where.module.place(where.before ?? 0));
  return { ...where, ...change, depth: where.depth + 1 };
}

/** Resolves `name` or `a.b.c`; undefined for any other expression. Throws NotReadable. */
export function resolve(expression: Expression, where: Where): Meant | undefined {
  if (expression.kind === 'name') return resolveName(expression.name, where, expression.at);
  if (expression.kind !== 'attribute') return undefined;
  const base = resolve(expression.value, deeper(where));
  if (base === undefined) return undefined;
  return memberOf(base, expression.name, where, expression.at);
}

/** What an attribute of something resolved stands for; undefined where only running it would tell. */
export function memberOf(base: Meant, name: string, where: Where, at: number): Meant | undefined {
  switch (base.kind) {
    case 'external':
      return canonical(`${base.path}.${name}`, where);
    case 'module':
      return exported(base.module, name, deeper(where), at);
    case 'class': {
      const found = lookUp(readScope(base.node.body), name, undefined);
      if (found === undefined) return undefined;
      const inner = deeper(where, { module: base.module, within: base.node, before: undefined });
      return meantBy(found, name, inner, at);
    }
    case 'value': {
      // An alias such as `Styles = config.Styles`.
      const target = resolve(base.value, deeper(base.where));
      return target === undefined ? undefined : memberOf(target, name, deeper(where), at);
    }
    default:
      return undefined;
  }
}

function resolveName(name: string, where: Where, at: number): Meant {
  if (where.locals?.has(name)) {
    const local = where.locals.get(name);
    if (local === undefined) throw new NotReadable(`${name} is only known when it runs`, where.module.place(at));
    return 'known' in local ? { kind: 'known', ...local } : { kind: 'value', ...local };
  }
  if (where.within !== undefined) {
    const found = lookUp(readScope(where.within.body), name, where.before);
    if (found !== undefined) return meantBy(found, name, where, at);
  }
  return exported(where.module, name, where, at);
}

/** A name of a module, its builtins included. */
function exported(module: Module, name: string, where: Where, at: number): Meant {
  const before = module === where.module ? where.before : undefined;
  const found = lookUp(module, name, before);
  if (found !== undefined) return meantBy(found, name, { ...where, module, within: undefined, before }, at);
  if (module.path.endsWith('__init__.py')) {
    const submodule = where.code.module(`${module.package ?? ''}.${name}`);
    if (submodule !== undefined) return { kind: 'module', module: submodule };
  }
  let foreign = false;
  for (const star of module.stars) {
    const absolute = where.code.absolute(module, star.level, star.module);
    if (absolute === undefined) continue;
    const target = where.code.module(absolute);
    if (target !== undefined) {
      const inner = exported(target, name, deeper(where, { module: target, within: undefined, before: undefined }), at);
      if (inner.kind !== 'missing' && !isBuiltin(inner)) return inner;
    } else if (absolute === 'cog' || absolute === 'typing') {
      if (STAR_NAMES[absolute].has(name)) return { kind: 'external', path: `${absolute}.${name}` };
    } else foreign = true;
  }
  if (foreign) throw new NotReadable(`${name} may come from a module outside the project`, where.module.place(at));
  if (BUILTINS.has(name)) return { kind: 'external', path: `builtins.${name}` };
  return { kind: 'missing', name };
}

function isBuiltin(meant: Meant): boolean {
  return meant.kind === 'external' && meant.path.startsWith('builtins.');
}

function lookUp(scope: Scope, name: string, before: number | undefined): Binding | undefined {
  const bindings = scope.bindings.get(name) ?? [];
  return bindings.findLast((binding) => before === undefined || binding.at < before);
}

function meantBy(binding: Binding, name: string, where: Where, at: number): Meant {
  const { meaning } = binding;
  const place = where.module.place(at);
  if (!binding.certain) throw new NotReadable(`${name} depends on a condition`, where.module.place(binding.at));
  switch (meaning.kind) {
    case 'unknown':
      throw new NotReadable(`${name} is computed`, where.module.place(binding.at));
    case 'class':
      return { kind: 'class', module: where.module, node: meaning.node };
    case 'function':
      return {
        kind: 'function',
        module: where.module,
        node: meaning.node,
        ...(where.within === undefined ? {} : { within: where.within }),
      };
    case 'value':
      return {
        kind: 'value',
        value: meaning.value,
        where: { ...deeper(where), before: binding.at, locals: new Map() },
      };
    case 'module': {
      const module = where.code.module(meaning.module);
      return module === undefined ? canonical(meaning.module, where) : { kind: 'module', module };
    }
    case 'from': {
      const absolute = where.code.absolute(where.module, meaning.level, meaning.module);
      if (absolute === undefined) {
        throw new NotReadable(`${name} comes from a relative import outside a package`, place);
      }
      const target = absolute === '' ? undefined : where.code.module(absolute);
      if (target !== undefined) {
        return exported(
          target,
          meaning.name,
          deeper(where, { module: target, within: undefined, before: undefined }),
          at,
        );
      }
      const submodule = where.code.module(absolute === '' ? meaning.name : `${absolute}.${meaning.name}`);
      return submodule === undefined
        ? canonical(`${absolute}.${meaning.name}`, where)
        : { kind: 'module', module: submodule };
    }
  }
}

/** One name for what several modules export. */
function canonical(path: string, where: Where): Meant {
  const module = where.code.module(path);
  if (module !== undefined) return { kind: 'module', module };
  for (const [from, to] of RENAMED) {
    if (path.startsWith(from)) return { kind: 'external', path: to + path.slice(from.length) };
  }
  return { kind: 'external', path: own(MOVED, path) ?? path };
}

const RENAMED: readonly (readonly [string, string])[] = [
  ['typing_extensions.', 'typing.'],
  ['cog.types.', 'cog.'],
  ['cog.input.', 'cog.'],
  ['cog.model.', 'cog.'],
  ['cog.predictor.', 'cog.'],
  ['cog.base_predictor.', 'cog.'],
  ['cog.base_input.', 'cog.'],
  ['cog.server.scope.', 'cog.'],
  ['pydantic.main.', 'pydantic.'],
  ['pydantic.fields.', 'pydantic.'],
  ['numpy.typing.', 'numpy.'],
];

const MOVED: Readonly<Record<string, string>> = {
  'types.NoneType': 'builtins.None',
  'pathlib.PosixPath': 'pathlib.Path',
  'PIL.Image.Image': 'PIL.Image.Image',
};

const STAR_NAMES: Readonly<Record<'cog' | 'typing', ReadonlySet<string>>> = {
  cog: new Set(
    (
      'AsyncConcatenateIterator BaseModel BasePredictor BaseRunner CancelationException Coder ConcatenateIterator ' +
      'ExperimentalFeatureWarning FieldInfo File Input Opaque Path Scope Secret URLFile URLPath Weights batched concurrent ' +
      'current_scope emit_metric streaming'
    ).split(' '),
  ),
  typing: new Set(
    (
      'Any AnyStr AsyncGenerator AsyncIterable AsyncIterator Annotated BinaryIO Callable ClassVar Collection Counter ' +
      'DefaultDict Deque Dict Final FrozenSet Generator Generic IO Iterable Iterator List Literal Mapping MutableMapping ' +
      'MutableSequence MutableSet NamedTuple NewType NoReturn NotRequired Optional OrderedDict Protocol Required Sequence ' +
      'Set Text TextIO Tuple Type TypedDict TypeVar Union'
    ).split(' '),
  ),
};

const BUILTINS: ReadonlySet<string> = new Set(
  (
    'str int float bool list dict set frozenset tuple object bytes bytearray complex type range len sorted reversed min max ' +
    'sum map filter zip enumerate repr print open abs round any all isinstance getattr setattr hasattr super property ' +
    'staticmethod classmethod Exception ValueError TypeError RuntimeError KeyError NotImplementedError __file__ __name__ ' +
    'globals locals vars dir id hash iter next callable format chr ord hex oct bin memoryview slice input exec eval'
  ).split(' '),
);
