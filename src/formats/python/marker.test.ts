import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { evaluateMarker, formatMarker, type MarkerEnvironment, parseMarker } from './marker.ts';

const oracle = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/python/markers.json', import.meta.url), 'utf8'),
) as { readonly markers: Readonly<Record<string, readonly [string, readonly boolean[]]>> };

const environment: MarkerEnvironment = {
  implementation_name: 'cpython',
  implementation_version: '3.11.2',
  os_name: 'posix',
  platform_machine: 'x86_64',
  platform_python_implementation: 'CPython',
  platform_release: '',
  platform_system: 'Linux',
  platform_version: '',
  python_full_version: '3.11.2',
  python_version: '3.11',
  sys_platform: 'linux',
};

describe('markers agree with packaging', () => {
  test.each(Object.entries(oracle.markers))('%s', (text, [, expected]) => {
    const marker = parseMarker(text);
    expect(['', 'dev', 'dev-tools'].map((extra) => evaluateMarker(marker, environment, [extra]))).toEqual(expected);
    expect(formatMarker(parseMarker(formatMarker(marker)))).toBe(formatMarker(marker));
  });
});

test.each([
  ['platform_release >= "20"', false],
  ['(python_version < "3") or (os_name == "posix")', true],
  ["extra == 'a' or extra == 'B_b'", true],
])('%s is %s', (text, expected) => {
  expect(evaluateMarker(parseMarker(text), environment, ['x', 'b.b'])).toBe(expected);
});

test('parentheses are kept where they change the meaning only', () => {
  expect(formatMarker(parseMarker("(os_name=='a' or os_name=='b') and (sys_platform=='c')"))).toBe(
    '(os_name == "a" or os_name == "b") and sys_platform == "c"',
  );
});

test.each([
  ['', 'it ends too early'],
  ['python_version', 'operator is missing'],
  ['python_version <', 'it ends too early'],
  ['python_version < 3.8', 'cannot be read'],
  ['pyversion < "3"', 'neither a marker variable'],
  ['(os_name == "a"', 'closing parenthesis'],
  ['os_name == "a" os_name', 'not expected'],
  ['os_name == "a', 'cannot be read'],
  [`${'('.repeat(5000)}os_name == "a"`, 'nested too deeply'],
])('%j is refused', (text, reason) => {
  expect(() => parseMarker(text)).toThrowError(
    expect.objectContaining({ code: 'COGPLAN_MARKER_INVALID', message: expect.stringContaining(reason) }),
  );
});

test('a comparison that has no meaning is refused, not guessed', () => {
  expect(() => evaluateMarker(parseMarker('sys_platform ~= "linux"'), environment)).toThrowError(
    /compares versions only/,
  );
});
