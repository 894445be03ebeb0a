import { enumMembers, isEnum } from './enumeration.ts';
import { evaluateCall } from './evaluate-call.ts';
import { NotReadable } from './outcome.ts';
import { arithmetic, isSame, item, MAX_ITEMS, type PyValue, textOf, truthOf } from './py-value.ts';
import { deeper, type Local, type Meant, resolve, type Where } from './resolve-name.ts';
import type { ComprehensionLoop, Expression } from './syntax.ts';

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
      return evaluateCall(expression, inner) ?? fail(`what ${describe(expression.callee)}() gives`, expression, where);
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

export function iterate(value: PyValue, at: Expression, where: Where): readonly PyValue[] {
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
  if (left.kind === 'str' && operator === '%') return formatted(left.value, right);
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

/** `FORMAT % VALUES`, of `%s` alone. */
function formatted(format: string, value: PyValue): PyValue | undefined {
  const texts = (value.kind === 'tuple' ? value.items : [value]).map(textOf);
  const pieces = format.replaceAll('%%', '\ufffc').split('%s');
  if (texts.includes(undefined) || pieces.length !== texts.length + 1 || pieces.some((piece) => piece.includes('%')))
    return undefined;
  const text = pieces.map((piece, index) => piece.replaceAll('\ufffc', '%') + (texts[index] ?? '')).join('');
  return { kind: 'str', value: text };
}

/** A dotted name, for a message. */
export function describe(expression: Expression): string {
  if (expression.kind === 'name') return expression.name;
  if (expression.kind === 'attribute') return `${describe(expression.value)}.${expression.name}`;
  return expression.kind === 'call' ? `${describe(expression.callee)}()` : 'an expression';
}

export function unreadable(what: string, { at }: { readonly at: number }, where: Where): NotReadable {
  return new NotReadable(`${what} is only known when it runs`, where.module.place(at));
}

function fail(what: string, at: { readonly at: number }, where: Where): never {
  throw unreadable(what, at, where);
}
