import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { aContext, type TestContext } from '../../../test/builders/context.ts';
import { aWheelFile } from '../../../test/builders/wheel.ts';
import { git, startGitServer } from '../../../test/servers/git-server.ts';
import { type HttpTestServer, startHttpServer, TLS_DIRECTORY } from '../../../test/servers/http-server.ts';
import { sha256 } from '../../digest.ts';
import { readTarBuffer } from '../../formats/archive/tar-reader.ts';
import type { Exchange } from '../../lock/schema.generated.ts';
import type { BuiltLayer, LayerEntry } from '../layers/entry.ts';
import { writeLayer } from '../layers/write-layer.ts';
import { bubblewrap } from '../sandbox/bubblewrap.ts';
import { buildStep } from './build-step.ts';
import { runStep, type StepRun } from './run-step.ts';
import { openStepNetwork, recording, replaying } from './step-network.ts';
import { SEALED_SURROUNDINGS } from './surroundings.ts';

const BWRAP = '/usr/bin/bwrap';
const LARGE = randomBytes(3_000_000);
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
  plain.answer('/chunked', { body: 'in chunks', chunked: true });
  plain.answer('/gzip', { body: gzipSync('coded'), headers: { 'content-encoding': 'gzip' } });
  plain.answer('/large', { body: LARGE });
  for (let index = 0; index < 24; index++)
    plain.answer(`/many/${index}`, { body: `file ${index}\n`, delay: 5 * (24 - index) });
  const guarded = (credentials: string) => (request: { headers: Readonly<Record<string, string | undefined>> }) =>
    request.headers.authorization === credentials
      ? { body: 'private' }
      : { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' }, body: 'no' };
  plain.answer('/bearer', guarded('Bearer canary-4711'));
  plain.answer('/basic', guarded(`Basic ${Buffer.from('me:canary-4711').toString('base64')}`));
});
afterAll(async () => {
  await secure.close();
  await plain.close();
  context.dispose();
  rmSync(place, { recursive: true });
});

const step = (command: string, secrets: readonly { id: string; target: string }[] = []) => ({
  recipe: { command, cwd: '/', env: {}, secrets: [...secrets], cacheTag: 'cpython-311', network: 'recorded' as const },
  below: [below],
  sandbox: bubblewrap({ argv: [BWRAP], name: BWRAP }),
  secrets: new Map(secrets.map(({ id }) => [id, Buffer.from('canary-4711')] as const)),
  what: `build.run[0]: ${command}`,
  binds: [{ host: '/usr', guest: '/usr', writable: false }],
});

async function record(
  command: string,
  secrets: readonly { id: string; target: string }[] = [],
): Promise<readonly Exchange[]> {
  const exchanges = new Map<string, Exchange>();
  const run = step(command, secrets);
  const network = await openStepNetwork(context, recording(context, exchanges), run.secrets);
  try {
    await (await runStep(context, { ...run, surroundings: SEALED_SURROUNDINGS, network } satisfies StepRun)).dispose();
  } finally {
    await network.close();
  }
  return [...exchanges.values()];
}

/** What a command leaves at /data, by name: recorded, and then replayed with every server's answer changed. */
async function twice(command: string): Promise<Readonly<Record<string, string>>> {
  const exchanges = await record(command);
  const asked = plain.requests.length + secure.requests.length;
  const built = await replay(command, exchanges, false);
  expect(plain.requests.length + secure.requests.length).toBe(asked);
  const file = context.store.blobPath(built.diffId);
  const bytes = readFileSync(file);
  return Object.fromEntries(
    readTarBuffer(bytes, 'layer')
      .filter(({ type }) => type === 'file')
      .map(({ path, offset, size }) => [path.slice('data/'.length), bytes.toString('utf8', offset, offset + size)]),
  );
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

it('answers ranges, HEAD, HTTP/1.0, codings and chunks from one recorded file each', async () => {
  const at = plain.url;
  const left = await twice(
    [
      `curl -sSf -r 2-4 ${at}/plain > /data/range`,
      `curl -sSf -r -3 ${at}/plain > /data/end`,
      `curl -sSf -o /data/continued ${at}/plain && truncate -s 2 /data/continued && curl -sSf -C - -o /data/continued ${at}/plain`,
      `curl -sSfI ${at}/plain | tr -d '\\r' | grep -i content-length > /data/head`,
      `curl -sSf -0 ${at}/chunked > /data/old`,
      `curl -sSf --compressed ${at}/gzip > /data/coded`,
      `curl -s -r 100- -o /dev/null -w '%{http_code}' ${at}/plain > /data/beyond`,
    ].join(' && '),
  );
  expect(left).toEqual({
    range: 'ain',
    end: 'ain',
    continued: 'plain',
    head: 'content-length: 5\n',
    old: 'in chunks',
    coded: 'coded',
    beyond: '416',
  });
});

it('asks once for what is asked for many times, in parallel, and streams what is large', async () => {
  const before = plain.requests.length;
  const left = await twice(
    `seq 0 23 | xargs -P 8 -I{} curl -sSf -o /tmp/{} ${plain.url}/many/{} && for n in 1 2 3; do curl -sSf -o /tmp/l$n ${plain.url}/large & done; wait; cat /tmp/l1 /tmp/l2 /tmp/l3 | sha256sum > /data/hash && cat /tmp/[0-9]* | wc -l > /data/count`,
  );
  expect(left.hash?.slice(0, 64)).toBe(sha256(Buffer.concat([LARGE, LARGE, LARGE])));
  expect(left.count?.trim()).toBe('24');
  expect(plain.requests.length - before).toBe(25);
});

it('hands credentials on, keeps none, and needs none when it answers again', async () => {
  const secrets = [{ id: 'token', target: '/etc/token' }];
  const command = `curl -sSf -H "Authorization: Bearer $(cat /etc/token)" ${plain.url}/bearer > /data/a && wget -q -O /data/b --user me --password "$(cat /etc/token)" ${plain.url}/basic`;
  const exchanges = await record(command, secrets);
  expect(exchanges.map(({ url, status }) => [url, status])).toEqual([
    [`${plain.url}/bearer`, 200],
    [`${plain.url}/basic`, 200],
  ]);
  expect(JSON.stringify(exchanges)).not.toMatch(/canary|Bearer|Basic/);
  const other = command.replaceAll('$(cat /etc/token)', 'another');
  await replay(other, exchanges, false);
});

it('refuses an address that holds a secret, without showing it', async () => {
  const failure = await record(`curl -s "${plain.url}/plain?key=$(cat /etc/token)"`, [
    { id: 't', target: '/etc/token' },
  ]).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'COGPLAN_STEP_NETWORK' });
  expect(String(failure)).toContain('holds a secret');
  expect(String(failure)).not.toContain('canary');
});

