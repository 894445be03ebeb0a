import { compareBytes } from '../../../canonical.ts';
import { NotReadable } from './outcome.ts';
import { deeper, type Local, type Meant, resolve, type Where } from './resolve-name.ts';
import type { Argument, ClassNode, ComprehensionLoop, Expression } from './syntax.ts';

/** A value that reading alone gives. */
export type PyValue =
  | { readonly kind: 'none' }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'str'; readonly value: string }
  | { readonly kind: 'list' | 'tuple' | 'set'; readonly items: readonly PyValue[] }
  | { readonly kind: 'dict'; readonly entries: readonly (readonly [PyValue, PyValue])[] }
  | { readonly kind: 'path'; readonly value: string }
  | {
      readonly kind: 'member';
      readonly of: string;
      readonly name: string;
      readonly value: PyValue;
      readonly mixed: boolean;
    }
  | { readonly kind: 'call'; readonly callee: string; readonly args: ReadonlyMap<string, PyValue> }
  | { readonly kind: 'ellipsis' }
  /** `list`, `dict` and the like as values; a factory's name. */
  | { readonly kind: 'named'; readonly path: string };

const MAX_ITEMS = 10_000;

/** Evaluates an expression of constants, names of constants and harmless builtins. Throws NotReadable for everything else. */
export function evaluate(expression: Expression, where: Where): PyValue {
  const inner = deeper(where);
  switch (expression.kind) {
    case 'string':
      return { kind: 'str', value: expression.value };
    case 'integer':
      return { kind: 'int', value: expression.value };
    case 'float':
      return { kind: 'float', value: expression.value };
    case 'boolean':
      return { kind: 'bool', value: expression.value };
    case 'none':
    case 'ellipsis':
      return { kind: expression.kind };
    case 'list':
    case 'tuple':
    case 'set':
      return { kind: expression.kind, items: itemsOf(expression.items, inner) };
    case 'dict':
      return { kind: 'dict', entries: entriesOf(expression, inner) };
    case 'format':
      return {
        kind: 'str',
        value: expression.parts
          .map((part) => {
            if (typeof part === 'string') return part;
            if (!part.plain) throw unreadable('a formatted value', expression, where);
            return textOf(evaluate(part.value, inner)) ?? fail('a formatted value', expression, where);
          })
          .join(''),
      };
    case 'name':
    case 'attribute': {
      const member = attributeOf(expression, inner);
      if (member !== undefined) return member;
      const meant = resolve(expression, inner);
      const value = meant === undefined ? undefined : namedValue(meant, inner);
      return value ?? fail(describe(expression), expression, where);
    }
    case 'unary':
      return unary(expression, inner) ?? fail('a computed value', expression, where);
    case 'binary':
      return binary(expression, inner) ?? fail('a computed value', expression, where);
    case 'subscript':
      return (
        item(evaluate(expression.value, inner), evaluate(expression.index, inner)) ??
        fail('a computed value', expression, where)
      );
    case 'call':
      return call(expression, inner) ?? fail(`what ${describe(expression.callee)}() gives`, expression, where);
    case 'comprehension': {
      const items: PyValue[] = [];
      const pairs: (readonly [PyValue, PyValue])[] = [];
      loop(expression.loops, inner, (scope) => {
        if (items.length + pairs.length >= MAX_ITEMS) throw unreadable('a long list', expression, where);
        const element = evaluate(expression.element, scope);
        if (expression.value === undefined) items.push(element);
        else pairs.push([element, evaluate(expression.value, scope)]);
      });
      if (expression.of === 'dict') return { kind: 'dict', entries: pairs };
      return { kind: expression.of === 'set' ? 'set' : 'list', items };
    }
    default:
      throw unreadable('a computed value', expression, where);
  }
}

/** What a name stands for, as a value; undefined for what has none here. */
export function namedValue(meant: Meant, where: Where): PyValue | undefined {
  if (meant.kind === 'value') return evaluate(meant.value, meant.where);
  if (meant.kind === 'known') return meant.known;
  if (meant.kind === 'external' && meant.path === 'builtins.None') return { kind: 'none' };
  if (meant.kind === 'external') return { kind: 'named', path: meant.path };
  if (meant.kind === 'class' && isEnum(meant.node, deeper(where, { module: meant.module, within: undefined }))) {
    return {
      kind: 'list',
      items: enumMembers(meant.node, deeper(where, { module: meant.module, within: undefined, before: undefined })),
    };
  }
  return undefined;
}

