import { evaluate, iterate } from './evaluate.ts';
import { callMethod, joinPaths, numberOf, type PyValue, range, sorted, textOf, truthOf, unique } from './py-value.ts';
import { deeper, type Local, type Meant, resolve, type Where } from './resolve-name.ts';
import type { Argument, Expression } from './syntax.ts';

/** What a call gives: of harmless builtins, of `Input` and its like, of methods of values, and of functions that only return; undefined for others. */
export function evaluateCall(expression: Expression & { readonly kind: 'call' }, where: Where): PyValue | undefined {
  const { callee, args } = expression;
  const meant = resolve(callee, where);
  if (meant?.kind === 'external') return callExternal(meant.path, expression, where);
  if (meant?.kind === 'function') return callFunction(meant, args, where);
  if (callee.kind !== 'attribute') return undefined;
  return callMethod(evaluate(callee.value, where), callee.name, positional(args, where));
}

function positional(args: readonly Argument[], where: Where): readonly PyValue[] | undefined {
  if (!args.every((argument) => argument.how === 'positional')) return undefined;
  return args.map((argument) => evaluate(argument.value, where));
}

const RECORDED: ReadonlySet<string> = new Set(['cog.Input', 'cog.FieldInfo', 'dataclasses.field', 'pydantic.Field']);
/** Parameters of `cog.Input`, in their order. */
export const INPUT_ARGUMENTS: readonly string[] = [
  'default',
  'description',
  'ge',
  'le',
  'min_length',
  'max_length',
  'regex',
  'choices',
  'deprecated',
  'accept',
];

function callExternal(
  path: string,
  expression: Expression & { readonly kind: 'call' },
  where: Where,
): PyValue | undefined {
  const { args } = expression;
  if (RECORDED.has(path)) {
    const found = new Map<string, PyValue>();
    for (const [index, argument] of args.entries()) {
      if (argument.how === 'keyword') found.set(argument.name, evaluate(argument.value, where));
      else if (argument.how === 'positional') {
        found.set(INPUT_ARGUMENTS[index] ?? `argument ${index + 1}`, evaluate(argument.value, where));
      } else if (argument.how === 'double-star') {
        const given = evaluate(argument.value, where);
        if (given.kind !== 'dict') return undefined;
        for (const [key, value] of given.entries) if (key.kind === 'str') found.set(key.value, value);
      } else return undefined;
    }
    return { kind: 'call', callee: path, args: found };
  }
  const given = positional(args, where);
  const [first, second] = given ?? [];
  if (given === undefined) {
    return path === 'builtins.sorted' ? sortedBy(args, where) : undefined;
  }
  switch (path) {
    case 'builtins.list':
    case 'builtins.tuple':
      return {
        kind: path === 'builtins.list' ? 'list' : 'tuple',
        items: first === undefined ? [] : iterate(first, expression, where),
      };
    case 'builtins.dict':
      return first === undefined ? { kind: 'dict', entries: [] } : first.kind === 'dict' ? first : undefined;
    case 'builtins.set':
    case 'builtins.frozenset':
      return { kind: 'set', items: first === undefined ? [] : unique(iterate(first, expression, where)) };
    case 'builtins.str': {
      const text = first === undefined ? '' : textOf(first);
      return text === undefined ? undefined : { kind: 'str', value: text };
    }
    case 'builtins.int':
      if (first?.kind === 'int') return first;
      if (first?.kind === 'float' && Number.isFinite(first.value))
        return { kind: 'int', value: BigInt(Math.trunc(first.value)) };
      return first?.kind === 'str' && /^[+-]?\d{1,300}$/.test(first.value)
        ? { kind: 'int', value: BigInt(first.value) }
        : undefined;
    case 'builtins.float': {
      const number = first === undefined ? undefined : numberOf(first);
      return number === undefined ? undefined : { kind: 'float', value: number };
    }
    case 'builtins.len':
      if (first?.kind === 'str') return { kind: 'int', value: BigInt([...first.value].length) };
      if (first?.kind === 'set') return { kind: 'int', value: BigInt(first.items.length) };
      return first === undefined ? undefined : { kind: 'int', value: BigInt(iterate(first, expression, where).length) };
    case 'builtins.range':
      return range(given);
    case 'builtins.sorted':
      return first === undefined
        ? undefined
        : sorted(first.kind === 'set' ? first.items : iterate(first, expression, where));
    case 'builtins.min':
    case 'builtins.max': {
      const items = given.length === 1 && first !== undefined ? iterate(first, expression, where) : given;
      const order = sorted(items);
      return order?.items.at(path === 'builtins.min' ? 0 : -1);
    }
    case 'cog.Path':
    case 'pathlib.Path':
    case 'os.path.join': {
      const parts = given.map(textOf);
      if (parts.length === 0 || parts.includes(undefined)) return undefined;
      return { kind: path === 'os.path.join' ? 'str' : 'path', value: joinPaths(parts as readonly string[]) };
    }
    case 'os.environ.get':
    case 'os.getenv': {
      if (where.environment === undefined || first?.kind !== 'str') return undefined;
      const value = where.environment.get(first.value);
      return value === undefined ? second : { kind: 'str', value };
    }
    case 'cog.Secret':
      return second === undefined ? { kind: 'call', callee: path, args: new Map() } : undefined;
    default:
      return undefined;
  }
}

function sortedBy(args: readonly Argument[], where: Where): PyValue | undefined {
  const [first, second] = args;
  if (args.length !== 2 || first?.how !== 'positional' || second?.name !== 'reverse') return undefined;
  const value = evaluate(first.value, where);
  const order = sorted(value.kind === 'set' ? value.items : iterate(value, first.value, where));
  if (order === undefined) return undefined;
  const reverse = truthOf(evaluate(second.value, where));
  return reverse ? { kind: 'list', items: [...order.items].reverse() } : order;
}

/** A project's own function whose body is one `return`: what it gives for these arguments. */
function callFunction(
  { module, node, within }: Meant & { readonly kind: 'function' },
  args: readonly Argument[],
  where: Where,
): PyValue | undefined {
  const body = node.body.filter((statement) => !(statement.kind === 'expression' && statement.value.kind === 'string'));
  const [only] = body;
  if (node.isAsync || body.length !== 1 || only?.kind !== 'return' || only.value === undefined) return undefined;
  const outside = { ...where, module, within: undefined, before: undefined };
  const isStatic =
    within !== undefined && node.decorators.some((one) => one.kind === 'name' && one.name === 'staticmethod');
  if (node.decorators.length > (isStatic ? 1 : 0) || (within !== undefined && !isStatic)) return undefined;
  const locals = new Map<string, Local | undefined>();
  for (const parameter of node.parameters) {
    if (parameter.how === 'star' || parameter.how === 'double-star') return undefined;
    locals.set(
      parameter.name,
      parameter.default === undefined ? undefined : { value: parameter.default, where: deeper(outside) },
    );
  }
  for (const [index, argument] of args.entries()) {
    const name = argument.how === 'keyword' ? argument.name : node.parameters[index]?.name;
    if (name === undefined || !locals.has(name) || !['keyword', 'positional'].includes(argument.how)) return undefined;
    locals.set(name, { value: argument.value, where });
  }
  return evaluate(only.value, deeper(outside, { locals }));
}
