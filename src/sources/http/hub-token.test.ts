import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createHubToken, hubRefusalHint } from './hub-token.ts';

const HUB = new URL('https://huggingface.co/api/models/a/b');
let home: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'hub-token-'));
  mkdirSync(join(home, '.cache/huggingface'), { recursive: true });
  writeFileSync(join(home, '.cache/huggingface/token'), 'logged-in\n');
  writeFileSync(join(home, 'elsewhere'), 'from-elsewhere');
  writeFileSync(join(home, 'odd'), 'two\nlines');
});
afterAll(() => rmSync(home, { recursive: true }));

it.each<[string, Record<string, string>, string | undefined]>([
  ['the login of this user', {}, 'Bearer logged-in'],
  ['the environment before the login', { HF_TOKEN: ' own ' }, 'Bearer own'],
  ['a file that is named', { HF_TOKEN_PATH: 'elsewhere' }, 'Bearer from-elsewhere'],
  ['no login that is not wanted', { HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }, undefined],
  ['no file that is no token', { HF_TOKEN_PATH: 'odd' }, undefined],
  ['no file that is not there', { HF_HOME: '/nonexistent' }, undefined],
])('takes %s', (_what, env, expected) => {
  const { HF_TOKEN_PATH: path, ...rest } = env;
  const all = { HOME: home, ...rest, ...(path === undefined ? {} : { HF_TOKEN_PATH: join(home, path) }) };
  expect(createHubToken(all)(HUB)).toBe(expected);
});

it('gives the token to the hub, to what HF_ENDPOINT names, and to nobody else', () => {
  const token = createHubToken({ HF_TOKEN: 'own', HF_ENDPOINT: 'https://hub.example' });
  expect(token(new URL('https://hub.example/x'))).toBe('Bearer own');
  expect(token(new URL('https://cdn.huggingface.co/x'))).toBeUndefined();
  expect(hubRefusalHint('https://huggingface.co/a', 403)).toContain('HF_TOKEN');
  expect(hubRefusalHint('https://huggingface.co/a', 404)).toBeUndefined();
  expect(hubRefusalHint('https://example.test/a', 401)).toBeUndefined();
});
