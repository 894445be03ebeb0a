import { compareBytes } from '../../../canonical.ts';
import type { PyValue } from './py-value.ts';

/** JSON whose integers may be as large as Python's. */
export type PyJson =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly PyJson[]
  | { readonly [key: string]: PyJson | undefined };

/** A value as Python's `json` writes it; undefined where it has no JSON form. */
export function jsonOf(value: PyValue): PyJson | undefined {
  switch (value.kind) {
    case 'none':
      return null;
    case 'bool':
    case 'str':
    case 'float':
    case 'int':
      return value.value;
    case 'list':
    case 'tuple': {
      const items = value.items.map(jsonOf);
      return items.some((one) => one === undefined) ? undefined : (items as readonly PyJson[]);
    }
    case 'dict': {
      const entries: [string, PyJson][] = [];
      for (const [key, one] of value.entries) {
        const json = jsonOf(one);
        if (key.kind !== 'str' || json === undefined) return undefined;
        entries.push([key.value, json]);
      }
      return Object.fromEntries(entries);
    }
    case 'member':
      return value.mixed ? jsonOf(value.value) : undefined;
    default:
      return undefined;
  }
}

/** As JSON.parse would give it: integers become numbers. */
export function plainJson(value: PyJson): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plainJson);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => (one === undefined ? [] : [[key, plainJson(one)]])),
  );
}

/** As text without white space, keys in byte-wise order; integers keep all their digits. */
export function formatPyJson(value: PyJson): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (isList(value)) return `[${value.map(formatPyJson).join(',')}]`;
  const members = Object.entries(value)
    .filter((entry): entry is [string, PyJson] => entry[1] !== undefined)
    .sort(([a], [b]) => compareBytes(a, b))
    .map(([key, one]) => `${JSON.stringify(key)}:${formatPyJson(one)}`);
  return `{${members.join(',')}}`;
}

/** Two documents in one; where both say something, the second is right. */
export function mergeJson(first: PyJson, second: PyJson): PyJson {
  if (!isObject(first) || !isObject(second)) return second;
  const merged: { [key: string]: PyJson | undefined } = { ...first };
  for (const [key, value] of Object.entries(second)) {
    const before = merged[key];
    merged[key] = before === undefined || value === undefined ? value : mergeJson(before, value);
  }
  return merged;
}

export function isList(value: PyJson | undefined): value is readonly PyJson[] {
  return Array.isArray(value);
}

function isObject(value: PyJson): value is { readonly [key: string]: PyJson | undefined } {
  return typeof value === 'object' && value !== null && !isList(value);
}
