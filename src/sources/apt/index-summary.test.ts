import { expect, test } from 'vitest';
import { summariseIndex } from './index-summary.ts';

const INDEX = `Package: a
Version: 1
Description: größe
Provides: v (= 2), w

Package: b
Essential: yes
Version: 1
Provides: v,
 x
Description: Provides: nothing

Package: c
Version: 1
Essential: no
`;

test('an index is summarised by name, byte offset, Provides and Essential', () => {
  const summary = summariseIndex(Buffer.from(INDEX), 'x');
  expect({ ...summary, provides: { ...summary.provides } }).toEqual({
    size: Buffer.byteLength(INDEX),
    names: 'a\nb\nc',
    offsets: ['Package: a', 'Package: b', 'Package: c'].map((line) => Buffer.from(INDEX).indexOf(line)),
    provides: { v: [0, 1], w: [0], x: [1] },
    essential: [1],
  });
});

test('blank lines around and between stanzas do not count', () => {
  expect(summariseIndex(Buffer.from('\n\nPackage: a\n\n\n\nPackage: b\n\n\n'), 'x').names).toBe('a\nb');
  expect(summariseIndex(Buffer.from(''), 'x').offsets).toEqual([]);
  expect(summariseIndex(Buffer.from('Package: a'), 'x').names).toBe('a');
});

test('Package need not be the first field', () => {
  expect(summariseIndex(Buffer.from('Version: 1\nPackage: a\n\nPackage: b\n'), 'x').names).toBe('a\nb');
});

test.each(['Version: 1\n', 'Version: 1\n\nPackage: b\n', 'Package: a b\n', 'Package: ../x\n', 'Package: \n'])(
  'refuses %j',
  (text) => {
    expect(() => summariseIndex(Buffer.from(text), 'the index')).toThrow('no package name in the stanza at byte 0');
  },
);

test('a name that objects have of themselves is an ordinary name', () => {
  const { provides } = summariseIndex(Buffer.from('Package: a\nProvides: constructor, __proto__\n'), 'x');
  expect(Object.keys(provides)).toEqual(['constructor']);
});
