import { describe, expect, test } from 'vitest';
import { formatDependency, isPackageName, parseDependencies } from './dependency.ts';

describe('a relationship field', () => {
  test.each([
    ['libc6', [[{ name: 'libc6' }]]],
    ['libc6 (>= 2.36)', [[{ name: 'libc6', relation: '>=', version: '2.36' }]]],
    ['libc6(<<2:1~)', [[{ name: 'libc6', relation: '<<', version: '2:1~' }]]],
    ['python3:any', [[{ name: 'python3', qualifier: 'any' }]]],
    [
      'a (< 1), b (> 2)',
      [[{ name: 'a', relation: '<=', version: '1' }], [{ name: 'b', relation: '>=', version: '2' }]],
    ],
    ['awk | mawk , \n sed', [[{ name: 'awk' }, { name: 'mawk' }], [{ name: 'sed' }]]],
    ['a [amd64 arm64], b [!amd64], c [armhf] | d', [[{ name: 'a' }], [{ name: 'd' }]]],
    ['a [linux-any] <!nocheck> <cross>', [[{ name: 'a' }]]],
    ['', []],
    ['a,', [[{ name: 'a' }]]],
  ])('%j', (text, groups) => {
    expect(parseDependencies(text, 'amd64', 'x')).toEqual(groups);
  });

  test.each(['A', 'a b', 'a (1)', 'a (>= )', 'a (>= x y)', 'a (>= -)', 'a (=> 1)', '| a', 'a:(x)', '$x'])(
    'refuses %j',
    (text) => {
      expect(() => parseDependencies(text, 'amd64', 'pkg')).toThrow(/pkg: cannot read the dependency/);
    },
  );

  test('is written as it is read', () => {
    const text = 'python3:any (>= 3.11) | pypy3';
    expect(parseDependencies(text, 'amd64', 'x').map(formatDependency)).toEqual([text]);
  });
});

test.each([
  ['libstdc++6', true],
  ['g++-12', true],
  ['0ad', true],
  ['-y', false],
  ['a_b', false],
  ['a/b', false],
  ['libgl1=1', false],
])('%s is a package name: %s', (text, answer) => {
  expect(isPackageName(text)).toBe(answer);
});
