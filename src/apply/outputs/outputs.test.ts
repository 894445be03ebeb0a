import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Ajv2020 from 'ajv/dist/2020.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Context } from '../../context.ts';
import { sha256, toDigest } from '../../digest.ts';
import { silentHost } from '../../events.ts';
import { openStore } from '../../store/open-store.ts';
import type { Applied } from '../apply.ts';
import { encodeConfig } from '../image/config.ts';
import { encodeManifest } from '../image/manifest.ts';
import type { LayerEntry } from '../layers/entry.ts';
import { writeLayer } from '../layers/write-layer.ts';
import { receiptOf } from '../receipt.ts';
import { parseOutput } from './parse-output.ts';
import { writeOutput } from './write-output.ts';

let directory: string;
let context: Context;
let applied: Applied;
const base = { mode: 0o644, uid: 0, gid: 0, origin: 'test' };

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-outputs-'));
  const store = await openStore(join(directory, 'store'));
  const signal = new AbortController().signal;
  context = { host: silentHost, store, env: {}, signal, concurrency: 1, now: () => new Date() } as unknown as Context;
  applied = await makeImage('hello\n');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function makeImage(text: string): Promise<Applied> {
  const { store } = context;
  const data = Buffer.from(text);
  const file: LayerEntry = {
    ...base,
    type: 'file',
    path: 'etc/hello',
    size: data.length,
    content: { kind: 'bytes', data },
  };
  const built = [
    await writeLayer([{ ...base, type: 'directory', path: 'etc', mode: 0o755 }, file], store),
    await writeLayer([], store),
    await writeLayer([], store),
  ];
  const layers = built.map(({ diffId, size }, index) => ({
    layer: `layer${index}`,
    family: 'test',
    diffId: toDigest(diffId),
    size,
    sealed: 'new' as const,
  }));
  const config = encodeConfig({
    os: 'linux',
    architecture: 'amd64',
    env: ['PATH=/bin'],
    entrypoint: [],
    cmd: ['/bin/true'],
    workdir: '/',
    user: '',
    ports: ['5000/tcp'],
    labels: { a: 'b' },
    layers: layers.map(({ layer, diffId }) => ({ name: layer, diffId })),
  });
  const imageId = toDigest(sha256(config));
  const manifest = encodeManifest(
    { digest: imageId, size: config.length },
    layers.map(({ diffId, size }) => ({ digest: diffId, size })),
  );
  await store.put(config);
  await store.put(manifest);
  const source = { treeDigest: toDigest(sha256('')), files: 0, size: 0 };
  return {
    platform: 'linux/amd64',
    imageId,
    manifestDigest: toDigest(sha256(manifest)),
    layers,
    source,
    lockDigest: toDigest(sha256('lock')),
    config,
    manifest,
    newSeals: [],
    seals: [],
  };
}

const write = (output: string, of: Applied = applied) => writeOutput(context, [of], parseOutput(output));

