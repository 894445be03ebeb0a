import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sha256 } from '../../src/digest.ts';
import { type HttpTestServer, startHttpServer } from '../servers/http-server.ts';
import { publishRepository } from '../servers/hub.ts';
import { cogplan, inDirectory, readLock } from './cogplan.ts';

const MODEL = randomBytes(400_000);
const PREDICT = `import hashlib, os
from cog import BasePredictor
from huggingface_hub import hf_hub_download, snapshot_download

def digest(path):
    return hashlib.sha256(open(path, "rb").read()).hexdigest()

class Predictor(BasePredictor):
    def setup(self):
        self.one = hf_hub_download("owner/model", "sub/model.bin")
        self.all = snapshot_download("owner/whole", revision="v2")

    def run(self) -> list[str]:
        return [digest(self.one), digest(os.path.join(self.all, "config.json"))]
`;

let hub: HttpTestServer;

beforeAll(async () => {
  hub = await startHttpServer();
});
afterAll(() => hub.close());

it('what the code takes from a hub is locked by --adopt-weights, and found by the library without the hub', async () => {
  publishRepository(hub, { name: 'owner/model', files: { 'sub/model.bin': MODEL, 'other.bin': MODEL.subarray(1) } });
  const commit = publishRepository(hub, { name: 'owner/whole', files: { 'config.json': '{"a": 1}' }, refs: ['v2'] });
  await inDirectory(async (directory) => {
    const project = join(directory, 'project');
    mkdirSync(project);
    writeFileSync(
      join(project, 'cog.yaml'),
      'build:\n  python_version: "3.11"\n  python_packages: [huggingface_hub==0.30.2]\nrun: "predict.py:Predictor"\n',
    );
    writeFileSync(join(project, 'cogplan.yaml'), '# kept\nweights: []\n');
    writeFileSync(join(project, 'predict.py'), PREDICT);
    const locked = await cogplan(['lock', project, '--yes', '--adopt-weights'], { env: { HF_ENDPOINT: hub.url } });
    expect([locked.status, locked.stderr]).toEqual([
      0,
      expect.stringContaining('/opt/huggingface/hub/models--owner--model'),
    ]);
    expect(locked.stderr).not.toContain('nothing pins it');
    expect(readFileSync(join(project, 'cogplan.yaml'), 'utf8')).toMatch(/^# kept\nweights:/);
    const target = readLock(project).targets['linux/amd64'];
    expect(target?.weights.map(({ files }) => files.map(({ path }) => path))).toEqual([
      [expect.stringMatching(/^refs\/main$/), expect.stringMatching(/^snapshots\/[0-9a-f]{40}\/sub\/model.bin$/)],
      ['refs/v2', `snapshots/${commit}/config.json`],
    ]);
    expect(target?.image.env).toEqual(expect.arrayContaining(['HF_HOME=/opt/huggingface', 'HF_HUB_OFFLINE=1']));

    const applied = await cogplan(['apply', project], { env: { HF_ENDPOINT: hub.url } });
    expect([applied.status, applied.stderr]).toEqual([0, expect.anything()]);
    const asked = hub.requests.length;
    const run = await cogplan(['predict', project, '--json', '-e', `HF_ENDPOINT=${hub.url}`]);
    expect(JSON.parse(run.stdout)).toMatchObject({ output: [sha256(MODEL), sha256('{"a": 1}')] });
    expect(hub.requests.length).toBe(asked);

    const again = await cogplan(['lock', project, '--yes', '--adopt-weights'], { env: { HF_ENDPOINT: hub.url } });
    expect([again.status, again.stdout]).toEqual([0, expect.stringContaining('up to date')]);
  });
});

const FETCHING = `import os, subprocess
from urllib.request import urlretrieve
from cog import BasePredictor

URL = "HOST"
CHECKPOINT = "/root/.cache/torch/hub/checkpoints/c.pth"

class Predictor(BasePredictor):
    def setup(self):
        if not os.path.exists("weights/m.bin"):
            urlretrieve(f"{URL}/m.bin", "weights/m.bin")
        if not os.path.exists("/src/tree"):
            subprocess.check_call(["pget", "-x", URL + "/tree.tar.gz", "/src/tree"])
        if not os.path.exists("w.bin"):
            subprocess.run(["wget", "-O", "w.bin", f"{URL}/w.bin"])
        if not os.path.exists(CHECKPOINT):
            import torch
            torch.hub.load_state_dict_from_url(URL + "/c.pth")

    def run(self) -> list[str]:
        with open(os.path.expanduser("~/written"), "w") as file:
            file.write("home can be written to")
        return [open(path).read() for path in ("weights/m.bin", "/src/tree/a/note", "w.bin", CHECKPOINT)]
`;

it('what the code fetches by address lies where the code looks, the home directory included', async () => {
  await inDirectory(async (directory) => {
    const files = await startHttpServer();
    const project = join(directory, 'project');
    mkdirSync(project);
    const tree = join(directory, 'tar/a');
    mkdirSync(tree, { recursive: true });
    writeFileSync(join(tree, 'note'), 'note');
    files.answer('/tree.tar.gz', { body: execFileSync('tar', ['cz', '-C', join(directory, 'tar'), 'a']) });
    for (const name of ['m.bin', 'w.bin', 'c.pth']) files.answer(`/${name}`, { body: name });
    writeFileSync(join(project, 'cog.yaml'), 'build:\n  python_version: "3.11"\nrun: "predict.py:Predictor"\n');
    writeFileSync(join(project, 'predict.py'), FETCHING.replace('HOST', files.url));
    const locked = await cogplan(['lock', project, '--yes', '--adopt-weights']);
    expect([locked.status, locked.stderr]).toEqual([0, expect.stringContaining('/src/tree')]);
    await files.close();
    const run = await cogplan(['predict', project, '--network', 'none', '--json']);
    expect([run.status, run.stderr]).toEqual([0, expect.anything()]);
    expect(JSON.parse(run.stdout)).toMatchObject({ output: ['m.bin', 'note', 'w.bin', 'c.pth'] });
  });
});

const UNGUARDED = `import os, subprocess
from cog import BasePredictor

URL = "HOST"

class Predictor(BasePredictor):
    def setup(self):
        subprocess.check_call(["pget", URL + "/x.bin", "x.bin"])
        subprocess.check_call(["pget", "-x", URL + "/tree.tar.gz", "/src/tree"])

    def run(self) -> list[str]:
        subprocess.check_call(["pget", URL + "/x.bin", "/tmp/again/x.bin"])
        other = subprocess.run(["pget", f"{URL}/other{os.getpid()}", "other"], stderr=subprocess.PIPE)
        said = other.stderr.decode()
        paths = ("x.bin", "/src/tree/a/note", "/tmp/again/x.bin")
        return [open(path).read() for path in paths] + [str(other.returncode), said]
`;

it('what the code fetches by pget is answered from the image, without a guard in the code and without a network', async () => {
  await inDirectory(async (directory) => {
    const files = await startHttpServer();
    const project = join(directory, 'project');
    mkdirSync(project);
    const tree = join(directory, 'tar/a');
    mkdirSync(tree, { recursive: true });
    writeFileSync(join(tree, 'note'), 'note');
    files.answer('/tree.tar.gz', { body: execFileSync('tar', ['cz', '-C', join(directory, 'tar'), 'a']) });
    files.answer('/x.bin', { body: 'x' });
    files.answer('/other', { body: 'other' });
    writeFileSync(join(project, 'cog.yaml'), 'build:\n  python_version: "3.11"\nrun: "predict.py:Predictor"\n');
    writeFileSync(join(project, 'predict.py'), UNGUARDED.replace('HOST', files.url));
    const locked = await cogplan(['lock', project, '--yes', '--adopt-weights']);
    expect([locked.status, locked.stderr]).toEqual([0, expect.stringContaining('/src/tree')]);
    expect(locked.stderr).not.toContain('leave it alone');
    await files.close();
    const fetched = readLock(project).targets['linux/amd64']?.image.env.find((entry) =>
      entry.startsWith('COGPLAN_FETCHED='),
    );
    expect(JSON.parse(fetched?.slice('COGPLAN_FETCHED='.length) ?? '')).toEqual({
      [`${files.url}/tree.tar.gz`]: ['/src/tree'],
      // What lies in /tmp does not last: its bytes have a place of their own.
      [`${files.url}/x.bin`]: [expect.stringMatching(/^\/opt\/pget\/[0-9a-f]{12}\/x\.bin$/), '/src/x.bin'],
    });
    const run = await cogplan(['predict', project, '--network', 'none', '--json']);
    expect([run.status, run.stderr]).toEqual([0, expect.anything()]);
    expect(JSON.parse(run.stdout)).toMatchObject({
      output: ['x', 'note', 'x', '127', expect.stringMatching(/no other pget/)],
    });
  });
});
