import { describe, expect, test } from 'vitest';
import { parseControl, parseSingleControl, requireField } from './control.ts';

describe('deb822', () => {
  test('gives paragraphs of fields with lower-cased names and joined continuation lines', () => {
    const text = '# a comment\nPackage: a\nDescription: short\n long\n .\n more\n\n\nPACKAGE:b\r\nX-Empty:\r\n';
    expect(parseControl(text, 'x').map((paragraph) => Object.fromEntries(paragraph))).toEqual([
      { package: 'a', description: 'short\nlong\n.\nmore' },
      { package: 'b', 'x-empty': '' },
    ]);
  });

  test.each([
    ['a continuation without a field', ' x\n', 'line 1: a continuation'],
    ['a line without a colon', 'Package: a\nnonsense\n', 'line 2: no field name'],
    ['a name with a blank', 'A b: c\n', 'line 1: no field name'],
    ['a name that begins with a dash', '-A: c\n', 'line 1: no field name'],
    ['a field given twice', 'A: 1\na: 2\n', 'line 2: the field a is given twice'],
    ['too many fields', Array.from({ length: 600 }, (_, index) => `F${index}: x`).join('\n'), 'more than 500'],
  ])('refuses %s', (_, text, problem) => {
    expect(() => parseControl(text, 'the file')).toThrow(problem);
    expect(() => parseControl(text, 'the file')).toThrow(expect.objectContaining({ code: 'COGPLAN_CONTROL_INVALID' }));
  });

  test('a control file has one paragraph, and a field may be required', () => {
    const paragraph = parseSingleControl('Package: a\n', 'x');
    expect(requireField(paragraph, 'Package', 'x')).toBe('a');
    expect(() => requireField(paragraph, 'Version', 'x')).toThrow('x has no field Version');
    expect(() => parseSingleControl('A: 1\n\nB: 2\n', 'x')).toThrow('exactly one');
    expect(() => parseSingleControl('', 'x')).toThrow('exactly one');
  });
});
