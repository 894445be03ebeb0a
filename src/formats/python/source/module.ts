import type { SourcePlace } from './outcome.ts';
import { parsePython } from './parse-python.ts';
import { bodiesOf, type ClassNode, type Expression, type FunctionNode, type Statement } from './syntax.ts';

/** What a statement makes a name stand for. */
export type Meaning =
  | { readonly kind: 'module'; readonly module: string }
  | { readonly kind: 'from'; readonly level: number; readonly module: string; readonly name: string }
  | { readonly kind: 'class'; readonly node: ClassNode }
  | { readonly kind: 'function'; readonly node: FunctionNode }
  | { readonly kind: 'value'; readonly value: Expression }
  | { readonly kind: 'unknown' };

export interface Binding {
  readonly at: number;
  readonly meaning: Meaning;
  /** Whether the statement always runs. */
  readonly certain: boolean;
}

/** The names of a module or class body. */
export interface Scope {
  readonly bindings: ReadonlyMap<string, readonly Binding[]>;
  /** Modules of `from x import *`. */
  readonly stars: readonly { readonly level: number; readonly module: string }[];
}

/** One file of Python. */
export interface Module extends Scope {
  /** Relative to the project. */
  readonly path: string;
  /** Dotted name of the package that relative imports start from; undefined for the model's own file, which has none. */
  readonly package: string | undefined;
  readonly body: readonly Statement[];
  /** The first place that could not be parsed. */
  readonly broken: SourcePlace | undefined;
  /** Annotations are not evaluated where they stand. */
  readonly postponed: boolean;
  place(at: number): SourcePlace;
}

export function readModule(path: string, source: string, packageName: string | undefined): Module {
  const text = source.startsWith('\ufeff') ? source.slice(1) : source;
  const { body, broken } = parsePython(text);
  const lines: number[] = [0];
  for (let index = text.indexOf('\n'); index >= 0; index = text.indexOf('\n', index + 1)) lines.push(index + 1);
  const place = (at: number): SourcePlace => ({ file: path, line: lineOf(lines, at) });
  return {
    path,
    package: packageName,
    body,
    broken: broken === undefined ? undefined : place(broken),
    postponed: body.some(
      (statement) =>
        statement.kind === 'from' &&
        statement.module === '__future__' &&
        statement.names.some(({ name }) => name === 'annotations'),
    ),
    place,
    ...readScope(body),
  };
}

