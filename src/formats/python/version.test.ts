import '../../../test/builders/fixed-seed.ts';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSpecifier, parseSpecifiers, satisfies } from './specifier.ts';
import { compareVersions, formatVersion, parseVersion } from './version.ts';

interface Oracle {
  readonly versions: readonly string[];
  readonly normal: Readonly<Record<string, string>>;
  readonly invalid: readonly string[];
  readonly order: readonly (readonly string[])[];
  readonly contains: Readonly<Record<string, string>>;
  readonly invalidSpecifiers: readonly string[];
}
const oracle = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/python/pep440.json', import.meta.url), 'utf8'),
) as Oracle;

describe('versions agree with packaging', () => {
  test('normal forms', () => {
    for (const text of oracle.versions)
      expect([text, formatVersion(parseVersion(text)!)]).toEqual([text, oracle.normal[text]]);
  });

  test.each([...oracle.invalid, '1'.repeat(300), '99999999999999999999'])('%j is no version', (text) => {
    expect(parseVersion(text)).toBeUndefined();
  });

  test('order', () => {
    const ranked = oracle.order.flatMap((group, rank) => group.map((text) => ({ rank, version: parseVersion(text)! })));
    for (const a of ranked) {
      for (const b of ranked) expect(Math.sign(compareVersions(a.version, b.version))).toBe(Math.sign(a.rank - b.rank));
    }
  });

  test('containment', () => {
    for (const [text, expected] of Object.entries(oracle.contains)) {
      const specifiers = parseSpecifiers(text)!;
      const actual = oracle.versions.map((candidate) => {
        const version = parseVersion(candidate)!;
        if (satisfies(version, specifiers)) return '2';
        return satisfies(version, specifiers, true) ? '1' : '0';
      });
      expect([text, actual.join('')]).toEqual([text, expected]);
    }
  });

  test.each(oracle.invalidSpecifiers)('%j is no specifier', (text) => {
    expect(parseSpecifier(text)).toBeUndefined();
  });
});

test('a version equals its normal form, and orders against any other the opposite way round', () => {
  const version = fc.stringMatching(
    /^([0-9]!)?[0-9]{1,2}(\.[0-9]){0,3}((a|b|rc)[0-9])?(\.post[0-9])?(\.dev[0-9])?(\+[a-z0-9]{1,3})?$/,
  );
  fc.assert(
    fc.property(version, version, (a, b) => {
      const [left, right] = [parseVersion(a)!, parseVersion(b)!];
      expect(compareVersions(left, parseVersion(formatVersion(left))!)).toBe(0);
      expect(Math.sign(compareVersions(left, right))).toBe(0 - Math.sign(compareVersions(right, left)));
    }),
    { seed: 1, numRuns: 200 },
  );
});
