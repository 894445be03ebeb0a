import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { aLock, aTarget } from '../../test/builders/lock.ts';
import { aWheelFile } from '../../test/builders/wheel.ts';
import { makeDeb } from '../../test/servers/debian-archive.ts';
import type { Context } from '../context.ts';
import { fromDigest, sha256, toDigest } from '../digest.ts';
import { type EngineEvent, silentHost } from '../events.ts';
import type { Lock, PythonPackage, Seal, SystemPackage, Target } from '../lock/schema.generated.ts';
import { openStore } from '../store/open-store.ts';
import { type Applied, applyLock } from './apply.ts';
import type { LayerEntry } from './layers/entry.ts';
import { receiptOf } from './receipt.ts';
import type { Sandbox } from './sandbox/sandbox.ts';

// What configures a Debian tree and what compiles Python need a whole system; here they stand for layers with a known content.
const content = vi.hoisted(() => ({ configuration: 'configured\n' }));
vi.mock('./layers/debian-configuration.ts', () => ({
  buildDebianConfigurationLayer: async (): Promise<readonly LayerEntry[]> => {
    const data = Buffer.from(content.configuration);
    const base = { mode: 0o644, uid: 0, gid: 0, origin: 'test' };
    return [
      { ...base, type: 'directory', path: 'etc', mode: 0o755 },
      { ...base, type: 'file', path: 'etc/configured', size: data.length, content: { kind: 'bytes', data } },
    ];
  },
}));
vi.mock('./layers/bytecode.ts', () => ({ deriveBytecode: async (): Promise<readonly LayerEntry[]> => [] }));

let directory: string;
let project: string;
let context: Context;
let events: EngineEvent[];
let target: Target;
let lock: Lock;
const artifacts = new Map<string, Buffer>();

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-apply-'));
  project = join(directory, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'predict.py'), 'print(1)\n');
  content.configuration = 'configured\n';
  artifacts.clear();
  target = aTarget({
    system: { archives: [], packages: [await deb('libc6', 'base'), await deb('python3.11-minimal', 'interpreter')] },
    python: { indexes: [], packages: [wheel('demo', '1.0')] },
    runtime: { sdk: wheel('cog', '0.23.0'), server: [wheel('uvicorn', '1.0')] },
  });
  lock = aLock({ targets: { 'linux/amd64': target } });
  context = await makeContext('store');
  for (const data of artifacts.values()) await context.store.put(data);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function makeContext(name: string): Promise<Context> {
  const store = await openStore(join(directory, name));
  events = [];
  const host = { ...silentHost, notify: (event: EngineEvent) => void events.push(event) };
  const http = new Proxy({ offline: true }, { get: (known, key) => (key in known ? true : undefined) });
  const signal = new AbortController().signal;
  // A minute ahead, so that the project counts as settled.
  const now = () => new Date(Date.now() + 60_000);
  return { host, store, http, env: {}, signal, concurrency: 2, now } as unknown as Context;
}

async function deb(name: string, group: SystemPackage['group'], text = name): Promise<SystemPackage> {
  const { bytes } = await makeDeb({ name, files: { [`usr/share/${name}/file`]: `${text}\n` } });
  const file = { url: `https://deb.test/${name}.deb`, sha256: keep(bytes), size: bytes.length };
  return { name, version: '1', architecture: 'amd64', group, file, depends: [], scripts: {} };
}

function wheel(name: string, version: string): PythonPackage {
  const { filename, bytes } = aWheelFile({ name, version, files: { [`${name}/__init__.py`]: `# ${name}\n` } });
  const file = { url: `https://wheels.test/${filename}`, sha256: keep(bytes), size: bytes.length };
  return { name, version, file, requires: [] };
}

function keep(bytes: Buffer): SystemPackage['file']['sha256'] {
  const hash = sha256(bytes);
  artifacts.set(hash, bytes);
  return hash;
}

