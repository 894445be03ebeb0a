import { compareBytes } from '../../../canonical.ts';

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

export function truthOf(value: PyValue): boolean {
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

export function numberOf(value: PyValue): number | undefined {
  if (value.kind === 'int') return Number(value.value);
  if (value.kind === 'float') return value.value;
  return value.kind === 'bool' ? Number(value.value) : undefined;
}

export function item(value: PyValue, index: PyValue): PyValue | undefined {
  if (value.kind === 'dict') return value.entries.find(([key]) => isSame(key, index))?.[1];
  if ((value.kind === 'list' || value.kind === 'tuple') && index.kind === 'int')
    return value.items.at(Number(index.value));
  return undefined;
}

export function joinPaths(parts: readonly string[]): string {
  return parts.reduce((base, part) =>
    part.startsWith('/') || base === '' ? part : `${base.replace(/\/+$/, '')}/${part}`,
  );
}

export function unique(items: readonly PyValue[]): readonly PyValue[] {
  return items.filter((one, index) => items.findIndex((other) => isSame(one, other)) === index);
}

export const MAX_ITEMS = 10_000;

export function range(given: readonly PyValue[]): PyValue | undefined {
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

export function sorted(items: readonly PyValue[]): (PyValue & { readonly kind: 'list' }) | undefined {
  if (items.every((one) => one.kind === 'str')) {
    // By code points, as Python does; UTF-8 keeps their order.
    return { kind: 'list', items: [...items].sort((a, b) => compareBytes(a.value, b.value)) };
  }
  if (items.every((one) => numberOf(one) !== undefined)) {
    return { kind: 'list', items: [...items].sort((a, b) => (numberOf(a) ?? 0) - (numberOf(b) ?? 0)) };
  }
  return undefined;
}

export function arithmetic(operator: string, left: PyValue, right: PyValue): PyValue | undefined {
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

export function callMethod(value: PyValue, name: string, args: readonly PyValue[] | undefined): PyValue | undefined {
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
