import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sha256 } from '../../src/digest.ts';
import { parseCogWeightsLock } from '../../src/formats/weights/cog-weights-lock.ts';
import { type HttpTestServer, startHttpServer } from '../servers/http-server.ts';
import { publishRepository } from '../servers/hub.ts';
import { cogplan, cogplanJson, inDirectory, type Receipt, readLock } from './cogplan.ts';

const CANARY = 'hf_canary0123456789';
const MODEL = randomBytes(5_000_000);
const COG = `build:
  python_version: "3.11"
run: "predict.py:Predictor"
weights:
  - name: hub
    source: {uri: "hf://owner/model", exclude: ["*.h5"]}
    target: /src/models/hub
  - name: own
    source: weights
    target: /src/weights
`;
const PREDICT = `import hashlib, os
from cog import BasePredictor

class Predictor(BasePredictor):
    def run(self) -> dict:
        found = {}
        for top in ("/src/models", "/src/weights"):
            for folder, _, names in os.walk(top):
                for name in names:
                    path = os.path.join(folder, name)
                    found[path] = hashlib.sha256(open(path, "rb").read()).hexdigest()
        return found
`;

let hub: HttpTestServer;

beforeAll(async () => {
  hub = await startHttpServer();
});
afterAll(() => hub.close());

const env = () => ({ HF_ENDPOINT: hub.url, HF_TOKEN: CANARY });

function write(project: string): void {
  mkdirSync(join(project, 'weights/sub'), { recursive: true });
  writeFileSync(join(project, 'cog.yaml'), COG);
  writeFileSync(join(project, 'predict.py'), PREDICT);
  writeFileSync(join(project, 'weights/a.bin'), 'own weights');
  writeFileSync(join(project, 'weights/sub/b.bin'), 'more of them');
}