const noSandbox = async (): Promise<Sandbox> => ({
  kind: 'bubblewrap',
  start: () => Promise.reject(new Error('unused')),
});
const apply = (change: Partial<Parameters<typeof applyLock>[1]> = {}): Promise<Applied> =>
  applyLock(context, {
    lock,
    platform: 'linux/amd64',
    projectDirectory: project,
    bytecode: true,
    openSandbox: noSandbox,
    ...change,
  });
const seal = (seals: Seal[]): void => {
  target = { ...target, seals };
  lock = { ...lock, targets: { 'linux/amd64': target } };
};

describe('applyLock', () => {
  it('builds every layer, and names the image by its config', async () => {
    const applied = await apply();
    expect(applied.layers.map(({ layer, sealed }) => `${layer} ${sealed}`)).toEqual([
      'base new',
      'interpreter new',
      'configuration new',
      'wheels new',
      'server new',
      'cog new',
      'bytecode/interpreter new',
      'bytecode/wheels new',
      'bytecode/server new',
      'bytecode/cog new',
      'source unsealed',
    ]);
    expect(applied.imageId).toBe(toDigest(sha256(applied.config)));
    expect(JSON.parse(applied.config.toString()).rootfs.diff_ids).toEqual(applied.layers.map(({ diffId }) => diffId));
    expect(JSON.parse(applied.manifest.toString()).config.digest).toBe(applied.imageId);
    for (const digest of [applied.imageId, applied.manifestDigest, ...applied.layers.map(({ diffId }) => diffId)]) {
      expect(await context.store.stat(fromDigest(digest))).toBeDefined();
    }
    expect(applied.newSeals).toHaveLength(10);
    expect(applied.seals).toEqual(applied.newSeals);
  });

  it('matches its seals the next time, and builds nothing', async () => {
    const first = await apply();
    seal(first.seals);
    const write = vi.spyOn(context.store, 'writer');
    const second = await apply();
    expect(second.layers.map(({ sealed }) => sealed)).toEqual([...Array(10).fill('matched'), 'unsealed']);
    expect(second.newSeals).toEqual([]);
    expect(receiptOf(second)).toEqual(receiptOf(first));
    expect(write).not.toHaveBeenCalled();
  });

  it('gives the same image from another store, cold or not, on one core or two', async () => {
    const first = await apply();
    seal(first.seals);
    context = { ...(await makeContext('other')), concurrency: 1 };
    for (const data of [...artifacts.values()].reverse()) await context.store.put(data);
    expect(receiptOf(await apply({ cold: true }))).toEqual(receiptOf(first));
    expect(receiptOf(await apply())).toEqual(receiptOf(first));
  });

  it('leaves bytecode away when it is not wanted, and keeps its seals', async () => {
    seal((await apply()).seals);
    const without = await apply({ bytecode: false });
    expect(without.layers.map(({ layer }) => layer)).toEqual([
      'base',
      'interpreter',
      'configuration',
      'wheels',
      'server',
      'cog',
      'source',
    ]);
    expect(without.seals).toEqual(target.seals);
  });

  it('gives the source a new layer, and nothing else, when a line changes', async () => {
    const first = await apply();
    seal(first.seals);
    writeFileSync(join(project, 'predict.py'), 'print(2)\n');
    const second = await apply();
    const changed = second.layers.filter(({ diffId }, index) => diffId !== first.layers[index]?.diffId);
    expect(changed.map(({ layer }) => layer)).toEqual(['source']);
    expect(second.source.treeDigest).not.toBe(first.source.treeDigest);
    expect(second.lockDigest).toBe(first.lockDigest);
  });

  it('seals only the layers that a change of the lock moves', async () => {
    seal((await apply()).seals);
    const moved = wheel('demo', '2.0');
    for (const data of artifacts.values()) await context.store.put(data);
    target = { ...target, python: { indexes: [], packages: [moved] } };
    seal(target.seals);
    const second = await apply();
    expect(second.newSeals.map(({ layer }) => layer)).toEqual(['wheels', 'bytecode/wheels']);
    expect(second.seals).toHaveLength(10);
  });

  it('names layer, path and field of what does not match its seal', async () => {
    seal((await apply()).seals);
    content.configuration = 'configureD\n';
    await expect(apply({ cold: true })).rejects.toMatchObject({
      code: 'COGPLAN_SEAL_MISMATCH',
      subject: 'configuration',
      message: expect.stringContaining(
        'first difference: etc/configured: content, 0x64 at byte 9 sealed, 0x44 at byte 9 now',
      ),
    });
    const reported = await apply({ cold: true, onSealMismatch: 'report' });
    expect(reported.layers.filter(({ sealed }) => sealed === 'differs')).toMatchObject([
      { layer: 'configuration', difference: { path: 'etc/configured', field: 'content' } },
    ]);
    // A result that contradicts its seal is not remembered.
    content.configuration = 'configured\n';
    expect((await apply()).layers.every(({ sealed }) => sealed !== 'differs')).toBe(true);
  });

  it('says so when the sealed layer is no longer there to compare with', async () => {
    const { seals } = await apply();
    const sealed = seals.map((item) => (item.layer === 'base' ? { ...item, diffId: toDigest(sha256('gone')) } : item));
    seal(sealed);
    await expect(apply()).rejects.toMatchObject({
      code: 'COGPLAN_SEAL_MISMATCH',
      message: expect.stringContaining('is not in the store'),
    });
  });

  it('builds a layer again whose blob is damaged', async () => {
    const first = await apply();
    seal(first.seals);
    const base = fromDigest(first.layers[0]!.diffId);
    chmodSync(context.store.blobPath(base), 0o644);
    writeFileSync(context.store.blobPath(base), 'x', { flag: 'r+' });
    expect((await apply()).imageId).toBe(first.imageId);
    expect(sha256(readFileSync(context.store.blobPath(base)))).toBe(base);
    expect(events).toContainEqual(expect.objectContaining({ code: 'apply.layer-damaged', level: 'warn' }));
  });

  it('wants every locked blob, even when every layer is there', async () => {
    seal((await apply()).seals);
    const missing = target.runtime.server[0]!;
    rmSync(context.store.blobPath(missing.file.sha256));
    await expect(apply()).rejects.toMatchObject({ message: expect.stringContaining('uvicorn 1.0') });
  });

  it('refuses a locked blob with one changed byte, with both hashes', async () => {
    const first = await apply();
    seal(first.seals);
    const { sha256: hash } = target.python.packages[0]!.file;
    const path = context.store.blobPath(hash);
    const data = readFileSync(path);
    data[40]! ^= 1;
    chmodSync(path, 0o644);
    writeFileSync(path, data);
    const failure = await apply().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'COGPLAN_BLOB_CORRUPT' });
    expect(String(failure)).toContain(hash);
    expect(String(failure)).toContain(sha256(data));
  });

  it('names a platform that is not locked', async () => {
    await expect(apply({ platform: 'linux/arm64' })).rejects.toMatchObject({
      code: 'COGPLAN_PLATFORM_NOT_LOCKED',
      subject: 'linux/arm64',
    });
  });

  it('tells of the first thing that went wrong, and leaves no work behind', async () => {
    target = { ...target, system: { archives: [], packages: [...target.system.packages] } };
    const bytes = Buffer.from('no .deb at all');
    const file = { url: 'https://deb.test/bad.deb', sha256: keep(bytes), size: bytes.length };
    await context.store.put(bytes);
    const bad = { ...target.system.packages[0]!, name: 'bad', file };
    seal([]);
    lock = {
      ...lock,
      targets: { 'linux/amd64': { ...target, system: { archives: [], packages: [...target.system.packages, bad] } } },
    };
    await expect(apply()).rejects.toMatchObject({
      code: 'COGPLAN_ARCHIVE_INVALID',
      message: expect.stringContaining('bad 1'),
    });
    const left = readdirSync(join(context.store.root, 'tmp'), { recursive: true, withFileTypes: true });
    expect(left.filter((item) => item.isFile()).map(({ name }) => name)).toEqual([]);
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    stop.abort(new Error('stop'));
    context = { ...context, signal: stop.signal };
    await expect(apply()).rejects.toThrow('stop');
  });
});
