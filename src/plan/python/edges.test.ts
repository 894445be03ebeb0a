import { expect, test } from 'vitest';
import { parseRequirement } from '../../formats/python/requirement.ts';
import { targetMarkers } from '../../sources/uv/target-interpreter.ts';
import { findEdges } from './edges.ts';

const markers = targetMarkers({ version: '3.11.2', platform: 'linux/arm64', glibc: '2.36' });

function edges(roots: readonly string[], packages: Readonly<Record<string, readonly string[]>>) {
  const found = findEdges({
    roots: roots.map((text) => parseRequirement(text)),
    packages: new Map(Object.entries(packages)),
    markers,
  });
  return { ...found, requires: Object.fromEntries(found.requires), missing: Object.fromEntries(found.missing) };
}

test('requirements that hold for the target, without markers, sorted, each once', () => {
  const found = edges(['a'], {
    a: [
      'Z_Name (>=1.0)',
      'b<2,>=1 ; python_version >= "3.8"',
      'b<2,>=1',
      'c; python_version < "3.8"',
      'c; platform_machine == "x86_64"',
      'c; sys_platform == "win32"',
    ],
    b: [],
    c: [],
    'z-name': [],
  });
  expect(found.requires.a).toEqual(['b<2,>=1', 'z-name>=1.0']);
});

test('extras that somebody asks for bring their requirements, through any number of packages', () => {
  const packages = {
    a: ['b[Fast_Mode]', 'x; extra == "x"'],
    b: ['c; extra == "fast-mode"', 'd; extra == "other"', 'b[deep]; extra == "fast_mode"', 'e; extra == "deep"'],
    c: [],
    d: [],
    e: [],
    x: [],
  };
  expect(edges(['a'], packages).requires).toMatchObject({ a: ['b[Fast_Mode]'], b: ['c', 'e'] });
  expect(edges(['a[x]'], packages).requires).toMatchObject({ a: ['b[Fast_Mode]', 'x'] });
});

test('a requirement whose package was not resolved is reported, once it holds', () => {
  expect(edges(['a'], { a: ['cog>=0.9', 'gone; extra == "x"'] })).toMatchObject({
    missing: { cog: 'a' },
    requires: { a: [] },
  });
});

test('a line that is no requirement is reported and stops nothing', () => {
  expect(edges(['a'], { a: ['b ((1.0', 'c'], c: [] })).toMatchObject({
    requires: { a: ['c'] },
    unreadable: [{ name: 'a', line: 'b ((1.0' }],
  });
});

test('credentials of a direct URL stay out', () => {
  const found = edges(['a'], { a: ['b @ https://me:secret@files.test/b-1-py3-none-any.whl'], b: [] });
  expect(found.requires.a).toEqual(['b @ https://files.test/b-1-py3-none-any.whl']);
});
