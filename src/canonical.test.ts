import '../test/builders/fixed-seed.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, compareBytes, isSameJson, type Json } from './canonical.ts';

test('order is that of the UTF-8 bytes', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 4 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(compareBytes(a, b)).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
    {
      seed: 1,
      numRuns: 500,
      examples: [
        ['\uffff', '\u{10000}'],
        ['a', 'a/b'],
        ['\u{1f600}', '\u{1f601}'],
        ['\ue000', '\u{1f600}'],
      ],
    },
  );
});

test('canonical JSON sorts keys, keeps lists and leaves out what is undefined', () => {
  expect(canonicalJson({ b: [2, 1], a: { d: undefined, c: 'é\n' } })).toBe('{"a":{"c":"é\\n"},"b":[2,1]}');
  expect(() => canonicalJson(0.5)).toThrow(TypeError);
});

test('values are the same when their canonical forms are', () => {
  const { value } = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom(null, true, false, 0, 1, 'a', 'toString'),
      fc.array(tie('value'), { maxLength: 2 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'toString', '__proto__'), fc.option(tie('value'), { nil: undefined }), {
        maxKeys: 3,
        noNullPrototype: true,
      }) as fc.Arbitrary<Json>,
    ),
  }));
  fc.assert(
    fc.property(value, value, (a, b) => {
      expect(isSameJson(a, b)).toBe(canonicalJson(a) === canonicalJson(b));
      expect(isSameJson(a, structuredClone(a))).toBe(true);
    }),
    {
      seed: 1,
      numRuns: 2000,
      examples: [
        [{}, { toString: 'a' }],
        [{ toString: 'a' }, {}],
        [{ a: undefined }, {}],
        [[], {}],
        [null, {}],
        [JSON.parse('{"__proto__":{}}'), {}],
      ],
    },
  );
});
