import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Pushed } from '../../src/apply/outputs/registry.ts';
import { pushToRegistry } from '../../src/apply/outputs/registry.ts';
import type { Context } from '../../src/context.ts';
import { fromDigest } from '../../src/digest.ts';
import { silentHost, startSpan } from '../../src/events.ts';
import { downloadBlob } from '../../src/sources/download-blob.ts';
import { createHttpClient } from '../../src/sources/http/undici-client.ts';
import { hasBlob, pushBlob } from '../../src/sources/oci/push-blob.ts';
import { parseReference } from '../../src/sources/oci/reference.ts';
import { openRegistry } from '../../src/sources/oci/registry.ts';
import { resolveImage } from '../../src/sources/oci/resolve-image.ts';
import { applied } from '../builders/applied.ts';
import { aContext, type TestContext } from '../builders/context.ts';
import { blob, buildImage, file, layerTar, putImage, putManifest } from '../builders/registry-image.ts';
import { type FaultProxy, startFaultProxy } from '../servers/fault-proxy.ts';
import { startHttpServer } from '../servers/http-server.ts';
import { ACCOUNT, type RegistryTestServer, startRegistry } from '../servers/registry.ts';
import { IDENTITY_TOKEN } from '../servers/token-server.ts';

/*
 * The distribution client against Debian's docker-registry, as it is and behind a proxy that breaks things. What was pushed is read by
 * skopeo.
 */

let open: RegistryTestServer;
let proxy: FaultProxy;
let context: TestContext;
let home: string;

beforeAll(async () => {
  open = await startRegistry();
});
afterAll(() => open.stop());

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'registry-home-'));
  proxy = await startFaultProxy(open.port);
  context = retrying(await aContext({ HOME: home, PATH: process.env.PATH ?? '' }));
});
afterEach(async () => {
  await context.http.close();
  await proxy.close();
  context.dispose();
  rmSync(home, { recursive: true, force: true });
});

/** Tests' contexts give up at once; here trying again is what is tested. */
function retrying(inner: TestContext): TestContext {
  const http = createHttpClient({
    cacheDirectory: join(inner.store.root, 'cache/http'),
    env: inner.env,
    offline: false,
    userAgent: 'cogplan-test',
    now: () => new Date(),
    retries: 3,
    backoff: () => 10,
  });
  return { ...inner, http };
}

function logIn(host: string, entry: Record<string, string>): void {
  mkdirSync(join(home, '.docker'), { recursive: true });
  writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ auths: { [host]: entry } }));
}

