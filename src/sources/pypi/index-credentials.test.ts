import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { indexCredentials } from './index-credentials.ts';

const { signal } = new AbortController();
let bin: string;

beforeAll(() => {
  bin = mkdtempSync(join(tmpdir(), 'cogplan-keyring-'));
  const script = '#!/bin/sh\n[ "$1 $2 $3" = "get https://pypi.example/simple me" ] && echo "p@ss word" || exit 1\n';
  writeFileSync(join(bin, 'keyring'), script);
  chmodSync(join(bin, 'keyring'), 0o755);
});
afterAll(() => rmSync(bin, { recursive: true }));

test.each<[string, { url: string; name?: string }, Record<string, string>, string]>([
  ['nothing is known', { url: 'https://pypi.example/simple' }, {}, 'https://pypi.example/simple'],
  ['a password in the URL', { url: 'https://me:x@pypi.example/simple' }, {}, 'https://me:x@pypi.example/simple'],
  [
    'the environment, by the name of the index',
    { url: 'https://pypi.example/simple', name: 'acme.core-1' },
    { COGPLAN_INDEX_ACME_CORE_1_USERNAME: 'me', COGPLAN_INDEX_ACME_CORE_1_PASSWORD: 'a/b' },
    'https://me:a%2Fb@pypi.example/simple',
  ],
  [
    "uv's names of it",
    { url: 'https://pypi.example/simple', name: 'acme' },
    { UV_INDEX_ACME_USERNAME: 'me', UV_INDEX_ACME_PASSWORD: 'x' },
    'https://me:x@pypi.example/simple',
  ],
  [
    'a user without a password: keyring',
    { url: 'https://me@pypi.example/simple' },
    {},
    'https://me:p%40ss%20word@pypi.example/simple',
  ],
  [
    'another user, whom keyring does not know',
    { url: 'https://you@pypi.example/simple' },
    {},
    'https://you@pypi.example/simple',
  ],
])('%s', async (_, place, env, expected) => {
  expect(await indexCredentials({ env: { PATH: `${bin}:/usr/bin:/bin`, ...env }, signal }, place)).toBe(expected);
});

test('without the command, a user stays without a password', async () => {
  const place = { url: 'https://me@pypi.example/simple' };
  expect(await indexCredentials({ env: { PATH: '/nowhere' }, signal }, place)).toBe(place.url);
});
