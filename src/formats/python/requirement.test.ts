import { expect, test } from 'vitest';
import { normalizeName } from './name.ts';
import { formatRequirement, parseRequirement } from './requirement.ts';

test.each([
  ['numpy', 'numpy'],
  ['torch ==2.2.1', 'torch==2.2.1'],
  ['transformers== 4.30.0', 'transformers==4.30.0'],
  ['fire >= 0.6.0, < 1', 'fire>=0.6.0,<1'],
  ['a (>=1,<2)', 'a>=1,<2'],
  ['a===1.0-foo', 'a===1.0-foo'],
  ['SQLAlchemy[postgres, asyncio] ~= 2.0', 'SQLAlchemy[asyncio,postgres]~=2.0'],
  ['a[]', 'a'],
  ['a;python_version<"3"', 'a ; python_version < "3"'],
  ["a>=1 ; extra == 'x'", 'a>=1 ; extra == "x"'],
  ['torch==1.12.1+cu113', 'torch==1.12.1+cu113'],
  ['a @ https://h/a-1-py3-none-any.whl#sha256=00', 'a @ https://h/a-1-py3-none-any.whl#sha256=00'],
  ['a@git+https://h/r.git@v1 ; os_name == "nt"', 'a @ git+https://h/r.git@v1 ; os_name == "nt"'],
  ['a[b]@https://h/x;y.whl', 'a[b] @ https://h/x;y.whl'],
])('%s reads as %s', (text, expected) => {
  expect(formatRequirement(parseRequirement(text))).toBe(expected);
});

test.each([
  ['', 'package name'],
  ['-e .', 'package name'],
  ['git add .', 'not a version specifier'],
  ['numpy=1.2', '"==", not "="'],
  ['numpy 1.2', 'operator such as'],
  ['numpy>=1 <2', 'separated by commas'],
  ['a[b', 'not a version specifier'],
  ['a[b c]', 'extras'],
  ['a @ ', 'URL'],
  ['a @ https://h/x y', 'URL'],
  ['a ; os_name', 'operator is missing'],
  ['numpy>=', 'not a version specifier'],
  ['a'.repeat(40_000), 'too long'],
])('%s is refused', (text, reason) => {
  expect(() => parseRequirement(text, { file: 'r.txt', line: 2 })).toThrowError(
    expect.objectContaining({
      code: 'COGPLAN_REQUIREMENT_INVALID',
      message: expect.stringContaining(reason),
      where: { file: 'r.txt', line: 2 },
    }),
  );
});

test.each([
  ['Friendly-Bard', 'friendly-bard'],
  ['FRIENDLY--..__bard', 'friendly-bard'],
])('%s is %s', (name, normal) => {
  expect(normalizeName(name)).toBe(normal);
});