/** Python's `str()` of a value, where it is what one expects. */
export function textOf(value: PyValue): string | undefined {
  switch (value.kind) {
    case 'str':
    case 'path':
      return value.value;
    case 'int':
      return value.value.toString();
    case 'bool':
      return value.value ? 'True' : 'False';
    case 'none':
      return 'None';
    default:
      return undefined;
  }
}

/** Python's `==` for plain values: 1, 1.0 and True are the same. */
export function isSame(a: PyValue, b: PyValue): boolean {
  const [left, right] = [numberOf(a), numberOf(b)];
  if (left !== undefined && right !== undefined) return left === right;
  if ((a.kind === 'str' && b.kind === 'str') || (a.kind === 'path' && b.kind === 'path')) return a.value === b.value;
  if ((a.kind === 'list' || a.kind === 'tuple') && a.kind === b.kind) {
    return a.items.length === b.items.length && a.items.every((one, index) => isSame(one, b.items[index] ?? one));
  }
  if (a.kind === 'member' && a.mixed) return isSame(a.value, b);
  if (b.kind === 'member' && b.mixed) return isSame(a, b.value);
  return a.kind === 'none' && b.kind === 'none';
}

export function isEnum(node: ClassNode, where: Where): boolean {
  return enumMixin(node, where) !== undefined;
}

/** `Enum`, or what an enumeration's members are besides: `str`, `int`. Undefined for a class that is none, or may be none. */
export function enumMixin(node: ClassNode, where: Where): 'plain' | 'mixed' | undefined {
  let found: 'plain' | 'mixed' | undefined;
  let mixed = false;
  for (const base of node.bases) {
    if (base.how !== 'positional') return undefined;
    const meant = resolve(base.value, where);
    if (meant?.kind === 'external') {
      if (meant.path === 'enum.Enum') found = 'plain';
      else if (['enum.IntEnum', 'enum.StrEnum', 'enum.IntFlag', 'enum.Flag'].includes(meant.path)) found = 'mixed';
      else if (['builtins.str', 'builtins.int', 'builtins.float'].includes(meant.path)) mixed = true;
      else return undefined;
    } else if (meant?.kind === 'class') {
      found ??= enumMixin(meant.node, deeper(where, { module: meant.module, within: undefined, before: undefined }));
    }
  }
  return found === 'plain' && mixed ? 'mixed' : found;
}

/** The members of an enumeration in order, aliases left out. Throws NotReadable where a value is computed. */
export function enumMembers(node: ClassNode, where: Where): readonly (PyValue & { kind: 'member' })[] {
  const mixed = enumMixin(node, where) === 'mixed';
  const inner = deeper(where, { within: node, before: undefined });
  const members: (PyValue & { kind: 'member' })[] = [];
  let last = 0n;
  for (const statement of node.body) {
    if (statement.kind === 'function' || statement.kind === 'class') {
      if (
        statement.name === '_generate_next_value_' ||
        statement.name === '__new__' ||
        statement.name === '_missing_'
      ) {
        if (statement.name !== '_missing_') throw unreadable('the values of an enumeration', statement, where);
      }
      continue;
    }
    if (statement.kind === 'expression' && statement.value.kind === 'string') continue;
    if (statement.kind === 'other' || (statement.kind === 'assign' && statement.value === undefined)) continue;
    if (statement.kind !== 'assign' || statement.value === undefined) {
      throw unreadable('the values of an enumeration', statement, where);
    }
    for (const target of statement.targets) {
      if (target.kind !== 'name') throw unreadable('the values of an enumeration', statement, where);
      if (target.name.startsWith('_')) continue;
      const before = deeper(inner, { before: statement.at });
      const value =
        autoValue(statement.value, target.name, { node, last, where: before }) ?? evaluate(statement.value, before);
      if (value.kind === 'int') last = value.value;
      if (members.some((member) => isSame(member.value, value))) continue;
      members.push({ kind: 'member', of: node.name, name: target.name, value, mixed });
    }
  }
  return members;
}

function autoValue(
  expression: Expression,
  name: string,
  { node, last, where }: { readonly node: ClassNode; readonly last: bigint; readonly where: Where },
): PyValue | undefined {
  if (expression.kind !== 'call') return undefined;
  const meant = resolve(expression.callee, where);
  if (meant?.kind !== 'external' || meant.path !== 'enum.auto') return undefined;
  const bases = node.bases.map((base) => resolve(base.value, { ...where, within: undefined }));
  const isOne = (path: string): boolean => bases.some((base) => base?.kind === 'external' && base.path === path);
  if (isOne('enum.StrEnum')) return { kind: 'str', value: name.toLowerCase() };
  if (isOne('builtins.str') || isOne('enum.Flag') || isOne('enum.IntFlag')) {
    throw unreadable('enum.auto()', expression, where);
  }
  return { kind: 'int', value: last + 1n };
}

