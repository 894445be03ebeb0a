import { expect, test } from 'vitest';
import { expandUserInfo, foreignVariable } from './user-info-variables.ts';

const at = (...names: readonly string[]): string => names.map((name) => `\${${name}}`).join(':');

test('variables of the user info are replaced, and cannot leave it', () => {
  const env = { USER: 'me', TOKEN: 'a/b@evil.example#' };
  expect(expandUserInfo(`https://${at('USER', 'TOKEN')}@h/${at('USER')}`, env)).toBe(
    `https://me:a%2Fb%40evil.example%23@h/${at('USER')}`,
  );
  expect(expandUserInfo('https://h/simple', env)).toBe('https://h/simple');
});

test('one that is not set is named', () => {
  expect(() => expandUserInfo(`https://${at('NOPE')}@h/`, {})).toThrow(
    expect.objectContaining({ code: 'COGPLAN_REQUIREMENT_VARIABLE', subject: 'NOPE' }),
  );
});

test('variables elsewhere are found', () => {
  expect(foreignVariable(`-i https://${at('A', 'B')}@h/simple`)).toBeUndefined();
  expect(foreignVariable(`-i https://h/${at('A')}`)).toBe('A');
});