describe('oci:PATH', () => {
  it('writes a layout whose blobs are the store’s own', async () => {
    const path = join(directory, 'oci');
    await write(`oci:${path}`);
    expect(readdirSync(path).sort()).toEqual(['blobs', 'cogplan-receipt.json', 'index.json', 'oci-layout']);
    const names = readdirSync(join(path, 'blobs/sha256'));
    expect(names).toHaveLength(4);
    for (const name of names) {
      expect(sha256(readFileSync(join(path, 'blobs/sha256', name)))).toBe(name);
      expect(statSync(join(path, 'blobs/sha256', name)).ino).toBe(
        statSync(join(context.store.root, 'blobs/sha256', name)).ino,
      );
    }
    const index = JSON.parse(readFileSync(join(path, 'index.json'), 'utf8'));
    expect(index.manifests[0].digest).toBe(applied.manifestDigest);
    expect(
      readdirSync(directory).filter((name) => name.includes('cogplan-new') || name.includes('cogplan-old')),
    ).toEqual([]);
  });

  it('removes what an interrupted run left', async () => {
    mkdirSync(join(directory, '.left.cogplan-new/blobs'), { recursive: true });
    await write(`oci:${join(directory, 'left')}`);
    expect(existsSync(join(directory, '.left.cogplan-new'))).toBe(false);
    expect(existsSync(join(directory, 'left/index.json'))).toBe(true);
  });

  it('brings an earlier layout of ours up to date', async () => {
    const path = join(directory, 'again');
    await write(`oci:${path}`);
    writeFileSync(join(path, 'blobs/sha256/.stray.tmp'), '');
    const other = await makeImage('other\n');
    await write(`oci:${path}`, other);
    const digests = [other.imageId, other.manifestDigest, ...other.layers.map(({ diffId }) => diffId)];
    const names = [...new Set(digests.map((digest) => digest.slice('sha256:'.length)))].sort();
    expect(readdirSync(join(path, 'blobs/sha256')).sort()).toEqual(names);
    expect(JSON.parse(readFileSync(join(path, 'index.json'), 'utf8')).manifests[0].digest).toBe(other.manifestDigest);
    expect(JSON.parse(readFileSync(join(path, 'cogplan-receipt.json'), 'utf8'))).toEqual(receiptOf(other));
  });

  it('leaves every blob known as right, so that the next run reads none again', async () => {
    const path = join(directory, 'stamps');
    await write(`oci:${path}`);
    const other = await makeImage('another\n');
    for (const image of [other, applied, other]) await write(`oci:${path}`, image);
    const times = () =>
      Object.fromEntries(
        readdirSync(join(directory, 'store/blobs/sha256')).map((name) => [
          name,
          lstatSync(join(directory, 'store/blobs/sha256', name)).ctimeMs,
        ]),
      );
    const stamped = times();
    await write(`oci:${path}`, other);
    expect(times()).toEqual(stamped);
    // What is remembered of uses is written once there is nothing else to do, all of it before a writer that comes later.
    for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve));
    const log = readFileSync(join(directory, 'store', 'stamps'), 'utf8')
      .trim()
      .split('\n');
    for (const image of [applied, other]) {
      const name = image.imageId.slice('sha256:'.length);
      const stat = lstatSync(join(directory, 'store/blobs/sha256', name), { bigint: true });
      expect(log.findLast((line) => line.startsWith(name))).toContain(` ${stat.ctimeNs} `);
    }
  });

  it('fills an empty directory', async () => {
    mkdirSync(join(directory, 'empty'));
    await write(`oci:${join(directory, 'empty')}`);
    expect(existsSync(join(directory, 'empty/oci-layout'))).toBe(true);
  });

  it.each([
    [
      'a directory with other things',
      (path: string) => {
        mkdirSync(path);
        writeFileSync(join(path, 'thesis.txt'), '');
      },
    ],
    ['a file', (path: string) => writeFileSync(path, '')],
  ])('leaves %s alone', async (name, make) => {
    const path = join(directory, `occupied ${name}`);
    make(path);
    await expect(write(`oci:${path}`)).rejects.toMatchObject({ code: 'COGPLAN_OUTPUT_OCCUPIED', subject: path });
    expect(existsSync(path)).toBe(true);
  });

  it('does not let the umask through', async () => {
    const path = join(directory, 'umask');
    const before = process.umask(0o077);
    try {
      await write(`oci:${path}`);
    } finally {
      process.umask(before);
    }
    const mode = (name: string) => (lstatSync(join(path, name)).mode & 0o777).toString(8);
    expect(['', 'blobs', 'blobs/sha256', 'index.json', 'oci-layout'].map(mode)).toEqual([
      '755',
      '755',
      '755',
      '644',
      '644',
    ]);
  });

  it('writes a receipt that its schema admits', async () => {
    const schema = JSON.parse(readFileSync('lockfiles/schema/receipt.json', 'utf8'));
    const path = join(directory, 'receipt');
    await write(`oci:${path}`);
    const receipt = JSON.parse(readFileSync(join(path, 'cogplan-receipt.json'), 'utf8'));
    expect(receipt).toEqual(receiptOf(applied));
    const validate = new Ajv2020.default({ strict: true }).compile(schema);
    expect(validate(receipt), JSON.stringify(validate.errors)).toBe(true);
  });

  it('is read by skopeo, which keeps the digests', async () => {
    const path = join(directory, 'skopeo');
    await write(`oci:${path}`);
    const seen = JSON.parse(execFileSync('skopeo', ['inspect', `oci:${path}`], { encoding: 'utf8' }));
    expect(seen).toMatchObject({
      Digest: applied.manifestDigest,
      Architecture: 'amd64',
      Labels: { a: 'b' },
      Env: ['PATH=/bin'],
    });
    expect(seen.Layers).toEqual(applied.layers.map(({ diffId }) => diffId));
    execFileSync('skopeo', ['copy', '-q', `oci:${path}`, `docker-archive:${join(directory, 'skopeo.tar')}`]);
  });

  it('is unpacked by umoci', async () => {
    const path = join(directory, 'umoci');
    await write(`oci:${path}`);
    execFileSync('umoci', ['raw', 'unpack', '--rootless', '--image', `${path}:latest`, join(directory, 'rootfs')], {
      stdio: 'pipe',
    });
    expect(readFileSync(join(directory, 'rootfs/etc/hello'), 'utf8')).toBe('hello\n');
  });
});

