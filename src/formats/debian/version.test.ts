import '../../../test/builders/fixed-seed.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareDebianVersions, parseDebianVersion, satisfiesRelation } from './version.ts';

/** Answers of dpkg 1.21.22. */
const DPKG: readonly (readonly [string, '<' | '=' | '>', string])[] = [
  ['1.0~rc1', '<', '1.0'],
  ['1.0~~', '<', '1.0~'],
  ['1.0~', '<', '1.0'],
  ['1.0', '<', '1.0a'],
  ['1.0a', '<', '1.0+b'],
  ['1.0-0', '=', '1.0'],
  ['0:1', '=', '1'],
  ['1.0', '=', '1.00'],
  ['1.9', '<', '1.10'],
  ['1:0', '<', '2:1'],
  ['9999999999999999999999', '<', '10000000000000000000000'],
  ['1.0-A', '<', '1.0-a'],
  ['1.0-1', '<', '1.0-1+b1'],
  ['20250419~deb12u2', '>', '1.0+'],
  ['1:0', '>', '20230311'],
  ['1', '<', '1.0-1+deb12u1'],
  ['00', '<', '1'],
  ['1.0-1', '<', '1.0-A'],
  ['1.0+b', '<', '3.13.0~rc1-1'],
  ['1.0-1', '<', '1.0.a'],
  ['1', '<', '9999999999999999999999'],
  ['1', '<', '1.2.3-4-5'],
  ['1.0a', '<', '1.10'],
  ['00', '<', '9999999999999999999999'],
  ['00', '<', '1.10'],
  ['1.0-~1', '<', '3.11.2-6'],
  ['2:1', '>', '1.10'],
  ['1.0-1', '<', '1.0.1'],
  ['1.0-0', '<', '1.0+b'],
  ['00', '<', '0:1'],
  ['1.10', '>', '1.0-~1'],
  ['0', '<', '1.0~~'],
  ['2.36-9+deb12u9', '<', '7:5.1-1'],
  ['1.0~~', '<', '20230311'],
  ['1.0~', '<', '1.0.a'],
  ['7:5.1.9-0+deb12u1', '>', '3.11.2-6+deb12u6'],
  ['1.0', '<', '20250419~deb12u2'],
  ['1.0-~1', '<', '20250419~deb12u2'],
  ['1.0~', '<', '3.13.0~rc1-1'],
  ['1.0-0', '<', '1.0-A'],
  ['2.36-9+deb12u9', '<', '3.13.0~rc1-1'],
  ['1.0-0', '<', '1.0.1'],
  ['1.0-1', '<', '2:1'],
  ['1.0-1+deb12u1', '<', '1.0-A'],
  ['1.01', '<', '3.11.2-6'],
  ['1.0~rc1-1', '<', '1.0+'],
  ['2:1', '>', '1.0.1'],
  ['1.0-A', '<', '10000000000000000000000'],
  ['1.0', '<', '1.2.3-4-5'],
  ['1', '<', '1.0-A'],
  ['1', '<', '2.36-9+deb12u9'],
  ['2.36-9+deb12u14', '>', '1.0+'],
  ['2:1', '>', '1.0+'],
  ['1.0~rc1-1', '<', '1.0-A'],
  ['1.0-1', '<', '3.13.0~rc1-1'],
  ['1.0', '<', '2:1'],
  ['1.01', '<', '1.2.3-4-5'],
  ['1.00', '<', '1.9'],
  ['1.0-0', '>', '1.0~~'],
  ['1.0', '<', '1.0-1+deb12u1'],
  ['1.0~rc1', '<', '1.0a'],
  ['1.0~rc1-1', '<', '1.10'],
  ['20250419~deb12u2', '>', '3.11.2-6+deb12u6'],
  ['1.0-~1', '<', '1.0-a'],
  ['1.0~~', '<', '1.0-1+deb12u1'],
  ['1.0', '<', '3.11.2-6'],
  ['1.0-~1', '<', '3.13.0~rc1-1'],
  ['1', '<', '7:5.1-1'],
  ['1.10', '<', '20230311'],
  ['0:1', '<', '1.0+'],
  ['1.0~rc1', '<', '1.0+b'],
  ['2:1', '>', '1.0.a'],
  ['1.00', '<', '2.36-9+deb12u9'],
];

describe('versions are ordered as dpkg orders them', () => {
  test.each(DPKG)('%s %s %s', (a, order, b) => {
    const sign = { '<': -1, '=': 0, '>': 1 }[order];
    expect(Math.sign(compareDebianVersions(a, b))).toBe(sign);
    expect(Math.sign(compareDebianVersions(b, a))).toBe(sign === 0 ? 0 : -sign);
  });

  test('the order is transitive, and equal to itself', () => {
    const part = fc.stringMatching(/^[0-9][0-9a-zA-Z.+~]{0,6}$/);
    fc.assert(
      fc.property(part, part, part, (a, b, c) => {
        expect(compareDebianVersions(a, a)).toBe(0);
        if (compareDebianVersions(a, b) <= 0 && compareDebianVersions(b, c) <= 0) {
          expect(compareDebianVersions(a, c)).toBeLessThanOrEqual(0);
        }
      }),
    );
  });
});

test.each(['', 'a1', '1 0', ':1', '1:', '-1', '1_0', '1.0-', 'x:1', '1:2:3-\u00e9', '1/2'])(
  '%j is no version',
  (text) => {
    expect(parseDebianVersion(text)).toBeUndefined();
    expect(() => compareDebianVersions(text, '1')).toThrow(RangeError);
  },
);

test('a version has an epoch, an upstream part up to the last dash, and a revision', () => {
  expect(parseDebianVersion('7:5.1-rc-0+deb12u1')).toEqual({ epoch: 7, upstream: '5.1-rc', revision: '0+deb12u1' });
  expect(parseDebianVersion('2026f')).toEqual({ epoch: 0, upstream: '2026f', revision: '' });
  expect(parseDebianVersion('1:2:3')).toEqual({ epoch: 1, upstream: '2:3', revision: '' });
});

test.each([
  ['2.36-9', '>=', '2.36', true],
  ['2.36-9', '>>', '2.36-9', false],
  ['2.36', '=', '2.36-0', true],
  ['1.0~rc1', '<<', '1.0', true],
  ['1.0', '<=', '1.0', true],
] as const)('%s %s %s is %s', (version, relation, bound, answer) => {
  expect(satisfiesRelation(version, relation, bound)).toBe(answer);
});
