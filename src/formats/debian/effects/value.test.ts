import { expect, test } from 'vitest';
import { concatValues, joinValues, matchesPattern, readPattern, UNKNOWN } from './value.ts';

test.each([
  ['*', '', true],
  ['a*c', 'abbbc', true],
  ['a*c', 'abbbd', false],
  ['?.*', 'a.b', true],
  ['[0-9]*', '7x', true],
  ['[!0-9]*', '7x', false],
  ['[[:digit:]]', '4', true],
  ['lib*.so.*', 'libz.so.1', true],
  ['a.b', 'axb', false],
  ['[', '[', true],
])('the pattern %s against %j: %s', (pattern, text, expected) => {
  expect(matchesPattern(readPattern(pattern, false), text)).toBe(expected);
});

test('quoted text is no pattern', () => {
  expect(matchesPattern(readPattern('*', true), 'x')).toBe(false);
});

test('a hostile pattern takes no exponential time', () => {
  const pattern = readPattern('a*'.repeat(200), false);
  expect(matchesPattern(pattern, `${'a'.repeat(2000)}b`)).toBe(true);
  expect(matchesPattern([...pattern, ...readPattern('c', false)], 'a'.repeat(2000))).toBe(false);
});

test('joined branches keep what both say', () => {
  expect(joinValues('a', 'a')).toBe('a');
  expect(joinValues('a', 'b')).toEqual({ kind: 'oneOf', values: ['a', 'b'] });
  expect(joinValues('a', UNKNOWN)).toBe(UNKNOWN);
  expect(concatValues(['a', '', 'b'])).toBe('ab');
  expect(concatValues(['a', UNKNOWN])).toBe(UNKNOWN);
});
