import { expect, test } from 'vitest';
import { parseChallenges } from './challenge.ts';

test.each([
  ['Basic realm="x"', [{ scheme: 'basic' }]],
  [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/ubuntu:pull"',
    [
      {
        scheme: 'bearer',
        realm: 'https://auth.docker.io/token',
        service: 'registry.docker.io',
        scope: 'repository:library/ubuntu:pull',
      },
    ],
  ],
  [
    'Basic realm="a, b", bearer realm="https://t/", error="invalid_token"',
    [{ scheme: 'bearer', realm: 'https://t/' }, { scheme: 'basic' }],
  ],
  ['Bearer realm=https', [{ scheme: 'bearer', realm: 'https' }]],
  ['Bearer realm="a\\"b"', [{ scheme: 'bearer', realm: 'a"b' }]],
  ['Bearer service="no realm"', []],
  ['Negotiate', []],
  ['', []],
  [undefined, []],
])('%s', (header, expected) => {
  expect(parseChallenges(header)).toEqual(expected);
});

test('a long hostile header is read in no time', () => {
  expect(parseChallenges(`Bearer ${'a="\\'.repeat(100_000)}`)).toEqual([]);
});
