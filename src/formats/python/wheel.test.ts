import { describe, expect, test } from 'vitest';
import { parseEntryPoints } from './entry-points.ts';
import { parseWheelFilename } from './wheel-filename.ts';
import { parseWheelMetadata } from './wheel-metadata.ts';
import { formatRecord, parseRecord } from './wheel-record.ts';

describe('wheel file names', () => {
  test.each<[string, object]>([
    [
      'numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
      { name: 'numpy', pythonTags: ['cp311'], platformTags: ['manylinux_2_17_x86_64', 'manylinux2014_x86_64'] },
    ],
    ['six-1.17.0-py2.py3-none-any.whl', { name: 'six', pythonTags: ['py2', 'py3'], abiTags: ['none'] }],
    ['a_b.c-1.0-2x-py3-none-any.whl', { name: 'a-b-c', distribution: 'a_b.c', build: { number: 2, suffix: 'x' } }],
    [
      'torch-2.6.0+cu124-cp311-cp311-linux_x86_64.whl',
      { versionText: '2.6.0+cu124', version: { release: [2, 6, 0], local: ['cu124'] } },
    ],
    ['a-1-py3-none-any-x86_64_v3.whl', { variant: 'x86_64_v3' }],
    ['a-1-7-py3-none-any-cu12.whl', { build: { number: 7, suffix: '' }, variant: 'cu12' }],
  ])('%s', (filename, parts) => {
    expect(parseWheelFilename(filename)).toMatchObject({ filename, ...parts });
  });

  test.each([
    'numpy-1.26.4.tar.gz',
    'numpy.whl',
    'a-1-py3-none.whl',
    'a-1-x-py3-none-any-b-c.whl',
    'a-latest-py3-none-any.whl',
    '../a-1-py3-none-any.whl',
    'a/b-1-py3-none-any.whl',
    '-1-py3-none-any.whl',
    'a-1-py3-none-any.whl\0',
    'a-1-py3--any.whl',
    '.a-1-py3-none-any.whl',
    `a-1-py3-none-${'x'.repeat(300)}.whl`,
    'a-1-py3-none-any-.whl',
  ])('%j is none', (filename) => {
    expect(parseWheelFilename(filename)).toBeUndefined();
  });
});

describe('METADATA', () => {
  const parse = (text: string | Uint8Array): ReturnType<typeof parseWheelMetadata> =>
    parseWheelMetadata(Buffer.from(text as string), 'a.whl');

  test('is read up to the description', () => {
    const text = [
      'Metadata-Version: 2.1',
      'Name: Demo',
      'version: 1.0',
      'Requires-Dist: numpy (>=1)',
      "Requires-Dist: torch; extra == 'gpu'\n\tand os_name == 'posix'",
      'Requires-Python: >=3.9',
      'Provides-Extra: gpu',
      'Description: text\n        more',
      '',
      'Requires-Dist: not-this',
    ].join('\r\n');
    expect(parse(text)).toEqual({
      name: 'Demo',
      version: '1.0',
      requires: ['numpy (>=1)', "torch; extra == 'gpu' and os_name == 'posix'"],
      requiresPython: '>=3.9',
      extras: ['gpu'],
      licence: undefined,
      people: [],
    });
  });

  test.each([
    ['License-Expression: MIT\nLicense: other', 'MIT'],
    ['License: BSD-3-Clause', 'BSD-3-Clause'],
    [`License: ${'whereas '.repeat(40)}\nClassifier: License :: OSI Approved :: MIT License`, 'MIT License'],
    [
      'License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License\nClassifier: License :: OSI Approved :: Apache Software License',
      'Apache Software License and MIT License',
    ],
    ['Summary: none', undefined],
  ])('names the licence: %s', (fields, licence) => {
    expect(parse(`Name: a\nVersion: 1\n${fields}\n`).licence).toBe(licence);
  });

  test('names the people, or their addresses', () => {
    const text =
      'Name: a\nVersion: 1\nAuthor: Bob\nAuthor-email: "Doe, Jane" <j@x.test>, bob@x.test\nMaintainer: UNKNOWN\nMaintainer-email: Bob <b@x.test>\n';
    expect(parse(text).people).toEqual(['Bob', 'Doe, Jane', 'bob@x.test']);
  });

  test.each<[string, string | Uint8Array]>([
    ['without a name', 'Version: 1\n'],
    ['without a version', 'Name: a\n\nVersion: 1\n'],
    ['not UTF-8', new Uint8Array([0x4e, 0xff])],
    ['too large', 'x'.repeat(16 * 1024 * 1024 + 1)],
  ])('%s is refused', (_, text) => {
    expect(() => parse(text)).toThrowError(expect.objectContaining({ code: 'COGPLAN_WHEEL_INVALID' }));
  });
});

describe('RECORD', () => {
  test('survives commas, quotes and line feeds', () => {
    const rows = [
      { path: 'a,b', hash: 'sha256=x', size: '1' },
      { path: 'c"d', hash: '', size: '' },
      { path: 'e\nf', hash: '', size: '2' },
      { path: 'plain', hash: '', size: '' },
    ];
    expect(formatRecord(rows)).toBe('"a,b",sha256=x,1\n"c""d",,\n"e\nf",,2\nplain,,\n');
    expect(parseRecord(formatRecord(rows).replaceAll(',1\n', ',1\r\n'))).toEqual(rows);
  });

  test.each(['a,b,c,d\n', '"a,b\n', '"a"b,,\n', ',x,1\n'])('%j is malformed', (text) => {
    expect(parseRecord(text)).toBeUndefined();
  });
});

describe('entry points', () => {
  test('are the commands of two sections', () => {
    const text =
      '[console_scripts]\n# c\na = m:f\nb.c-d=m.n:C.run [x, y]\n\n[other]\nz = /etc:x\n[gui_scripts]\r\ng=m:f\n';
    expect(parseEntryPoints(text)).toEqual({
      kind: 'scripts',
      scripts: [
        { name: 'a', module: 'm', attribute: 'f' },
        { name: 'b.c-d', module: 'm.n', attribute: 'C.run' },
        { name: 'g', module: 'm', attribute: 'f' },
      ],
    });
  });

  test.each([
    '../x = m:f',
    'a/b = m:f',
    '.. = m:f',
    'a = m',
    'a = m:f; import os',
    'a = m:f()',
    ' = m:f',
    'a',
    'a = m:f\na = m:g',
  ])('%j is refused', (line) => {
    expect(parseEntryPoints(`[console_scripts]\n${line}\n`).kind).toBe('invalid');
  });
});
