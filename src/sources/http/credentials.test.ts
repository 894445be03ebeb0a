import { expect, test } from 'vitest';
import { parseNetrc, splitUserInfo } from './credentials.ts';

function read(text: string): Record<string, string> {
  return Object.fromEntries(
    [...parseNetrc(text)].map(([host, value]) => [host, Buffer.from(value.slice(6), 'base64').toString()]),
  );
}

test.each([
  ['one line', 'machine a.example login u password p', { 'a.example': 'u:p' }],
  ['many lines', 'machine A.example\n  login u\n\tpassword p\n', { 'a.example': 'u:p' }],
  ['password first', 'machine a password p login u', { a: 'u:p' }],
  ['several', 'machine a login u password p machine b login v password q', { a: 'u:p', b: 'v:q' }],
  ['the first of a host', 'machine a login u password p\nmachine a login v password q', { a: 'u:p' }],
  ['account', 'machine a login u account x password p', { a: 'u:p' }],
  ['no default', 'default login u password p', {}],
  ['default last', 'machine a login u password p default login v password q', { a: 'u:p' }],
  ['comments', '# machine x login y password z\nmachine a login u password p # why', { a: 'u:p' }],
  ['a hash in a password', 'machine a login u password p#q', { a: 'u:p#q' }],
  ['quotes', 'machine a login u password "p q \\" r"', { a: 'u:p q " r' }],
  ['macros', 'macdef init\ncd /\nmachine x login y password z\n\nmachine a login u password p', { a: 'u:p' }],
  ['a torn file', 'machine a login', { a: ':' }],
  ['nothing', '', {}],
])('netrc: %s', (_, text, expected) => {
  expect(read(text)).toEqual(expected);
});

test('user info leaves the URL', () => {
  const { url, authorization } = splitUserInfo(new URL('https://us%20er:p%3Aw@a.example/x?y'));
  expect(url.href).toBe('https://a.example/x?y');
  expect(authorization).toBe(`Basic ${Buffer.from('us er:p:w').toString('base64')}`);
  expect(splitUserInfo(new URL('https://a.example/')).authorization).toBeUndefined();
});