describe('tar:PATH', () => {
  it('writes the same bytes each time, with the receipt beside them', async () => {
    const [one, other] = [join(directory, 'one.tar'), join(directory, 'other.tar')];
    await write(`tar:${one}`);
    chmodSync(one, 0o600);
    await write(`tar:${other}`);
    await write(`tar:${one}`);
    expect(sha256(readFileSync(one))).toBe(sha256(readFileSync(other)));
    expect(JSON.parse(readFileSync(`${one}.receipt.json`, 'utf8'))).toEqual(receiptOf(applied));
    const listed = execFileSync('tar', ['-tf', one], { encoding: 'utf8' }).trim().split('\n');
    expect(listed.filter((name) => !name.startsWith('blobs/sha256/'))).toEqual([
      'blobs/',
      'index.json',
      'manifest.json',
      'oci-layout',
    ]);
    expect(listed).toHaveLength(4 + 1 + 4);
  });

  it('leaves what is not a file alone', async () => {
    mkdirSync(join(directory, 'dir.tar'));
    await expect(write(`tar:${join(directory, 'dir.tar')}`)).rejects.toMatchObject({ code: 'COGPLAN_OUTPUT_OCCUPIED' });
  });

  it('is read by skopeo as a Docker archive and as an OCI archive', async () => {
    const path = join(directory, 'archive.tar');
    await write(`tar:${path}`);
    const config = execFileSync('skopeo', ['inspect', '--config', '--raw', `docker-archive:${path}`]);
    expect(toDigest(sha256(config))).toBe(applied.imageId);
    const seen = JSON.parse(execFileSync('skopeo', ['inspect', `oci-archive:${path}`], { encoding: 'utf8' }));
    expect(seen.Digest).toBe(applied.manifestDigest);
  });
});

describe('docker:NAME', () => {
  let server: Server | undefined;
  const before = process.env.DOCKER_HOST;
  afterEach(() => {
    server?.close();
    if (before === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = before;
  });

  /** An engine that takes what is loaded, answers `answer`, and then says that it has `id`. */
  async function engine(answer: string, id: string): Promise<{ readonly seen: string[]; loaded: Buffer }> {
    const record = { seen: [] as string[], loaded: Buffer.alloc(0) };
    server = createServer((request, response) => {
      record.seen.push(`${request.method} ${request.url?.split('?')[0]}`);
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (request.url?.startsWith('/images/load')) {
          record.loaded = Buffer.concat(chunks);
          response.end(answer);
        } else if (request.url?.startsWith('/images/')) response.end(JSON.stringify({ Id: id }));
        else response.end('OK');
      });
    });
    const path = join(directory, `docker-${Math.random().toString(36).slice(2)}.sock`);
    await new Promise<void>((resolve) => server?.listen(path, resolve));
    process.env.DOCKER_HOST = `unix://${path}`;
    context = { ...context, env: { DOCKER_HOST: `unix://${path}` } };
    return record;
  }

  it('loads the image under its name and checks its ID', async () => {
    const record = await engine('{"stream":"Loaded image: model:1\\n"}\n', applied.imageId);
    await write('docker:model:1');
    expect(record.seen).toEqual(['GET /_ping', 'POST /images/load', 'GET /images/model:1/json']);
    const manifest = execFileSync('tar', ['-xO', 'manifest.json'], { input: record.loaded, encoding: 'utf8' });
    expect(JSON.parse(manifest)[0].RepoTags).toEqual(['model:1']);
    const index = JSON.parse(execFileSync('tar', ['-xO', 'index.json'], { input: record.loaded, encoding: 'utf8' }));
    expect(index.manifests[0].annotations['io.containerd.image.name']).toBe('docker.io/library/model:1');
  });

  it('takes the manifest digest as the ID that containerd’s store gives', async () => {
    await engine('{"stream":"x"}\n', applied.manifestDigest);
    await expect(write('docker:model')).resolves.toBeUndefined();
  });

  it('refuses another ID', async () => {
    await engine('{"stream":"x"}\n', `sha256:${'0'.repeat(64)}`);
    await expect(write('docker:model')).rejects.toMatchObject({
      code: 'COGPLAN_DOCKER_IMAGE_ID',
      subject: 'model:latest',
    });
  });

  it('tells why the engine refused', async () => {
    await engine('{"errorDetail":{"message":"no space left"},"error":"no space left"}\n', '');
    await expect(write('docker:model')).rejects.toMatchObject({
      code: 'COGPLAN_DOCKER_FAILED',
      message: expect.stringContaining('no space left'),
    });
  });

  it('finds the engine by the docker command’s current context', async () => {
    const record = await engine('{"stream":"x"}\n', applied.imageId);
    const host = process.env.DOCKER_HOST;
    delete process.env.DOCKER_HOST;
    const config = join(directory, 'docker-config');
    const meta = join(config, 'contexts/meta', sha256('mine'));
    mkdirSync(meta, { recursive: true });
    writeFileSync(join(config, 'config.json'), JSON.stringify({ currentContext: 'mine' }));
    writeFileSync(join(meta, 'meta.json'), JSON.stringify({ Name: 'mine', Endpoints: { docker: { Host: host } } }));
    context = { ...context, env: { DOCKER_CONFIG: config } };
    await write('docker:model');
    expect(record.seen).toContain('POST /images/load');

    writeFileSync(join(meta, 'meta.json'), JSON.stringify({ Endpoints: { docker: { Host: 'ssh://me@there' } } }));
    await expect(write('docker:model')).rejects.toMatchObject({ code: 'COGPLAN_DOCKER_UNAVAILABLE' });
  });

  it('says so when no engine answers', async () => {
    process.env.DOCKER_HOST = `unix://${directory}/nobody.sock`;
    context = { ...context, env: { DOCKER_HOST: process.env.DOCKER_HOST } };
    await expect(write('docker:model')).rejects.toMatchObject({ code: 'COGPLAN_DOCKER_UNAVAILABLE' });
  });
});