/** `Color.RED`, `Color.RED.value`, and attributes of values. */
function attributeOf(expression: Expression, where: Where): PyValue | undefined {
  if (expression.kind !== 'attribute') return undefined;
  const meant = resolve(expression.value, where);
  if (meant?.kind === 'class') {
    const inside = deeper(where, { module: meant.module, within: undefined, before: undefined });
    if (!isEnum(meant.node, inside)) return undefined;
    return enumMembers(meant.node, inside).find((member) => member.name === expression.name);
  }
  if (expression.name !== 'value' && expression.name !== 'name') return undefined;
  if (meant?.kind === 'external' || meant?.kind === 'module') return undefined;
  const value = evaluate(expression.value, where);
  if (value.kind !== 'member') return undefined;
  if (expression.name === 'value') return value.value;
  return expression.name === 'name' ? { kind: 'str', value: value.name } : undefined;
}

function itemsOf(items: readonly Expression[], where: Where): readonly PyValue[] {
  return items.flatMap((one) =>
    one.kind === 'star' ? iterate(evaluate(one.value, where), one, where) : [evaluate(one, where)],
  );
}

function entriesOf(
  { entries }: Expression & { readonly kind: 'dict' },
  where: Where,
): readonly (readonly [PyValue, PyValue])[] {
  const found: [PyValue, PyValue][] = [];
  const put = (key: PyValue, value: PyValue): void => {
    const known = found.find((entry) => isSame(entry[0], key));
    if (known === undefined) found.push([key, value]);
    else known[1] = value;
  };
  for (const { key, value } of entries) {
    const evaluated = evaluate(value, where);
    if (key !== undefined) put(evaluate(key, where), evaluated);
    else if (evaluated.kind === 'dict') for (const [one, other] of evaluated.entries) put(one, other);
    else throw unreadable('a computed value', value, where);
  }
  return found;
}

function iterate(value: PyValue, at: Expression, where: Where): readonly PyValue[] {
  switch (value.kind) {
    case 'list':
    case 'tuple':
      return value.items;
    case 'set':
      if (value.items.length < 2) return value.items;
      break;
    case 'dict':
      return value.entries.map(([key]) => key);
    case 'str':
      return [...value.value].map((character) => ({ kind: 'str', value: character }));
  }
  throw unreadable('the order of a set, or a computed value,', at, where);
}

function loop(loops: readonly ComprehensionLoop[], where: Where, body: (where: Where) => void): void {
  const [first, ...rest] = loops;
  if (first === undefined) {
    body(where);
    return;
  }
  for (const value of iterate(evaluate(first.over, where), first.over, where)) {
    const locals = new Map(where.locals);
    bindLocal(first.target, value, locals, where);
    const scope = { ...where, locals };
    if (first.conditions.every((condition) => truthOf(evaluate(condition, scope)))) loop(rest, scope, body);
  }
}

function bindLocal(target: Expression, value: PyValue, locals: Map<string, Local | undefined>, where: Where): void {
  if (target.kind === 'name') locals.set(target.name, { known: value });
  else if ((target.kind === 'tuple' || target.kind === 'list') && (value.kind === 'tuple' || value.kind === 'list')) {
    for (const [index, inner] of target.items.entries()) {
      bindLocal(inner, value.items[index] ?? { kind: 'none' }, locals, where);
    }
  } else throw unreadable('a computed value', target, where);
}

function truthOf(value: PyValue): boolean {
  switch (value.kind) {
    case 'none':
      return false;
    case 'list':
    case 'tuple':
    case 'set':
      return value.items.length > 0;
    case 'dict':
      return value.entries.length > 0;
    case 'str':
      return value.value !== '';
    default:
      return (numberOf(value) ?? 1) !== 0;
  }
}

function numberOf(value: PyValue): number | undefined {
  if (value.kind === 'int') return Number(value.value);
  if (value.kind === 'float') return value.value;
  return value.kind === 'bool' ? Number(value.value) : undefined;
}

function unary({ operator, operand }: Expression & { readonly kind: 'unary' }, where: Where): PyValue | undefined {
  const value = evaluate(operand, where);
  if (operator === 'not') return { kind: 'bool', value: !truthOf(value) };
  if (value.kind === 'int') {
    if (operator === '-') return { kind: 'int', value: -value.value };
    if (operator === '+') return value;
    if (operator === '~') return { kind: 'int', value: ~value.value };
  }
  if (value.kind === 'float' && operator === '-') return { kind: 'float', value: -value.value };
  return value.kind === 'float' && operator === '+' ? value : undefined;
}

