import { compareBytes, type Json } from '../canonical.ts';
import { bug } from '../errors.ts';
import type { Lock } from './schema.generated.ts';
import { LOCK_SHAPE, type Shape } from './shapes.ts';

type JsonObject = { readonly [key: string]: Json | undefined };

/** The lock as the bytes of its file: the same lock value gives the same text, whatever order its keys were set in. */
export function formatLock(lock: Lock): string {
  return `${format(lock as unknown as Json, LOCK_SHAPE, '', 'lock')}\n`;
}

function format(value: Json, shape: Shape, indent: string, path: string): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  switch (shape.kind) {
    case 'plain':
      return formatPlain(value, indent);
    case 'list':
      return block({
        brackets: '[]',
        inline: shape.inline,
        indent,
        items: (value as readonly Json[]).map((item, index) =>
          format(item, shape.of, shape.inline ? indent : `${indent}  `, `${path}[${index}]`),
        ),
      });
    case 'map':
      return block({
        brackets: '{}',
        inline: shape.inline,
        indent,
        items: sortedEntries(value as JsonObject).map(
          ([key, item]) =>
            `${JSON.stringify(key)}: ${format(item, shape.of, shape.inline ? indent : `${indent}  `, `${path}.${key}`)}`,
        ),
      });
    case 'variants': {
      const kind = String((value as JsonObject).kind);
      const variant = shape.of[kind];
      if (variant === undefined) throw bug(`${path} of kind ${kind} has no place in the lock's layout`);
      return format(value, variant, indent, path);
    }
    case 'object':
      return block({
        brackets: '{}',
        inline: shape.inline,
        indent,
        items: orderedEntries(value as JsonObject, shape, path).map(
          ([key, item, of]) =>
            `${JSON.stringify(key)}: ${format(item, of, shape.inline ? indent : `${indent}  `, `${path}.${key}`)}`,
        ),
      });
  }
}

/** Values whose inside has no order of its own: members by name, lists as they are, short ones on one line. */
function formatPlain(value: Json, indent: string): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) {
    return block({
      brackets: '[]',
      inline: false,
      indent,
      items: value.map((item: Json) => formatPlain(item, `${indent}  `)),
    });
  }
  const items = sortedEntries(value as JsonObject).map(
    ([key, item]) => `${JSON.stringify(key)}: ${formatPlain(item, `${indent}  `)}`,
  );
  return block({ brackets: '{}', inline: false, indent, items });
}

interface Block {
  readonly brackets: '[]' | '{}';
  readonly inline: boolean;
  readonly indent: string;
  readonly items: readonly string[];
}

function block({ brackets, inline, indent, items }: Block): string {
  const [open, close] = [brackets.charAt(0), brackets.charAt(1)];
  if (items.length === 0) return brackets;
  if (inline) {
    const space = brackets === '{}' ? ' ' : '';
    return `${open}${space}${items.join(', ')}${space}${close}`;
  }
  return `${open}\n${items.map((item) => `${indent}  ${item}`).join(',\n')}\n${indent}${close}`;
}

function sortedEntries(value: JsonObject): [string, Json][] {
  return Object.entries(value)
    .filter((entry): entry is [string, Json] => entry[1] !== undefined)
    .sort(([a], [b]) => compareBytes(a, b));
}

function orderedEntries(
  value: JsonObject,
  shape: Extract<Shape, { kind: 'object' }>,
  path: string,
): [string, Json, Shape][] {
  const known = new Set(shape.keys.map(([key]) => key));
  const stray = Object.keys(value).find((key) => !known.has(key) && value[key] !== undefined);
  if (stray !== undefined) throw bug(`${path}.${stray} has no place in the lock's layout`);
  return shape.keys.flatMap(([key, of]) => {
    const item = value[key];
    return item === undefined ? [] : [[key, item, of] as [string, Json, Shape]];
  });
}
