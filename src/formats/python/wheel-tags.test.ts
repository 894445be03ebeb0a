import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { parseWheelFilename } from './wheel-filename.ts';
import { chooseWheel, compatibleTags, rankTags, type WheelEnvironment } from './wheel-tags.ts';

/**
 * `cpython_tags` and `compatible_tags` of `packaging` 26.3 for the manylinux tags up to that glibc and the plain Linux
 * tag, joined by newlines and hashed.
 */
const PACKAGING: readonly (readonly [string, string, WheelEnvironment['platform'], number, string])[] = [
  ['3.7.17', '2.28', 'linux/amd64', 486, '17b9611e5fe282bbedafe4d78ca7bc1a056320a26a649266dd4342a918d689f9'],
  ['3.8.18', '2.12', 'linux/amd64', 220, '7b2a875f0c9970cd6865a3ec58f13e9f950854efcd6d0796606ffbdffdf75052'],
  ['3.9.2', '2.31', 'linux/amd64', 663, 'cb8727fd0dd46701c518e7089c09629cb6f5af22cec97edaca4acb165a7b08ae'],
  ['3.11.2', '2.36', 'linux/amd64', 914, '383ffd2beb764fa9054698434f944b99ad76427d82d57c95382f2b5df9c80b33'],
  ['3.11.2', '2.36', 'linux/arm64', 564, '6ae23040664b5276fe92fd496d0cc41f64d5c5b1f86de7516c32b5ad8f2c88e1'],
  ['3.13.5', '2.41', 'linux/amd64', 1205, '33300acb431c5a2a0c4456d979ff6d894cf8e219b261da7adf87a52580283cd3'],
  ['3.13.5', '2.41', 'linux/arm64', 799, '6cbbac0920b045b413973484cf7d20b270aaa320654956efbd509996eee5ef80'],
  ['3.14.0', '2.17', 'linux/arm64', 110, '09c307bed6ac382e3b8a9efd7425ae9b79973cad6f8db2c980c445d8f082c290'],
];

describe('compatibleTags', () => {
  test.each(PACKAGING)('CPython %s, glibc %s, %s: the tags of packaging, in its order', (...row) => {
    const [version, glibc, platform, count, hash] = row;
    const tags = compatibleTags({ version, glibc, platform });
    expect(tags).toHaveLength(count);
    expect(createHash('sha256').update(tags.join('\n')).digest('hex')).toBe(hash);
  });

  test('a glibc that manylinux does not know is refused', () => {
    expect(() => compatibleTags({ version: '3.11.2', glibc: '3.0', platform: 'linux/amd64' })).toThrow(RangeError);
  });
});

describe('chooseWheel', () => {
  const ranks = rankTags({ version: '3.11.2', glibc: '2.36', platform: 'linux/amd64' });
  const wheel = (filename: string) => parseWheelFilename(filename)!;

  // Files of one version, and the one taken: pip's choice, but for the third row, which pip leaves to the index's order.
  test.each([
    [
      ['o-5-cp37-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl', 'o-5-cp37-abi3-manylinux_2_28_x86_64.whl'],
      'o-5-cp37-abi3-manylinux_2_28_x86_64.whl',
    ],
    [['p-7-py3-none-any.whl', 'p-7-cp310-abi3-manylinux2014_x86_64.whl'], 'p-7-cp310-abi3-manylinux2014_x86_64.whl'],
    [['a-1-py3-none-any.whl', 'a-1-py2.py3-none-any.whl'], 'a-1-py2.py3-none-any.whl'],
    [['a-1-py3-none-any.whl', 'a-1-1-py3-none-any.whl', 'a-1-02b-py3-none-any.whl'], 'a-1-02b-py3-none-any.whl'],
    [['a-1-9-py3-none-any.whl', 'a-1-10-py3-none-any.whl'], 'a-1-10-py3-none-any.whl'],
    [['a-1-9-py3-none-any.whl', 'a-1-cp311-none-any.whl'], 'a-1-cp311-none-any.whl'],
    [
      ['a-1-cp311-cp311-manylinux_2_39_x86_64.whl', 'a-1-cp311-cp311-linux_x86_64.whl'],
      'a-1-cp311-cp311-linux_x86_64.whl',
    ],
    [
      ['a-1-cp311-cp311-musllinux_1_2_x86_64.whl', 'a-1-cp311-cp311-manylinux1_x86_64.whl'],
      'a-1-cp311-cp311-manylinux1_x86_64.whl',
    ],
    [
      ['a-1-cp311-abi3-manylinux2014_x86_64.whl', 'a-1-cp311-cp311-manylinux1_x86_64.whl'],
      'a-1-cp311-cp311-manylinux1_x86_64.whl',
    ],
  ])('%j', (files, expected) => {
    const wheels = files.map(wheel);
    expect(chooseWheel(wheels, ranks)?.filename).toBe(expected);
    expect(chooseWheel(wheels.toReversed(), ranks)?.filename).toBe(expected);
  });

  test.each([
    'a-1-cp312-cp312-manylinux2014_x86_64.whl',
    'a-1-cp311-cp311t-manylinux2014_x86_64.whl',
    'a-1-cp311-cp311-manylinux2014_aarch64.whl',
    'a-1-cp311-cp311-manylinux_2_37_x86_64.whl',
    'a-1-cp312-abi3-manylinux2014_x86_64.whl',
    'a-1-py2-none-any.whl',
    'a-1-cp311-cp311-macosx_11_0_arm64.whl',
    'a-1-cp311-cp311-manylinux2014_x86_64-avx512.whl',
  ])('%s does not fit', (file) => {
    expect(chooseWheel([wheel(file)], ranks)).toBeUndefined();
  });
});