function binary(expression: Expression & { readonly kind: 'binary' }, where: Where): PyValue | undefined {
  const { operator } = expression;
  const left = evaluate(expression.left, where);
  if (operator === 'and') return truthOf(left) ? evaluate(expression.right, where) : left;
  if (operator === 'or') return truthOf(left) ? left : evaluate(expression.right, where);
  const right = evaluate(expression.right, where);
  if (operator === '==' || operator === '!=')
    return { kind: 'bool', value: isSame(left, right) === (operator === '==') };
  if (operator === 'in' || operator === 'not in') {
    if (left.kind === 'str' && right.kind === 'str') {
      return { kind: 'bool', value: right.value.includes(left.value) === (operator === 'in') };
    }
    const items = right.kind === 'set' ? right.items : iterate(right, expression, where);
    return { kind: 'bool', value: items.some((one) => isSame(one, left)) === (operator === 'in') };
  }
  if (left.kind === 'str' && right.kind === 'str' && operator === '+') {
    return { kind: 'str', value: left.value + right.value };
  }
  if ((left.kind === 'list' || left.kind === 'tuple') && right.kind === left.kind && operator === '+') {
    return { kind: left.kind, items: [...left.items, ...right.items] };
  }
  if (left.kind === 'dict' && right.kind === 'dict' && operator === '|') {
    const kept = left.entries.filter(([key]) => !right.entries.some(([other]) => isSame(key, other)));
    return { kind: 'dict', entries: [...kept, ...right.entries] };
  }
  if (operator === '/' && (left.kind === 'path' || right.kind === 'path')) {
    const [base, rest] = [textOf(left), textOf(right)];
    if (base === undefined || rest === undefined) return undefined;
    return { kind: 'path', value: rest.startsWith('/') ? rest : `${base === '.' ? '' : `${base}/`}${rest}` };
  }
  return arithmetic(operator, left, right);
}

function arithmetic(operator: string, left: PyValue, right: PyValue): PyValue | undefined {
  if (left.kind === 'int' && right.kind === 'int') {
    const [a, b] = [left.value, right.value];
    switch (operator) {
      case '+':
        return { kind: 'int', value: a + b };
      case '-':
        return { kind: 'int', value: a - b };
      case '*':
        return bitsOf(a) + bitsOf(b) > 4096 ? undefined : { kind: 'int', value: a * b };
      case '<<':
        return b >= 0n && b <= 1024n && bitsOf(a) <= 1024 ? { kind: 'int', value: a << b } : undefined;
      case '**':
        return b >= 0n && bitsOf(a) * Number(b) <= 4096 ? { kind: 'int', value: a ** b } : undefined;
      case '//':
        return b > 0n && a >= 0n ? { kind: 'int', value: a / b } : undefined;
      case '%':
        return b > 0n && a >= 0n ? { kind: 'int', value: a % b } : undefined;
    }
  }
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a === undefined || b === undefined) return undefined;
  switch (operator) {
    case '+':
      return { kind: 'float', value: a + b };
    case '-':
      return { kind: 'float', value: a - b };
    case '*':
      return { kind: 'float', value: a * b };
    case '/':
      return b === 0 ? undefined : { kind: 'float', value: a / b };
    case '<':
      return { kind: 'bool', value: a < b };
    case '<=':
      return { kind: 'bool', value: a <= b };
    case '>':
      return { kind: 'bool', value: a > b };
    case '>=':
      return { kind: 'bool', value: a >= b };
    default:
      return undefined;
  }
}

function bitsOf(value: bigint): number {
  return value.toString(16).length * 4;
}

function item(value: PyValue, index: PyValue): PyValue | undefined {
  if (value.kind === 'dict') return value.entries.find(([key]) => isSame(key, index))?.[1];
  if ((value.kind === 'list' || value.kind === 'tuple') && index.kind === 'int')
    return value.items.at(Number(index.value));
  return undefined;
}

function call(expression: Expression & { readonly kind: 'call' }, where: Where): PyValue | undefined {
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
const INPUT_ARGUMENTS = [
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
    case 'cog.Secret':
      return second === undefined ? { kind: 'call', callee: path, args: new Map() } : undefined;
    default:
      return undefined;
  }
}

function joinPaths(parts: readonly string[]): string {
  return parts.reduce((base, part) =>
    part.startsWith('/') || base === '' ? part : `${base.replace(/\/+$/, '')}/${part}`,
  );
}

function unique(items: readonly PyValue[]): readonly PyValue[] {
  return items.filter((one, index) => items.findIndex((other) => isSame(one, other)) === index);
}

