import { expect, it } from 'vitest';
import { COMMAND_GROUPS, commandOf } from './commands.ts';
import { helpLines, hintLine } from './help.ts';
import { keyNames } from './key-name.ts';
import { lineText } from './line.ts';

const rows = COMMAND_GROUPS.flatMap((group) => group.rows);

it('binds each key once, and finds each command by each of its keys', () => {
  const keys = rows.flatMap((row) => row.keys);
  expect(new Set(keys).size).toBe(keys.length);
  for (const row of rows) for (const key of row.keys) expect(commandOf(key)).toBe(row.command);
});

it('tells every command and key in the help', () => {
  const help = helpLines(100).map(lineText).join('\n');
  for (const row of rows) {
    expect(help).toContain(row.keys.join(', '));
    expect(help).toContain(row.help);
  }
});

it('shows as many hints as there is room for, help first', () => {
  expect(lineText(hintLine(10))).toBe('? help');
  expect(lineText(hintLine(40))).toMatch(/^\? help {2}a accept {2}h hold {2}u undo/);
});

it.each([
  ['', { upArrow: true }, ['up']],
  ['', { return: true }, ['enter']],
  ['', { delete: true }, ['backspace']],
  ['', { escape: true, meta: true }, ['escape']],
  ['', { tab: true, shift: true }, ['shift-tab']],
  ['c', { ctrl: true }, ['ctrl-c']],
  ['jjk', {}, ['j', 'j', 'k']],
  ['a b\n', {}, ['a', 'space', 'b', 'enter']],
  ['\u0015x\u0003', {}, ['ctrl-u', 'x', 'ctrl-c']],
  ['x', { meta: true }, []],
  ['\u0000', {}, []],
  ['\u6f22', {}, ['\u6f22']],
])('%j with %o is %o', (input, key, names) => {
  expect(keyNames(input, key)).toEqual(names);
});
