import { compareBytes, type Json } from '../canonical.ts';
import { bug } from '../errors.ts';
import type { Lock } from './schema.generated.ts';
import { LOCK_SHAPE, type Shape } from './shapes.ts';

type JsonObject = { readonly [key: string]: Json | undefined };

/** The lock as the bytes of its file: the same lock value gives the same text, whatever order its keys were set in. */
export function formatLock(lock: Lock): string {
  return `${format(lock as unknown as Json, LOCK_SHAPE, { indent: '', path: ['lock'] })}\n`;
}

interface Place {
  readonly indent: string;
  /** Keys from the lock's root, for messages. It grows and shrinks while values are walked. */
  readonly path: string[];
}

function format(value: Json, shape: Shape, place: Place): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  switch (shape.kind) {
    case 'plain':
      return formatPlain(value, place.indent);
    case 'list': {
      const inner = inside(place, shape.inline);
      const items = (value as readonly Json[]).map((item, index) => formatAt(String(index), item, shape.of, inner));
      return block('[]', items, shape.inline, place.indent);
    }
    case 'map': {
      const inner = inside(place, shape.inline);
      const items = sortedEntries(value as JsonObject).map(
        ([key, item]) => `${JSON.stringify(key)}: ${formatAt(key, item, shape.of, inner)}`,
      );
      return block('{}', items, shape.inline, place.indent);
    }
    case 'variants': {
      const kind = String((value as JsonObject).kind);
      const variant = shape.of[kind];
      if (variant === undefined) throw bug(`${place.path.join('.')} of kind ${kind} has no place in the lock's layout`);
      return format(value, variant, place);
    }
    case 'object':
      return block('{}', formatMembers(value as JsonObject, shape, place), shape.inline, place.indent);
  }
}

function formatMembers(value: JsonObject, shape: Extract<Shape, { kind: 'object' }>, place: Place): readonly string[] {
  const inner = inside(place, shape.inline);
  const items: string[] = [];
  for (const [key, of] of shape.keys) {
    const item = value[key];
    if (item !== undefined) items.push(`"${key}": ${formatAt(key, item, of, inner)}`);
  }
  let present = 0;
  for (const key in value) if (value[key] !== undefined) present += 1;
  if (present === items.length) return items;
  const stray = Object.keys(value).find(
    (key) => value[key] !== undefined && !shape.keys.some(([known]) => known === key),
  );
  throw bug(`${place.path.join('.')}.${stray} has no place in the lock's layout`);
}

function formatAt(key: string, value: Json, shape: Shape, place: Place): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  place.path.push(key);
  const text = format(value, shape, place);
  place.path.pop();
  return text;
}

function inside({ indent, path }: Place, inline: boolean): Place {
  return { indent: inline ? indent : `${indent}  `, path };
}

/** Values whose inside has no order of its own: members by name, lists as they are, short ones on one line. */
function formatPlain(value: Json, indent: string): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) {
    const items = value.map((item: Json) => formatPlain(item, `${indent}  `));
    return block('[]', items, false, indent);
  }
  const items = sortedEntries(value as JsonObject).map(
    ([key, item]) => `${JSON.stringify(key)}: ${formatPlain(item, `${indent}  `)}`,
  );
  return block('{}', items, false, indent);
}

function block(brackets: '[]' | '{}', items: readonly string[], inline: boolean, indent: string): string {
  if (items.length === 0) return brackets;
  if (inline) return brackets === '{}' ? `{ ${items.join(', ')} }` : `[${items.join(', ')}]`;
  const start = `\n${indent}  `;
  return `${brackets.charAt(0)}${start}${items.join(`,${start}`)}\n${indent}${brackets.charAt(1)}`;
}

function sortedEntries(value: JsonObject): [string, Json][] {
  return Object.entries(value)
    .filter((entry): entry is [string, Json] => entry[1] !== undefined)
    .sort(([a], [b]) => compareBytes(a, b));
}
