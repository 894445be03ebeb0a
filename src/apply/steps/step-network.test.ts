import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { type HttpTestServer, startHttpServer, TLS_DIRECTORY } from '../../../test/servers/http-server.ts';
import { sha256 } from '../../digest.ts';
import type { Exchange } from '../../lock/schema.generated.ts';
import type { BuiltLayer, LayerEntry } from '../layers/entry.ts';
import { writeLayer } from '../layers/write-layer.ts';
import { bubblewrap } from '../sandbox/bubblewrap.ts';
import { buildStep } from './build-step.ts';
import { runStep, type StepRun } from './run-step.ts';
import { openStepNetwork, recording, replaying } from './step-network.ts';
import { SEALED_SURROUNDINGS } from './surroundings.ts';

const BWRAP = '/usr/bin/bwrap';
let context: TestContext;
let below: BuiltLayer;
let secure: HttpTestServer;
let plain: HttpTestServer;
const place = mkdtempSync(join(tmpdir(), 'step-network-'));

beforeAll(async () => {
  context = await aContext({ SSL_CERT_FILE: join(TLS_DIRECTORY, 'ca.pem') });
  [secure, plain] = [await startHttpServer({ https: true }), await startHttpServer()];
  const base = { uid: 0, gid: 0, origin: 'test' };
  const link = (path: string): LayerEntry => ({ ...base, type: 'symlink', path, mode: 0o777, target: `usr/${path}` });
  const directory = (path: string): LayerEntry => ({ ...base, type: 'directory', path, mode: 0o755 });
  below = await writeLayer(
    [link('bin'), directory('data'), link('lib'), link('lib64'), link('sbin'), directory('usr')],
    context.store,
  );
  mkdirSync(join(place, 'tool'));
  writeFileSync(join(place, 'tool/build.sh'), 'tr a-z A-Z < text > /data/made\n');
  writeFileSync(join(place, 'tool/text'), 'made of what was fetched\n');
  secure.answer('/tool.tar.gz', { status: 302, headers: { location: '/v1/tool.tar.gz' } });
  secure.answer('/v1/tool.tar.gz', { body: execFileSync('tar', ['cz', '-C', place, 'tool']) });
  plain.answer('/plain', { body: 'plain' });
  plain.answer('/page', { body: '{}', headers: { 'content-type': 'application/json' } });
});
afterAll(async () => {
  await secure.close();
  await plain.close();
  context.dispose();
  rmSync(place, { recursive: true });
});

const step = (command: string) => ({
  recipe: { command, cwd: '/', env: {}, secrets: [], cacheTag: 'cpython-311', network: 'recorded' as const },
  below: [below],
  sandbox: bubblewrap({ argv: [BWRAP], name: BWRAP }),
  secrets: new Map<string, Uint8Array>(),
  what: `build.run[0]: ${command}`,
  binds: [{ host: '/usr', guest: '/usr', writable: false }],
});

async function record(command: string): Promise<readonly Exchange[]> {
  const exchanges = new Map<string, Exchange>();
  const network = await openStepNetwork(context, recording(context, exchanges));
  const run: StepRun = { ...step(command), surroundings: SEALED_SURROUNDINGS, network };
  try {
    await (await runStep(context, run)).dispose();
  } finally {
    await network.close();
  }
  return [...exchanges.values()];
}

const replay = (command: string, exchanges: readonly Exchange[], compare = true) =>
  buildStep(context, {
    ...step(command),
    compare,
    accepted: false,
    openNetwork: () =>
      openStepNetwork(context, replaying(exchanges.map((item) => ({ ...item, sha256: item.file.sha256 })))),
  });

it('records what a step fetches, TLS included, and gives the same layer on every run after the servers are gone', async () => {
  const command = `curl -sSf ${secure.url}/tool.tar.gz | tar xz -C /tmp && cd /tmp/tool && sh build.sh && curl -sSf ${plain.url}/plain > /data/plain`;
  const exchanges = await record(command);
  expect(exchanges.map(({ url, status }) => [url, status])).toEqual([
    [`${secure.url}/tool.tar.gz`, 200],
    [`${plain.url}/plain`, 200],
  ]);
  expect(exchanges[1]?.file).toMatchObject({ sha256: sha256('plain'), size: 5 });
  const requests = secure.requests.length + plain.requests.length;
  const first = await replay(command, exchanges);
  const zone = process.env.TZ;
  process.env.TZ = 'Asia/Tokyo';
  try {
    expect(await replay(command, exchanges)).toEqual(first);
    expect(await replay(command, exchanges, false)).toEqual(first);
  } finally {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  }
  expect(secure.requests.length + plain.requests.length).toBe(requests);
});

it('serves Python, with its own trust and its own proxy settings', async () => {
  const command = `python3 -c "import urllib.request as u; open('/data/p','wb').write(u.urlopen('${plain.url}/page').read())"`;
  const exchanges = await record(command);
  expect(exchanges[0]?.headers).toEqual({ 'content-type': 'application/json' });
  await replay(command, exchanges, false);
});

it('remembers that something is not there', async () => {
  const command = `curl -s -o /dev/null -w '%{http_code}' ${plain.url}/absent > /data/status`;
  const exchanges = await record(command);
  expect(exchanges.map(({ status }) => status)).toEqual([404]);
  await replay(command, exchanges, false);
});

it.each([
  ['a POST', () => `curl -s -d x=1 ${plain.url}/plain`, 'POST '],
  ['a POST by TLS', () => `curl -s -X POST ${secure.url}/x`, 'POST https://localhost'],
])('refuses and names %s', async (_, command, named) => {
  const failure = await record(command()).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'COGPLAN_STEP_NETWORK' });
  expect(String(failure)).toContain(named);
});

it('lets no raw socket out', async () => {
  const failure = await record(
    `python3 -c "import socket; socket.create_connection(('127.0.0.1', ${plain.port}), 2)"`,
  ).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'COGPLAN_STEP_NETWORK', hint: expect.stringContaining('no other sockets') });
});

it('refuses what was not recorded', async () => {
  const failure = await replay(`curl -sf ${plain.url}/plain`, []).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'COGPLAN_STEP_NETWORK' });
  expect(String(failure)).toContain('not recorded');
});