/** Reads what the statements of a module or class body bind, in their order. */
export function readScope(body: readonly Statement[]): Scope {
  const bindings = new Map<string, Binding[]>();
  const stars: { level: number; module: string }[] = [];

  const bind = (name: string, binding: Binding): void => {
    const known = bindings.get(name);
    if (known === undefined) bindings.set(name, [binding]);
    else known.push(binding);
  };

  const bindTarget = (target: Expression, meaning: Meaning, at: number, certain: boolean): void => {
    if (target.kind === 'name') bind(target.name, { at, meaning, certain });
    else if (target.kind === 'tuple' || target.kind === 'list') {
      const value = meaning.kind === 'value' ? meaning.value : undefined;
      const items = value?.kind === 'tuple' || value?.kind === 'list' ? value.items : undefined;
      const paired = items?.length === target.items.length && !items.some((item) => item.kind === 'star');
      for (const [index, inner] of target.items.entries()) {
        const item = paired ? items?.[index] : undefined;
        bindTarget(inner, item === undefined ? UNKNOWN : { kind: 'value', value: item }, at, certain);
      }
    } else if (target.kind === 'star') bindTarget(target.value, UNKNOWN, at, certain);
    else changes(target, at);
  };

  /** A name whose value is changed in place is no longer what it was bound to. */
  const changes = (target: Expression, at: number): void => {
    const base = target.kind === 'subscript' || target.kind === 'attribute' ? target.value : target;
    if (base.kind === 'name') bind(base.name, { at, meaning: UNKNOWN, certain: true });
    else if (base !== target) changes(base, at);
  };

  const read = (statements: readonly Statement[], certain: boolean): void => {
    for (const statement of statements) readOne(statement, certain);
  };

  const readOne = (statement: Statement, certain: boolean): void => {
    const { at } = statement;
    switch (statement.kind) {
      case 'import':
        for (const { module, as } of statement.modules) {
          const name = as ?? module.split('.')[0] ?? module;
          bind(name, { at, meaning: { kind: 'module', module: as === undefined ? name : module }, certain });
        }
        return;
      case 'from':
        for (const { name, as } of statement.names) {
          if (name === '*') stars.push({ level: statement.level, module: statement.module });
          else {
            const { level, module } = statement;
            bind(as, { at, meaning: { kind: 'from', level, module, name }, certain });
          }
        }
        return;
      case 'class':
      case 'function':
        bind(statement.name, {
          at,
          meaning:
            statement.kind === 'class' ? { kind: 'class', node: statement } : { kind: 'function', node: statement },
          certain,
        });
        return;
      case 'assign':
        if (statement.value === undefined) return;
        for (const target of statement.targets) {
          bindTarget(target, { kind: 'value', value: statement.value }, at, certain);
        }
        return;
      case 'augment':
        changes(statement.target, at);
        return;
      case 'expression':
        if (isChange(statement.value)) changes(statement.value.callee.value, at);
        return;
      case 'block': {
        const [first, ...rest] = statement.bodies;
        for (const target of statement.binds) bindTarget(target, UNKNOWN, at, false);
        if (statement.how === 'if' && isMainGuard(statement.head[0])) {
          for (const other of rest) read(other, certain);
          return;
        }
        read(first ?? [], certain && (statement.how === 'try' || statement.how === 'with'));
        // What follows a `try` stands in for it where it fails: the body itself counts.
        if (statement.how === 'try' && bodiesBindNothingNew(first ?? [], rest)) return;
        for (const other of rest) read(other, false);
        return;
      }
      default:
        return;
    }
  };

  read(body, true);
  return { bindings, stars };
}

const UNKNOWN: Meaning = { kind: 'unknown' };

const CHANGING: ReadonlySet<string> = new Set(
  'append extend insert update remove pop popitem sort reverse clear setdefault add discard'.split(' '),
);

function isChange(
  expression: Expression,
): expression is Expression & { kind: 'call'; callee: Expression & { kind: 'attribute' } } {
  return expression.kind === 'call' && expression.callee.kind === 'attribute' && CHANGING.has(expression.callee.name);
}

/** `if __name__ == "__main__":`, which a server never enters. */
function isMainGuard(test: Expression | undefined): boolean {
  return test?.kind === 'binary' && test.left.kind === 'name' && test.left.name === '__name__';
}

/** `try: from a import X` with `except ImportError: from b import X`: the usual way to say where a thing lives. */
function bodiesBindNothingNew(first: readonly Statement[], rest: readonly (readonly Statement[])[]): boolean {
  const isImport = (statement: Statement): boolean => statement.kind === 'import' || statement.kind === 'from';
  return first.length > 0 && first.every(isImport) && rest.every((body) => body.every(isImport));
}

function lineOf(lines: readonly number[], at: number): number {
  let low = 0;
  let high = lines.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((lines[middle] ?? 0) <= at) low = middle;
    else high = middle;
  }
  return low + 1;
}

/** Calls `visit` for each statement, those inside others included, with the functions around it. */
export function walkStatements(
  body: readonly Statement[],
  visit: (statement: Statement, around: readonly (FunctionNode | ClassNode)[]) => void,
  around: readonly (FunctionNode | ClassNode)[] = [],
): void {
  for (const statement of body) {
    visit(statement, around);
    const inner = statement.kind === 'class' || statement.kind === 'function' ? [...around, statement] : around;
    for (const nested of bodiesOf(statement)) walkStatements(nested, visit, inner);
  }
}