it('weights of a hub and of the project are locked, placed and found by the model, with the network off', async () => {
  publishRepository(hub, {
    name: 'owner/model',
    token: CANARY,
    files: { 'config.json': '{"a": 1}', 'model.safetensors': MODEL, 'tf_model.h5': MODEL, 'tokenizer.json': '[]' },
  });
  await inDirectory(async (directory) => {
    const project = join(directory, 'project');
    write(project);
    const unlocked = await cogplan(['weights', 'status', project]);
    expect([unlocked.status, unlocked.stdout.match(/pending/g)?.length]).toEqual([2, 2]);
    const locked = await cogplan(['lock', project, '--yes'], { env: env() });
    expect([locked.status, locked.stderr.includes(CANARY)]).toEqual([0, false]);
    const text = readFileSync(join(project, 'cogplan.lock'), 'utf8');
    expect([text.includes(CANARY), text.includes(hub.url)]).toEqual([false, false]);

    const before = await cogplanJson<Status>(['weights', 'status', project]).catch(() => undefined);
    expect(before).toBeUndefined();
    const early = await cogplan(['weights', 'verify', 'own', '-C', project]);
    expect([early.status, early.stdout]).toEqual([0, expect.stringContaining('2 files')]);
    const pulled = await cogplan(['weights', 'pull', '-C', project], { env: env() });
    expect(pulled.status).toBe(0);
    expect((await cogplanJson<Status>(['weights', 'status', project])).weights).toMatchObject([
      { name: 'hub', state: 'ready', files: 3 },
      { name: 'own', state: 'ready', files: 2 },
    ]);
    expect((await cogplan(['weights', 'verify', '-C', project])).stdout).toContain('5 files');

    const offline = { prefix: ['unshare', '-rn'] };
    const first = await cogplanJson<Receipt>(['apply', project], offline);
    const families = first.layers.filter(({ family }) => family === 'weights').map(({ layer }) => layer);
    expect(families).toEqual(['weights/hub/config.json', 'weights/own/a.bin']);
    const { output } = await cogplanJson<{ output: Record<string, string> }>(['predict', project]);
    expect(Object.keys(output).sort()).toEqual([
      '/src/models/hub/config.json',
      '/src/models/hub/model.safetensors',
      '/src/models/hub/tokenizer.json',
      '/src/weights/a.bin',
      '/src/weights/sub/b.bin',
    ]);
    const names = readLock(project).targets['linux/amd64']?.weights.flatMap(({ target, files }) =>
      files.map(({ path, file }) => [`${target}/${path}`, file.sha256]),
    );
    expect(output).toEqual(Object.fromEntries(names ?? []));

    const exported = join(directory, 'weights.lock');
    await cogplanJson(['weights', 'export', '-C', project, '-o', exported]);
    const record = JSON.parse(readFileSync(exported, 'utf8')) as { weights: readonly Record<string, unknown>[] };
    expect(record.weights).toMatchObject([
      { name: 'hub', target: '/src/models/hub', files: [{ path: 'config.json' }, {}, {}] },
      { name: 'own', sources: [{ uri: 'file://./weights', include: [], exclude: [] }] },
    ]);
    const diffIds = first.layers.filter(({ family }) => family === 'weights').map(({ diffId }) => diffId);
    expect(record.weights.map(({ layers }) => layers)).toMatchObject(diffIds.map((digest) => [{ digest }]));
    expect(parseCogWeightsLock(readFileSync(exported, 'utf8'))[1]?.setDigest).toBe(
      readLock(project).targets['linux/amd64']?.weights[1]?.setDigest,
    );

    // The source layer holds none of them: with other weights in the project, it is the same.
    const source = (receipt: Receipt) => receipt.layers.find(({ family }) => family === 'source')?.diffId;
    writeFileSync(join(project, 'weights/a.bin'), 'other weights');
    const warned = await cogplan(['apply', project, '--json'], offline);
    expect(warned.stderr).toMatch(new RegExp(`"own": a.bin: not the locked file: .*${sha256('other weights')}`));
    const checked = await cogplan(['lock', '--check', project]);
    expect([checked.status, checked.stdout]).toEqual([2, expect.stringContaining('weights: own/a.bin is "sha256 ')]);
    const again = JSON.parse(warned.stdout) as Receipt;
    expect([source(again), again.imageId]).toEqual([source(first), first.imageId]);
    const moved = await cogplan(['weights', 'status', project]);
    expect([moved.status, moved.stdout]).toEqual([2, expect.stringContaining('own: stale')]);
    const none = { store: join(directory, 'empty') };
    const wrong = await cogplan(['weights', 'verify', '-C', project], none);
    expect(wrong.status).toBe(2);
    expect(wrong.stdout).toContain(
      `weights own/a.bin: expected sha256 ${sha256('own weights')}, the project has ${sha256('other weights')}`,
    );
    expect(wrong.stdout).toContain('weights hub/config.json: not in the store');
  });
});

it('a weight that is replaced between lock and apply is refused with both hashes', async () => {
  const files = { 'model.safetensors': Buffer.from('first') };
  const commit = publishRepository(hub, { name: 'owner/other', files });
  await inDirectory(async (directory) => {
    const project = join(directory, 'project');
    write(project);
    writeFileSync(join(project, 'cog.yaml'), COG.replace('owner/model', 'owner/other'));
    const store = join(directory, 'store');
    expect((await cogplan(['lock', project, '--yes'], { env: env() })).status).toBe(0);
    hub.answer(`/owner/other/resolve/${commit}/model.safetensors`, { body: 'other' });
    const pulled = await cogplan(['weights', 'pull', 'hub', '-C', project, '--json'], { env: env(), store });
    const { error } = JSON.parse(pulled.stdout) as { error: { code: string; message: string } };
    expect(error.code).toBe('COGPLAN_HASH_MISMATCH');
    expect(error.message.match(/[0-9a-f]{64}/g)?.length).toBe(2);
    rmSync(store, { recursive: true, force: true });
  });
});

