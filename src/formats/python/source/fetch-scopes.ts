import { readScope, walkStatements } from './module.ts';
import type { PyValue } from './py-value.ts';
import type { Local, Where } from './resolve-name.ts';
import {
  type Argument,
  type ClassNode,
  type Expression,
  type FunctionNode,
  partsOf,
  type Statement,
} from './syntax.ts';

/** Names of the parameters, without the object itself. */
export function usedParameters(node: FunctionNode): readonly string[] {
  return node.parameters.map(({ name }) => name).filter((name) => name !== 'self' && name !== 'cls');
}

/** A function's parameters, bound to the arguments of one call. */
export function boundTo(
  node: FunctionNode,
  args: readonly Argument[],
  where: Where,
): ReadonlyMap<string, Local | undefined> {
  const locals = new Map<string, Local | undefined>();
  for (const { name, default: value } of node.parameters) {
    locals.set(name, value === undefined ? undefined : { value, where: { ...where, locals: new Map() } });
  }
  const names = usedParameters(node);
  for (const [index, argument] of args.entries()) {
    const name = argument.how === 'keyword' ? argument.name : argument.how === 'positional' ? names[index] : undefined;
    if (name !== undefined && locals.has(name)) locals.set(name, { value: withoutSelf(argument.value), where });
  }
  return locals;
}

const SELF = 'self.';

/** `self.x` stands for what the class sets it to, if it does so once. */
export function withSelf(
  locals: ReadonlyMap<string, Local | undefined>,
  owner: ClassNode | undefined,
  where: Where,
): ReadonlyMap<string, Local | undefined> {
  if (owner === undefined) return locals;
  const all = new Map(locals);
  for (const [name, bindings] of readScope(owner.body).bindings) {
    const meaning = bindings.length === 1 ? bindings[0]?.meaning : undefined;
    if (meaning?.kind === 'value') all.set(SELF + name, { value: meaning.value, where: { ...where, within: owner } });
  }
  const attributes = new Map<string, Expression | undefined>();
  walkStatements(owner.body, (statement) => {
    if (statement.kind !== 'assign' || statement.value === undefined) return;
    for (const target of statement.targets) {
      if (target.kind !== 'attribute' || target.value.kind !== 'name' || target.value.name !== 'self') continue;
      attributes.set(target.name, attributes.has(target.name) ? undefined : statement.value);
    }
  });
  for (const [name, value] of attributes) {
    all.set(SELF + name, value === undefined ? undefined : { value: withoutSelf(value), where: { ...where, locals } });
  }
  return all;
}

/** The expression with `self.x` as one name. */
export function withoutSelf(expression: Expression): Expression {
  const { at } = expression;
  switch (expression.kind) {
    case 'attribute':
      if (expression.value.kind === 'name' && expression.value.name === 'self') {
        return { kind: 'name', at, name: SELF + expression.name };
      }
      return { ...expression, value: withoutSelf(expression.value) };
    case 'binary':
      return { ...expression, left: withoutSelf(expression.left), right: withoutSelf(expression.right) };
    case 'format':
      return {
        ...expression,
        parts: expression.parts.map((part) =>
          typeof part === 'string' ? part : { ...part, value: withoutSelf(part.value) },
        ),
      };
    case 'call':
      return {
        ...expression,
        callee: withoutSelf(expression.callee),
        args: expression.args.map((argument) => ({ ...argument, value: withoutSelf(argument.value) })),
      };
    case 'list':
    case 'tuple':
      return { ...expression, items: expression.items.map(withoutSelf) };
    case 'subscript':
      return { ...expression, value: withoutSelf(expression.value), index: withoutSelf(expression.index) };
    default:
      return expression;
  }
}

/** The names that a statement binds, and the loops that it begins. */
export function collect(
  statement: Statement,
  assigned: Map<string, Expression | undefined>,
  loops: { readonly target: Expression; readonly over: Expression }[],
): void {
  if (statement.kind === 'assign' && statement.value !== undefined) {
    for (const target of statement.targets) {
      if (target.kind === 'name') assigned.set(target.name, assigned.has(target.name) ? undefined : statement.value);
      else if (target.kind === 'tuple') {
        for (const item of target.items) if (item.kind === 'name') assigned.set(item.name, undefined);
      }
    }
  } else if (statement.kind === 'augment' && statement.target.kind === 'name') {
    assigned.set(statement.target.name, undefined);
  } else if (statement.kind === 'block') {
    const [target] = statement.binds;
    const [over] = statement.head;
    if (statement.how === 'loop' && statement.binds.length > 0 && target !== undefined && over !== undefined) {
      const targets: Expression =
        statement.binds.length === 1 ? target : { kind: 'tuple', at: statement.at, items: statement.binds };
      loops.push({ target: targets, over });
    }
    for (const bound of statement.binds) if (bound.kind === 'name') assigned.set(bound.name, undefined);
  }
}

/** Binds the names of a loop to one value. */
export function bindLoop(target: Expression, value: PyValue, locals: Map<string, Local | undefined>): void {
  if (target.kind === 'name') locals.set(target.name, { known: value });
  else if ((target.kind === 'tuple' || target.kind === 'list') && 'items' in value) {
    for (const [index, item] of target.items.entries()) {
      const one = value.items[index];
      if (one !== undefined) bindLoop(item, one, locals);
    }
  }
}

/** Whether an expression holds a name. */
export function mentions(expression: Expression, name: string): boolean {
  if (expression.kind === 'name') return expression.name === name;
  return partsOf(expression).some((part) => mentions(part, name));
}