function range(given: readonly PyValue[]): PyValue | undefined {
  const numbers = given.map((value) => (value.kind === 'int' ? Number(value.value) : Number.NaN));
  const [start, stop, step] =
    numbers.length === 1 ? [0, numbers[0] ?? 0, 1] : [numbers[0] ?? 0, numbers[1] ?? 0, numbers[2] ?? 1];
  if (![start, stop, step].every(Number.isSafeInteger) || step === 0 || Math.abs((stop - start) / step) > MAX_ITEMS) {
    return undefined;
  }
  const items: PyValue[] = [];
  for (let value = start; step > 0 ? value < stop : value > stop; value += step) {
    items.push({ kind: 'int', value: BigInt(value) });
  }
  return { kind: 'list', items };
}

function sorted(items: readonly PyValue[]): (PyValue & { readonly kind: 'list' }) | undefined {
  if (items.every((one) => one.kind === 'str')) {
    // By code points, as Python does; UTF-8 keeps their order.
    return { kind: 'list', items: [...items].sort((a, b) => compareBytes(a.value, b.value)) };
  }
  if (items.every((one) => numberOf(one) !== undefined)) {
    return { kind: 'list', items: [...items].sort((a, b) => (numberOf(a) ?? 0) - (numberOf(b) ?? 0)) };
  }
  return undefined;
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

function callMethod(value: PyValue, name: string, args: readonly PyValue[] | undefined): PyValue | undefined {
  if (args === undefined) return undefined;
  const texts = args.map((argument) => (argument.kind === 'str' ? argument.value : undefined));
  const [first, second] = texts;
  if (value.kind === 'dict') {
    if (name === 'keys' && args.length === 0) return { kind: 'list', items: value.entries.map(([key]) => key) };
    if (name === 'values' && args.length === 0) return { kind: 'list', items: value.entries.map(([, one]) => one) };
    if (name === 'items' && args.length === 0) {
      return { kind: 'list', items: value.entries.map((pair) => ({ kind: 'tuple', items: pair })) };
    }
    const [key, fallback] = args;
    if (name === 'get' && key !== undefined) return item(value, key) ?? fallback ?? { kind: 'none' };
    return name === 'copy' ? value : undefined;
  }
  if (value.kind === 'list' && name === 'copy') return value;
  if (value.kind !== 'str') return undefined;
  const text = value.value;
  switch (name) {
    case 'upper':
      return { kind: 'str', value: text.toUpperCase() };
    case 'lower':
      return { kind: 'str', value: text.toLowerCase() };
    case 'strip':
      return args.length === 0 ? { kind: 'str', value: text.trim() } : undefined;
    case 'replace':
      return first === undefined || second === undefined || args.length !== 2 || first === ''
        ? undefined
        : { kind: 'str', value: text.replaceAll(first, () => second) };
    case 'split': {
      const pieces =
        args.length === 0 ? text.split(/\s+/).filter((piece) => piece !== '') : first ? text.split(first) : undefined;
      return pieces === undefined || args.length > 1
        ? undefined
        : { kind: 'list', items: pieces.map((piece) => ({ kind: 'str', value: piece })) };
    }
    case 'join': {
      const [list] = args;
      if (list === undefined || (list.kind !== 'list' && list.kind !== 'tuple')) return undefined;
      const pieces = list.items.map((one) => (one.kind === 'str' ? one.value : undefined));
      return pieces.includes(undefined) ? undefined : { kind: 'str', value: pieces.join(text) };
    }
    case 'format': {
      let index = 0;
      let readable = true;
      const filled = text.replace(/\{\{|\}\}|\{(\d*)\}|[{}]/g, (mark, number?: string) => {
        if (mark === '{{' || mark === '}}') return mark[0] ?? '';
        const argument = number === undefined ? undefined : args[number === '' ? index++ : Number(number)];
        const shown = argument === undefined ? undefined : textOf(argument);
        if (shown === undefined) readable = false;
        return shown ?? '';
      });
      return readable ? { kind: 'str', value: filled } : undefined;
    }
    default:
      return undefined;
  }
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

/** A dotted name, for a message. */
export function describe(expression: Expression): string {
  if (expression.kind === 'name') return expression.name;
  if (expression.kind === 'attribute') return `${describe(expression.value)}.${expression.name}`;
  return expression.kind === 'call' ? `${describe(expression.callee)}()` : 'an expression';
}

function unreadable(what: string, { at }: { readonly at: number }, where: Where): NotReadable {
  return new NotReadable(`${what} is only known when it runs`, where.module.place(at));
}

function fail(what: string, at: { readonly at: number }, where: Where): never {
  throw unreadable(what, at, where);
}
