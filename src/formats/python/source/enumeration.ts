import { evaluate, unreadable } from './evaluate.ts';
import { isSame, type PyValue } from './py-value.ts';
import { deeper, resolve, type Where } from './resolve-name.ts';
import type { ClassNode, Expression } from './syntax.ts';

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
