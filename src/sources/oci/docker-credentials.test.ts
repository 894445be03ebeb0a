import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findCredentials } from './docker-credentials.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'docker-config-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function configure(config: unknown, file = '.docker/config.json'): void {
  mkdirSync(join(home, file, '..'), { recursive: true });
  writeFileSync(join(home, file), typeof config === 'string' ? config : JSON.stringify(config));
}

function helper(name: string, script: string): void {
  const path = join(home, `docker-credential-${name}`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

const find = (registry: string, repository = 'team/model') =>
  findCredentials({ HOME: home, PATH: `${home}:/usr/bin:/bin` }, { registry, repository });
const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });
const ada = { kind: 'password', username: 'ada', password: 'a:b' };

test('nothing configured is nobody', async () => {
  expect(await find('registry.example')).toBeUndefined();
});

test.each([
  ['registry.example', 'registry.example'],
  ['https://registry.example', 'registry.example'],
  ['https://registry.example/v2/', 'registry.example'],
  ['https://index.docker.io/v1/', 'docker.io'],
  ['registry.example:5000', 'registry.example:5000'],
])('auths: %s serves %s and no other', async (key, registry) => {
  configure({ auths: { [key]: auth('ada:a:b') } });
  expect(await find(registry)).toEqual(ada);
  for (const other of ['example', 'evil.registry.example', 'registry.example.evil', 'registry.example:1'])
    if (other !== registry) expect(await find(other)).toBeUndefined();
});

test('an identity token is taken for what it is, and Podman files by namespace', async () => {
  configure({ auths: { 'a.example': { ...auth('<token>:'), identitytoken: 'T' } } });
  expect(await find('a.example')).toEqual({ kind: 'identity-token', token: 'T' });
  configure({ auths: { 'b.example/team': auth('ada:a:b') } }, '.config/containers/auth.json');
  expect(await find('b.example')).toEqual(ada);
  expect(await find('b.example', 'other/model')).toBeUndefined();
});

test('helpers are asked for exactly the server, the registry’s own before the common one', async () => {
  configure({ credsStore: 'common', credHelpers: { 'a.example': 'own' } });
  helper('own', 'read server; echo "{\\"Username\\":\\"own\\",\\"Secret\\":\\"$server\\"}"');
  helper('common', 'read server; echo "{\\"Username\\":\\"<token>\\",\\"Secret\\":\\"$server\\"}"');
  expect(await find('a.example')).toEqual({ kind: 'password', username: 'own', password: 'a.example' });
  expect(await find('docker.io')).toEqual({ kind: 'identity-token', token: 'https://index.docker.io/v1/' });
});

test('a helper that knows nothing means nobody; one that fails or is missing stops', async () => {
  configure({ credsStore: 'x' });
  helper('x', 'echo "credentials not found in native keychain"; exit 1');
  expect(await find('a.example')).toBeUndefined();
  helper('x', 'echo boom; exit 1');
  await expect(find('a.example')).rejects.toMatchObject({ code: 'COGPLAN_REGISTRY_CREDENTIALS' });
  configure({ credsStore: 'absent' });
  await expect(find('a.example')).rejects.toMatchObject({ message: expect.stringContaining('no such program') });
  configure({ credsStore: '../x' });
  await expect(find('a.example')).rejects.toMatchObject({ message: expect.stringContaining('its name') });
});

test.each(['not json: s3cret', '{"auths":{"a.example":{"auth":"czNjcmV0"}}}'])(
  'a broken file stops, and is not quoted',
  async (text) => {
    configure(text);
    const error = await find('a.example').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'COGPLAN_REGISTRY_CREDENTIALS' });
    expect(String((error as Error).message)).not.toMatch(/s3cret|czNjcmV0/);
  },
);