it('weights that the image only names are fetched when the server starts, checked, and shared by the next one', async () => {
  const model = randomBytes(300_000);
  publishRepository(hub, { name: 'owner/late', token: CANARY, files: { 'model.bin': model, 'config.json': '{}' } });
  await inDirectory(async (directory) => {
    const project = join(directory, 'project');
    write(project);
    const cog = COG.slice(0, COG.indexOf('  - name: own')).replace('owner/model', 'owner/late');
    writeFileSync(join(project, 'cog.yaml'), cog);
    writeFileSync(join(project, 'cogplan.yaml'), 'weights:\n  - {name: hub, place: startup}\n');
    expect((await cogplan(['lock', project, '--yes'], { env: env() })).status).toBe(0);
    const { layers } = await cogplanJson<Receipt>(['apply', project], { prefix: ['unshare', '-rn'] });
    expect(layers.filter(({ family }) => family === 'weights').map(({ layer }) => layer)).toEqual(['weights']);

    const variables = ['-e', `HF_ENDPOINT=${hub.url}`, '-e', `HF_TOKEN=${CANARY}`];
    const run = await cogplan(['predict', project, '--json', ...variables]);
    expect([run.status, run.stderr.includes(CANARY)]).toEqual([0, false]);
    const { output } = JSON.parse(run.stdout) as { output: Record<string, string> };
    expect(output['/src/models/hub/model.bin']).toBe(sha256(model));

    hub.answer(`/objects/${sha256(model)}`, { body: Buffer.alloc(300_000) });
    const forged = await cogplan(['predict', project, '--json', ...variables]);
    expect([forged.status, forged.stdout + forged.stderr]).toEqual([1, expect.stringContaining(sha256(model))]);
  });
});

it('--separate-weights keeps large files of the project out of the source layer, and an edit of code moves none', async () => {
  await inDirectory(async (directory) => {
    const project = join(directory, 'project');
    write(project);
    writeFileSync(join(project, 'cog.yaml'), COG.slice(0, COG.indexOf('weights:')));
    writeFileSync(join(project, 'cogplan.yaml'), '# of the lab\nnetwork: none\n');
    writeFileSync(join(project, 'checkpoint.pt'), randomBytes(11 * 1024 * 1024));
    writeFileSync(join(project, 'huge.mp4'), '');
    truncateSync(join(project, 'huge.mp4'), 100_000_000);
    expect((await cogplan(['lock', project, '--yes'])).status).toBe(0);
    const plain = await cogplan(['apply', project]);
    expect([plain.status, plain.stderr]).toEqual([0, expect.stringMatching(/huge\.mp4: 100 MB in the source layer/)]);
    expect(plain.stderr.match(/huge\.mp4: 100 MB/g)?.length).toBe(1);

    const layers = async (...flags: string[]) => {
      const { layers: made } = await cogplanJson<Receipt>(['apply', project, ...flags]);
      return Object.fromEntries(made.map(({ layer, diffId, size }) => [layer, { diffId, size }]));
    };
    const first = await layers('--separate-weights');
    expect(readFileSync(join(project, 'cogplan.yaml'), 'utf8')).toBe(
      '# of the lab\nnetwork: none\nseparate_weights: true\n',
    );
    expect(Object.keys(first).slice(-2)).toEqual(['weights/source/checkpoint.pt', 'source']);
    expect(first.source?.size).toBeLessThan(101_000_000);
    writeFileSync(join(project, 'predict.py'), `${readFileSync(join(project, 'predict.py'), 'utf8')}# edited\n`);
    const second = await layers();
    expect(second['weights/source/checkpoint.pt']).toEqual(first['weights/source/checkpoint.pt']);
    expect(second.source?.diffId).not.toBe(first.source?.diffId);

    // More of them are more to lock.
    writeFileSync(join(project, 'another.pt'), randomBytes(11 * 1024 * 1024));
    const stale = await cogplan(['apply', project, '--json']);
    expect([stale.status, stale.stdout]).toEqual([1, expect.stringContaining('COGPLAN_LOCK_STALE')]);
    expect((await cogplan(['lock', project, '--yes', '--offline'])).status).toBe(0);
    const third = await layers();
    expect(Object.keys(third).filter((name) => name.startsWith('weights/'))).toEqual(['weights/source/another.pt']);
    const refused = await cogplan(['apply', join(project, 'cog.yaml'), project, '--separate-weights', '--json']);
    expect([refused.status, refused.stdout]).toEqual([1, expect.stringContaining('COGPLAN_USAGE')]);
  });
});

interface Status {
  readonly weights: readonly { readonly name: string; readonly state: string; readonly files: number }[];
}