it('says what to do about git', async () => {
  const place = mkdtempSync(join(tmpdir(), 'step-git-'));
  mkdirSync(join(place, 'r'));
  await git(join(place, 'r'), 'init', '-q');
  await git(join(place, 'r'), 'commit', '-qm', 'one', '--allow-empty');
  const server = await startGitServer(place);
  try {
    const failure = await record(`git clone -q ${server.url}/r /data/r`).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'COGPLAN_STEP_NETWORK', hint: expect.stringContaining('git clone URL DIR') });
    expect(String(failure)).toContain('git-upload-pack');
  } finally {
    await server.close();
    rmSync(place, { recursive: true });
  }
});

it('lets a step talk to a server that it started itself', async () => {
  const command =
    'cd /tmp && mkdir www && echo own > www/f && (python3 -m http.server -d www 8123 >/dev/null 2>&1 & echo $! > pid) && for n in $(seq 3000); do curl -sf http://127.0.0.1:8123/f > /data/own && break; sleep 0.1; done; kill $(cat pid); cat /data/own';
  const exchanges = await record(command);
  expect(exchanges.filter(({ status }) => status === 200)).toEqual([]);
});

it('serves pip, index and wheels', async () => {
  const { filename, bytes } = aWheelFile({ files: { 'demo.py': 'x = 1\n' } });
  plain.answer('/simple/demo/', {
    body: `<a href="/f/${filename}#sha256=${sha256(bytes)}">${filename}</a>`,
    headers: { 'content-type': 'text/html' },
  });
  plain.answer(`/f/${filename}`, { body: bytes });
  const command = `PYTHONPATH=$(ls -d /usr/share/python-wheels/pip-*.whl 2>/dev/null | head -n 1) python3 -m pip install -q --no-deps --no-cache-dir --target /data/p --index-url ${plain.url}/simple/ --trusted-host 127.0.0.1 demo`;
  const exchanges = await record(command);
  expect(exchanges.map(({ url }) => url)).toEqual([`${plain.url}/simple/demo/`, `${plain.url}/f/${filename}`]);
  await replay(command, exchanges);
});

it('serves apt', async () => {
  const deb = Buffer.from('no package at all\n');
  const stanza = `Package: demo\nVersion: 1\nArchitecture: all\nMaintainer: m\nFilename: ./demo.deb\nSize: ${deb.length}\nSHA256: ${sha256(deb)}\nDescription: d\n\n`;
  plain.answer('/archive/Packages', { body: stanza, headers: { 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' } });
  plain.answer('/archive/demo.deb', { body: deb });
  const left = await twice(
    [
      'mkdir -p /etc/apt/apt.conf.d /etc/apt/preferences.d /var/lib/apt/lists/partial /var/cache/apt/archives/partial /var/lib/dpkg',
      'touch /var/lib/dpkg/status && printf "root:x:0:0::/root:/bin/sh\\n_apt:x:42:65534::/nonexistent:/bin/false\\n" > /etc/passwd',
      `echo "deb [trusted=yes] ${plain.url}/archive/ ./" > /etc/apt/sources.list`,
      'apt-get -qq update && cd /data && apt-get -qq download demo',
    ].join(' && '),
  );
  expect(Object.values(left)).toContain(deb.toString());
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
  const failure = await replay('curl -sf http://files.test/plain', []).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'COGPLAN_STEP_NETWORK' });
  expect(String(failure)).toContain('not recorded');
});