const password = { auth: Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64') };
const tar = (text: string) => layerTar([file('etc/os-release', text)]);
const resolve = (name: string, inner: Context = context) => resolveImage(inner, parseReference(name), 'linux/amd64');

async function push(tars: readonly Buffer[], name: string, inner: Context = context): Promise<Pushed> {
  return pushToRegistry(inner, await applied(inner, tars), parseReference(name), startSpan(silentHost, 'test', 'push'));
}

describe('reading', () => {
  test.each(['oci', 'docker'] as const)(
    'an image of the %s dialect, down to digests, sizes and diffIDs',
    async (dialect) => {
      const image = buildImage([tar('one'), tar('two')], { dialect });
      await putImage(open.host, `read/${dialect}:1`, image);
      const found = await resolve(`${open.host}/read/${dialect}:1`);
      expect(found).toMatchObject({
        tagged: image.manifest.digest,
        manifest: { digest: image.manifest.digest, size: image.manifest.bytes.length },
        config: { digest: image.config.digest },
        layers: image.layers.map(({ digest, bytes, diffId }) => ({
          digest,
          size: bytes.length,
          compression: 'gzip',
          diffId,
        })),
        document: { created: '2026-01-02T03:04:05Z' },
      });
      expect(await context.store.stat(fromDigest(image.manifest.digest))).toBeDefined();
      // By digest, the answer is the same.
      expect((await resolve(`${open.host}/read/${dialect}@${image.manifest.digest}`)).layers).toEqual(found.layers);
    },
  );

  test('an index leads to the platform, past attestations and other variants', async () => {
    const [amd, arm] = [buildImage([tar('amd')]), buildImage([tar('arm')], { architecture: 'arm64' })];
    for (const image of [amd, arm])
      await putImage(open.host, `read/index:${image.manifest.digest.slice(7, 17)}`, image);
    const entry = (image: typeof amd, platform: object) => ({
      mediaType: image.manifest.mediaType,
      digest: image.manifest.digest,
      size: image.manifest.bytes.length,
      platform,
    });
    const index = blob(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.index.v1+json',
        manifests: [
          entry(arm, { os: 'linux', architecture: 'arm64', variant: 'v8' }),
          entry(arm, { os: 'unknown', architecture: 'unknown' }),
          entry(amd, { os: 'linux', architecture: 'amd64' }),
        ],
      }),
    );
    await putManifest(open.host, 'read/index:both', { ...index, mediaType: 'application/vnd.oci.image.index.v1+json' });
    const name = `${open.host}/read/index:both`;
    expect(await resolve(name)).toMatchObject({ tagged: index.digest, manifest: { digest: amd.manifest.digest } });
    const other = await resolveImage(context, parseReference(name), 'linux/arm64');
    expect(other.manifest.digest).toBe(arm.manifest.digest);
    await expect(resolve(`${open.host}/read/index@${arm.manifest.digest}`)).rejects.toMatchObject({
      code: 'COGPLAN_IMAGE_PLATFORM',
      hint: 'It has linux/arm64.',
    });
  });

  test('what is not there is told by name', async () => {
    await expect(resolve(`${open.host}/no/such:1`)).rejects.toMatchObject({ code: 'COGPLAN_IMAGE_NOT_FOUND' });
  });

  test('a cut download goes on where it was, over a registry that asks to wait', async () => {
    const content = randomBytes(3_000_000);
    const image = buildImage([layerTar([file('data', content)])], { compression: 'none' });
    await putImage(open.host, 'read/large:1', image);
    proxy.fail(/^GET .*\/blobs\//, { kind: 'truncate', after: 1_000_000 });
    proxy.fail(/^GET .*\/blobs\//, { kind: 'status', status: 429, retryAfter: 0 });
    proxy.fail(/^GET .*\/blobs\//, { kind: 'status', status: 503 });
    const registry = await openRegistry(context, parseReference(`${proxy.host}/read/large`), { access: 'pull' });
    const [layer] = image.layers;
    const wanted = { url: 'oci:', sha256: fromDigest(layer!.digest), size: layer!.bytes.length };
    await downloadBlob(
      { ...context, http: registry.http },
      { url: registry.url(`blobs/${layer!.digest}`), file: wanted, what: 'layer', onBytes: () => {} },
    );
    expect(await context.store.stat(wanted.sha256)).toMatchObject({ size: wanted.size });
    const received = proxy.requests.reduce((sum, request) => sum + request.received, 0);
    expect(received).toBeLessThan(wanted.size + 100_000);
  });

  describe('hostile answers', () => {
    test.each([
      ['another digest', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from(' ')]), 'COGPLAN_HASH_MISMATCH'],
      ['no JSON', () => Buffer.from('<html>'), 'COGPLAN_HASH_MISMATCH'],
    ])('%s', async (_, change, code) => {
      const image = buildImage([tar('x')]);
      const server = await startHttpServer();
      server.answer('/v2/', { body: '{}' });
      const headers = { 'content-type': image.manifest.mediaType };
      server.answer(`/v2/a/b/manifests/${image.manifest.digest}`, { headers, body: change(image.manifest.bytes) });
      await expect(resolve(`127.0.0.1:${server.port}/a/b@${image.manifest.digest}`)).rejects.toMatchObject({ code });
      await server.close();
    });

    interface ManifestText {
      schemaVersion: number;
      mediaType: string;
      config: { size: number };
      layers: { size: number; digest: string; mediaType: string }[];
    }
    test.each([
      ['a config of another size', (m: ManifestText) => (m.config.size = 7), 'COGPLAN_HASH_MISMATCH'],
      ['a config of 5 GB', (m: ManifestText) => (m.config.size = 5e9), 'COGPLAN_IMAGE_INVALID'],
      ['a negative size', (m: ManifestText) => (m.layers[0]!.size = -1), 'COGPLAN_IMAGE_INVALID'],
      [
        'a digest that is a path',
        (m: ManifestText) => (m.layers[0]!.digest = 'sha256:../../x'),
        'COGPLAN_IMAGE_INVALID',
      ],
      ['a layer too many', (m: ManifestText) => m.layers.push(m.layers[0]!), 'COGPLAN_IMAGE_INVALID'],
      ['an encrypted layer', (m: ManifestText) => (m.layers[0]!.mediaType += '+encrypted'), 'COGPLAN_IMAGE_INVALID'],
      [
        'a layer that may not be distributed',
        (m: ManifestText) => (m.layers[0]!.mediaType = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'),
        'COGPLAN_IMAGE_INVALID',
      ],
      ['schema 1', (m: ManifestText) => (m.schemaVersion = 1), 'COGPLAN_IMAGE_INVALID'],
      ['a kind unheard of', (m: ManifestText) => (m.mediaType = 'text/plain'), 'COGPLAN_IMAGE_INVALID'],
    ])('%s', async (_, change, code) => {
      const image = buildImage([tar('x')], { change: (manifest) => void change(manifest as unknown as ManifestText) });
      const server = await startHttpServer();
      server.answer('/v2/', { body: '{}' });
      const headers = { 'content-type': image.manifest.mediaType };
      server.answer('/v2/a/b/manifests/1', { headers, body: image.manifest.bytes });
      server.answer(`/v2/a/b/blobs/${image.config.digest}`, { body: image.config.bytes });
      await expect(resolve(`127.0.0.1:${server.port}/a/b:1`)).rejects.toMatchObject({ code });
      await server.close();
    });

    test('a manifest of a hundred megabytes is not read', async () => {
      const server = await startHttpServer();
      server.answer('/v2/', { body: '{}' });
      server.answer('/v2/a/b/manifests/1', { body: ' '.repeat(65536), endless: true });
      await expect(resolve(`127.0.0.1:${server.port}/a/b:1`)).rejects.toMatchObject({ code: 'COGPLAN_TOO_LARGE' });
      await server.close();
    });
  });
});

describe('pushing', () => {
  const base = tar('base');

  test('sends what is missing, and the next time only what changed', async () => {
    const large = layerTar([file('large', randomBytes(2_000_000))]);
    const first = await push([base, large, tar('one')], `${proxy.host}/push/a:1`);
    expect(first.sent).toBeGreaterThan(2_000_000);
    const before = proxy.requests.length;
    const second = await push([base, large, tar('two')], `${proxy.host}/push/a:2`);
    expect(second.sent).toBeLessThan(5_000);
    expect(second.saved).toBeGreaterThan(2_000_000);
    const sent = proxy.requests.slice(before).reduce((sum, request) => sum + request.sent, 0);
    expect(sent).toBe(second.sent);
    const third = await push([base, large, tar('two')], `${proxy.host}/push/a:2`);
    expect(third).toMatchObject({ sent: 0, manifestDigest: second.manifestDigest });
  });

  test('skopeo reads it, and finds the config that is the image ID and layers of its diffIDs', async () => {
    const image = await applied(context, [base, tar('top')]);
    await push([base, tar('top')], `${open.host}/push/skopeo:1`);
    const out = join(home, 'copied');
    const { status, stderr } = spawnSync(
      'skopeo',
      ['copy', '--src-tls-verify=false', `docker://${open.host}/push/skopeo:1`, `dir:${out}`],
      { encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const found = await resolve(`${open.host}/push/skopeo:1`);
    expect(found.config.digest).toBe(image.imageId);
    expect(found.layers.map(({ diffId }) => diffId)).toEqual(image.layers.map(({ diffId }) => diffId));
  });

  test('a store that lost the compressed layers sends nothing, and makes nothing', async () => {
    const name = `${open.host}/push/lost:1`;
    const image = await applied(context, [base, tar('x')]);
    const first = await push([base, tar('x')], name);
    for (const { digest } of first.layers) rmSync(context.store.blobPath(fromDigest(digest)));
    expect(await push([base, tar('x')], name)).toMatchObject({ sent: 0 });
    for (const { digest } of first.layers) expect(await context.store.stat(fromDigest(digest))).toBeUndefined();
    expect(image.layers).toHaveLength(2);
  });

  test.each([
    ['a reset', { kind: 'reset' }],
    ['an answer of 503', { kind: 'status', status: 503 }],
    ['an answer of 429 with Retry-After', { kind: 'status', status: 429, retryAfter: 0 }],
    ['a slow answer', { kind: 'slow', milliseconds: 300 }],
  ] as const)('survives %s at each kind of request', async (_, fault) => {
    for (const kind of [
      /^GET \/v2\/ /,
      /^HEAD .*blobs/,
      /^POST/,
      /^PATCH/,
      /^PUT .*blobs/,
      /^HEAD .*manifests/,
      /^PUT .*manifests/,
    ])
      proxy.fail(kind, fault);
    const pushed = await push([tar(`faults ${Math.random()}`)], `${proxy.host}/push/faults:1`);
    expect((await resolve(`${open.host}/push/faults:1`)).manifest.digest).toBe(pushed.manifestDigest);
  });

  test('a broken upload goes on from where the registry says it stands', async () => {
    const content = randomBytes(8_000_000);
    const { digest } = blob(content);
    proxy.fail(/^PATCH/, { kind: 'cut-request', after: 5_000_000 });
    const registry = await openRegistry(context, parseReference(`${proxy.host}/push/resume`), { access: 'push' });
    const whole = { digest, size: content.length, read: (from: number, to: number) => content.subarray(from, to) };
    expect(await pushBlob(context, registry, whole)).toBe('sent');
    expect(await hasBlob(registry, whole)).toBe(true);
    const patches = proxy.requests.filter(({ method }) => method === 'PATCH');
    expect(patches).toHaveLength(2);
  });

  test('a small blob goes in one request, and one that broke goes on as a large one does', async () => {
    const registry = await openRegistry(context, parseReference(`${proxy.host}/push/small`), { access: 'push' });
    const send = async (content: Buffer): Promise<readonly string[]> => {
      const before = proxy.requests.length;
      const { digest } = blob(content);
      const whole = { digest, size: content.length, read: (from: number, to: number) => content.subarray(from, to) };
      expect(await pushBlob(context, registry, whole)).toBe('sent');
      const methods = proxy.requests.slice(before).map(({ method }) => method);
      expect(await hasBlob(registry, whole)).toBe(true);
      return methods;
    };
    expect(await send(randomBytes(100_000))).toEqual(['HEAD', 'POST', 'PUT']);
    expect(await send(Buffer.alloc(0))).toEqual(['HEAD', 'POST', 'PUT']);
    proxy.fail(/^PUT/, { kind: 'cut-request', after: 1_000_000 });
    expect((await send(randomBytes(3_000_000))).filter((method) => method === 'PATCH')).toHaveLength(1);
  });

  test('an upload is paused for as long as the registry asks', async () => {
    const registry = await openRegistry(context, parseReference(`${proxy.host}/push/asked`), { access: 'push' });
    const content = randomBytes(1000);
    const whole = { ...blob(content), size: content.length, read: () => content };
    proxy.fail(/^PUT/, { kind: 'status', status: 429, retryAfter: 2 });
    const start = performance.now();
    expect(await pushBlob(context, registry, whole)).toBe('sent');
    expect(performance.now() - start).toBeGreaterThan(1900);
    proxy.fail(/^PUT/, { kind: 'status', status: 503, retryAfter: 3600 });
    const other = randomBytes(1000);
    await expect(
      pushBlob(context, registry, { ...blob(other), size: other.length, read: () => other }),
    ).rejects.toMatchObject({ code: 'COGPLAN_HTTP_STATUS' });
  });

  test('a body that is too large for what stands before the registry goes in chunks', async () => {
    const content = randomBytes(40 * 1024 * 1024);
    const { digest } = blob(content);
    proxy.fail(/^PATCH/, { kind: 'status', status: 413 });
    const registry = await openRegistry(context, parseReference(`${proxy.host}/push/chunks`), { access: 'push' });
    const whole = { digest, size: content.length, read: (from: number, to: number) => content.subarray(from, to) };
    expect(await pushBlob(context, registry, whole)).toBe('sent');
    expect(proxy.requests.filter(({ method }) => method === 'PATCH').length).toBeGreaterThanOrEqual(3);
  });

  test('a blob of another repository is mounted, not sent', async () => {
    const { layers } = await push([base], `${open.host}/push/origin:1`);
    const registry = await openRegistry(context, parseReference(`${proxy.host}/push/mounted`), {
      access: 'push',
      mountFrom: ['push/origin'],
    });
    const wanted = {
      digest: layers[0]!.digest,
      size: layers[0]!.size,
      read: () => {
        throw new Error('read');
      },
    };
    expect(await pushBlob(context, registry, wanted, { mountFrom: ['push/nowhere', 'push/origin'] })).toBe('mounted');
    expect(proxy.requests.every(({ sent }) => sent === 0)).toBe(true);
  });

  test('a registry that refuses ends the push with its own words, and no tag', async () => {
    proxy.fail(/^PUT .*manifests/, { kind: 'status', status: 400 }, 10);
    await expect(push([tar('refused')], `${proxy.host}/push/refused:1`)).rejects.toMatchObject({
      code: 'COGPLAN_REGISTRY_FAILED',
    });
    await expect(resolve(`${open.host}/push/refused:1`)).rejects.toMatchObject({ code: 'COGPLAN_IMAGE_NOT_FOUND' });
  });
});

describe('credentials', () => {
  test('Basic: a password opens, none and a wrong one are told', async () => {
    const registry = await startRegistry({ auth: 'password' });
    try {
      const name = `${registry.host}/team/model:1`;
      await expect(push([tar('b')], name)).rejects.toMatchObject({ code: 'COGPLAN_REGISTRY_AUTH' });
      logIn(registry.host, { auth: Buffer.from('ada:wrong').toString('base64') });
      const refused = await push([tar('b')], name).catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'COGPLAN_REGISTRY_AUTH' });
      expect(JSON.stringify(refused)).not.toContain('wrong');
      logIn(registry.host, password);
      expect(await push([tar('b')], name)).toMatchObject({ kind: 'registry' });
      expect(await resolve(name)).toMatchObject({ layers: [{ compression: 'gzip' }] });
    } finally {
      await registry.stop();
    }
  });

  test('tokens: anonymous, with a password, with an identity token, and one that expires', async () => {
    const registry = await startRegistry({ auth: 'token' });
    try {
      const { tokens } = registry;
      const name = `${registry.host}/public/model:1`;
      await expect(push([tar('t')], name)).rejects.toMatchObject({ code: 'COGPLAN_REGISTRY_AUTH' });
      logIn(registry.host, password);
      await push([tar('t')], name);
      expect(tokens?.requests.at(-1)).toMatchObject({ method: 'GET', scopes: ['repository:public/model:pull,push'] });
      rmSync(join(home, '.docker'), { recursive: true });
      expect(await resolve(name)).toMatchObject({ layers: [{ compression: 'gzip' }] });
      expect(tokens?.requests.at(-1)).toMatchObject({
        authorization: undefined,
        scopes: ['repository:public/model:pull'],
      });

      logIn(registry.host, { identitytoken: IDENTITY_TOKEN });
      await push([tar('t2')], `${registry.host}/private/model:1`);
      expect(tokens?.requests.at(-1)).toMatchObject({ method: 'POST', refreshToken: IDENTITY_TOKEN });

      const opened = await openRegistry(context, parseReference(name), { access: 'pull' });
      const get = () => opened.send(opened.url('tags/list'), { method: 'GET' });
      if (tokens !== undefined) tokens.lifetime = -120;
      await expect(get()).rejects.toMatchObject({ code: 'COGPLAN_REGISTRY_AUTH' });
      if (tokens !== undefined) tokens.lifetime = 300;
      expect((await get()).status).toBe(200);
    } finally {
      await registry.stop();
    }
  });

  test.each([
    ['a reset', { kind: 'reset' }],
    ['an answer of 503', { kind: 'status', status: 503 }],
    ['an answer of 429', { kind: 'status', status: 429, retryAfter: 0 }],
  ] as const)('with tokens, %s at each kind of request is survived', async (_, fault) => {
    const registry = await startRegistry({ auth: 'token' });
    const before = await startFaultProxy(registry.port);
    try {
      logIn(before.host, password);
      for (const kind of [
        /^GET \/v2\/ /,
        /^HEAD .*blobs/,
        /^POST/,
        /^PUT .*blobs/,
        /^HEAD .*manifests/,
        /^PUT .*manifests/,
      ])
        before.fail(kind, fault);
      const pushed = await push([tar(`tokens ${Math.random()}`)], `${before.host}/private/faults:1`);
      expect((await resolve(`${before.host}/private/faults:1`)).manifest.digest).toBe(pushed.manifestDigest);
    } finally {
      await before.close();
      await registry.stop();
    }
  });

  test('a credential helper is asked for the registry, and for no other', async () => {
    const registry = await startRegistry({ auth: 'password' });
    try {
      const asked = join(home, 'asked');
      const answer = JSON.stringify({ ServerURL: registry.host, Username: ACCOUNT.username, Secret: ACCOUNT.password });
      writeFileSync(join(home, 'docker-credential-test'), `#!/bin/sh\ncat >> ${asked}\necho '${answer}'\n`, {
        mode: 0o755,
      });
      mkdirSync(join(home, '.docker'));
      writeFileSync(
        join(home, '.docker/config.json'),
        JSON.stringify({ credHelpers: { [registry.host]: 'test' }, auths: { [registry.host]: {} } }),
      );
      const inner = { ...context, env: { ...context.env, PATH: `${home}:${process.env.PATH}` } };
      await push([tar('helped')], `${registry.host}/team/model:1`, inner);
      expect(new Set(readFileSync(asked, 'utf8').trim().split('\n'))).toEqual(new Set([registry.host]));
      await push([tar('open')], `${open.host}/push/helped:1`, inner);
      expect(readFileSync(asked, 'utf8')).not.toContain(open.host);
    } finally {
      await registry.stop();
    }
  });

  test('an upload that is redirected to another host takes the blob there and no credentials', async () => {
    const registry = await startRegistry({ auth: 'password' });
    const before = await startFaultProxy(registry.port);
    const other = await startHttpServer();
    try {
      logIn(before.host, password);
      other.answer('/upload', { status: 201 });
      const opened = await openRegistry(context, parseReference(`${before.host}/team/model`), { access: 'push' });
      const content = randomBytes(5000);
      before.fail(/^PUT .*blobs/, { kind: 'redirect', to: `${other.url}/upload` });
      const whole = { ...blob(content), size: content.length, read: () => content };
      expect(await pushBlob(context, opened, whole)).toBe('sent');
      expect(before.requests.find(({ method }) => method === 'PUT')?.authorization).toMatch(/^Basic /);
      expect(other.requests.map(({ method, headers }) => [method, headers.authorization])).toEqual([
        ['PUT', undefined],
      ]);
    } finally {
      await other.close();
      await before.close();
      await registry.stop();
    }
  });

  test('they go to no other host: not over a redirect, not for a challenge after one, not unencrypted', async () => {
    const registry = await startRegistry({ auth: 'password' });
    const before = await startFaultProxy(registry.port);
    const other = await startHttpServer();
    try {
      logIn(before.host, password);
      await push([tar('r')], `${before.host}/team/model:1`);
      before.fail(/^GET .*\/manifests\//, { kind: 'redirect', to: `${other.url}/elsewhere` }, 5);
      // The first manifest request is refused by the registry itself: only then does the redirect happen.
      other.answer('/elsewhere', { status: 401, headers: { 'www-authenticate': 'Basic realm="give"' } });
      await expect(resolve(`${before.host}/team/model:1`)).rejects.toMatchObject({ code: 'COGPLAN_REGISTRY_AUTH' });
      expect(other.requests.length).toBeGreaterThan(0);
      expect(other.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    } finally {
      await other.close();
      await before.close();
      await registry.stop();
    }
  });

  test('a redirect to another host carries the blob and nothing else', async () => {
    const registry = await startRegistry({ auth: 'password' });
    const before = await startFaultProxy(registry.port);
    const other = await startHttpServer();
    try {
      logIn(before.host, password);
      const { layers } = await push([tar('moved')], `${before.host}/team/model:1`);
      const [layer] = layers;
      const body = await context.store.verified(fromDigest(layer!.digest), undefined, 'layer');
      other.answer('/blob', { body: readFileSync(body) });
      const image = parseReference(`${before.host}/team/model`);
      const opened = await openRegistry(context, image, { access: 'pull' });
      await opened.send(opened.url('tags/list'), { method: 'GET' });
      before.fail(/^GET .*\/blobs\//, { kind: 'redirect', to: `${other.url}/blob` });
      const answer = await opened.http.stream(opened.url(`blobs/${layer!.digest}`));
      answer.body.resume();
      expect(answer.status).toBe(200);
      expect(before.requests.at(-1)?.authorization).toMatch(/^Basic /);
      expect(other.requests).toHaveLength(1);
      expect(other.requests[0]?.headers.authorization).toBeUndefined();
    } finally {
      await other.close();
      await before.close();
      await registry.stop();
    }
  });

  test('a mirror serves pulls by its own name and credentials', async () => {
    const image = buildImage([tar('mirrored')]);
    await putImage(open.host, 'hub/library/tool:1', image);
    const env = { ...context.env, COGPLAN_MIRRORS: `https://registry-1.docker.io/v2/=http://${proxy.host}/v2/hub/` };
    logIn('https://index.docker.io/v1/', password);
    const found = await resolveImage({ ...context, env }, parseReference('tool:1'), 'linux/amd64');
    expect(found.manifest.digest).toBe(image.manifest.digest);
    expect(proxy.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
  });
});
