import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sha256 } from '../../src/digest.ts';
import { type HttpTestServer, startHttpServer, TLS_DIRECTORY } from '../servers/http-server.ts';
import { publishRepository } from '../servers/hub.ts';
import { cogplan, copyExample, inDirectory, readLock } from './cogplan.ts';

const MODEL = randomBytes(3_000_000);
const CONFIG = '{"a": 1}';
const PLAIN = randomBytes(700_000);
const PREDICT = `import hashlib, io, os, socket, tarfile, threading, urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
import requests
from cog import BasePredictor
from huggingface_hub import hf_hub_download, snapshot_download

HOST = os.environ["FILES"]

def digest(data):
    return hashlib.sha256(data).hexdigest()

class Own(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"own " + self.path.encode())
    def log_message(self, *arguments):
        pass

class Predictor(BasePredictor):
    def setup(self):
        self.one = hf_hub_download("owner/model", "sub/model.bin")
        self.all = snapshot_download("owner/whole", revision="v2")
        self.local = hf_hub_download("owner/kept", "kept.bin", cache_dir="/src/cache")
        if not os.path.exists("weights/plain.bin"):
            os.makedirs("weights", exist_ok=True)
            urllib.request.urlretrieve(HOST + "/start/plain.bin", "weights/plain.bin")
        if not os.path.exists("/src/parts.bin"):
            with open("/src/parts.bin", "wb") as file:
                for start in range(0, ${PLAIN.length}, 300_000):
                    part = requests.get(HOST + "/parts.bin", headers={"Range": f"bytes={start}-{start + 299_999}"})
                    file.write(part.content)
        if not os.path.exists("/src/data"):
            tarfile.open(fileobj=io.BytesIO(requests.get(HOST + "/data.tar.gz").content)).extractall("/src/data")
        if not os.path.exists("/src/secure.bin"):
            with open("/src/secure.bin", "wb") as file:
                file.write(requests.get(os.environ["SECURE"] + "/secure.bin", headers={"Authorization": "Bearer canary-93"}).content)
        server = HTTPServer(("127.0.0.1", 0), Own)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.own = urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/x").read().decode()

    def run(self) -> list[str]:
        if "TALK" in os.environ:
            requests.post(HOST + "/api", data="question")
            requests.get(HOST + "/memory.json")
            requests.get(HOST + "/signed.bin?X-Amz-Signature=abc")
            try:
                socket.create_connection(("203.0.113.7", 4242), 2)
            except OSError:
                pass
        return [
            digest(open(self.one, "rb").read()),
            open(os.path.join(self.all, "config.json")).read(),
            digest(open(self.local, "rb").read()),
            digest(open("weights/plain.bin", "rb").read()),
            digest(open("/src/parts.bin", "rb").read()),
            open("/src/data/tool/note").read(),
            open("/src/secure.bin").read(),
            self.own,
        ]
`;

interface Recorded {
  readonly prediction: { readonly status: string; readonly output: readonly string[] };
  readonly record: {
    readonly fetched: readonly {
      readonly url: string;
      readonly path?: string;
      readonly sha256?: string;
      readonly phase: string;
      readonly final?: string;
      readonly hub?: object;
    }[];
    readonly unpinnable: readonly { readonly what: string; readonly where?: string }[];
    readonly proposals: readonly { readonly kind: string; readonly why?: string; readonly urls: readonly string[] }[];
    readonly written: boolean;
  };
}

let hub: HttpTestServer;
let objects: HttpTestServer;
let files: HttpTestServer;
let secure: HttpTestServer;
let commit: string;

beforeAll(async () => {
  [hub, objects, files] = [await startHttpServer(), await startHttpServer(), await startHttpServer()];
  secure = await startHttpServer({ https: true });
  secure.answer('/secure.bin', { body: 'secure', chunked: true });
  publishRepository(hub, {
    name: 'owner/model',
    files: { 'sub/model.bin': MODEL, 'never.bin': MODEL.subarray(1) },
    objects,
  });
  commit = publishRepository(hub, {
    name: 'owner/whole',
    files: { 'config.json': CONFIG, a: 'a', b: 'b' },
    refs: ['v2'],
  });
  publishRepository(hub, { name: 'owner/kept', files: { 'kept.bin': MODEL.subarray(5) } });
  files.answer('/start/plain.bin', { status: 302, headers: { location: '/v2/plain.bin' } });
  files.answer('/v2/plain.bin', { body: PLAIN });
  files.answer('/parts.bin', { body: PLAIN.subarray(7) });
  files.answer('/memory.json', { body: '{}', chunked: true });
  files.answer('/signed.bin?X-Amz-Signature=abc', { body: 'signed' });
  files.answer('/api', { body: 'answer' });
});
afterAll(async () => {
  for (const server of [hub, objects, files, secure]) await server.close();
});

function aProject(directory: string): string {
  const project = join(directory, 'project');
  mkdirSync(project);
  writeFileSync(
    join(project, 'cog.yaml'),
    'build:\n  python_version: "3.11"\n  python_packages: [huggingface_hub==0.30.2]\nrun: "predict.py:Predictor"\n',
  );
  writeFileSync(join(project, 'predict.py'), PREDICT);
  const tree = join(directory, 'tar/tool');
  mkdirSync(tree, { recursive: true });
  writeFileSync(join(tree, 'note'), 'note\n');
  files.answer('/data.tar.gz', { body: execFileSync('tar', ['cz', '-C', join(directory, 'tar'), 'tool']) });
  return project;
}

it('what a model fetched is recorded, accepted and locked, and the model runs without a network', async () => {
  await inDirectory(async (directory) => {
    const project = aProject(directory);
    const env = { HF_ENDPOINT: hub.url, SSL_CERT_FILE: join(TLS_DIRECTORY, 'ca.pem') };
    const first = await cogplan(['lock', project, '--yes'], { env });
    expect([first.status, first.stderr]).toEqual([0, expect.anything()]);
    const given = ['-e', `HF_ENDPOINT=${hub.url}`, '-e', `FILES=${files.url}`, '-e', `SECURE=${secure.url}`];
    const run = await cogplan(['predict', project, '--record', '--yes', '--json', ...given, '-e', 'TALK=1'], { env });
    expect(run.status, run.stdout + run.stderr).toBe(0);
    const { prediction, record } = JSON.parse(run.stdout) as Recorded;
    const expected = [
      sha256(MODEL),
      CONFIG,
      sha256(MODEL.subarray(5)),
      sha256(PLAIN),
      sha256(PLAIN.subarray(7)),
      'note\n',
      'secure',
      'own /x',
    ];
    expect(prediction).toMatchObject({ status: 'succeeded', output: expected });

    const byUrl = new Map(record.fetched.map((item) => [item.url, item]));
    expect(byUrl.get(`${hub.url}/owner/model/resolve/main/sub/model.bin`)).toMatchObject({
      sha256: sha256(MODEL),
      size: MODEL.length,
      final: `${objects.url}/objects/${sha256(MODEL)}`,
      phase: 'setup',
      hub: { repository: 'owner/model', revision: 'main', file: 'sub/model.bin' },
    });
    expect(byUrl.get(`${hub.url}/owner/whole/resolve/${commit}/config.json`)).toMatchObject({
      hub: { revision: 'v2' },
    });
    expect(byUrl.get(`${files.url}/start/plain.bin`)).toMatchObject({
      final: `${files.url}/v2/plain.bin`,
      sha256: sha256(PLAIN),
      path: '/src/weights/plain.bin',
    });
    expect(byUrl.get(`${files.url}/parts.bin`)).toMatchObject({
      sha256: sha256(PLAIN.subarray(7)),
      path: '/src/parts.bin',
    });
    expect(byUrl.get(`${files.url}/data.tar.gz`)).toMatchObject({ path: '/src/data', unpacked: true });
    expect(byUrl.get(`${files.url}/memory.json`)).toMatchObject({ phase: 'predict' });
    expect(byUrl.get(`${secure.url}/secure.bin`)).toMatchObject({
      sha256: sha256('secure'),
      path: '/src/secure.bin',
      authorized: true,
    });
    expect(run.stdout + run.stderr).not.toContain('canary-93');
    expect(record.fetched).toHaveLength(10);
    expect(record.unpinnable).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ what: `POST ${files.url}/api` }),
        expect.objectContaining({ what: `GET ${files.url}/signed.bin`, why: expect.stringContaining('credential') }),
        expect.objectContaining({
          what: 'a socket to 203.0.113.7:4242',
          where: expect.stringMatching(/^predict.py:\d+$/),
        }),
      ]),
    );
    expect(record.proposals.filter(({ kind }) => kind === 'none')).toMatchObject([
      { urls: [`${files.url}/memory.json`], why: expect.stringContaining('in memory') },
    ]);
    expect(record.written).toBe(true);
    expect(JSON.stringify(record)).not.toContain('Signature=abc');
    expect(readFileSync(join(project, 'cogplan.yaml'), 'utf8')).toContain('unpack: true');

    const locked = await cogplan(['lock', project, '--yes'], { env });
    expect([locked.status, locked.stderr]).toEqual([0, expect.anything()]);
    const target = readLock(project).targets['linux/amd64'];
    expect(target?.weights.map(({ target: place }) => place).sort()).toEqual([
      '/opt/huggingface/hub/models--owner--model',
      '/opt/huggingface/hub/models--owner--whole',
      '/src/cache/models--owner--kept',
    ]);
    expect(JSON.stringify(target?.weights)).not.toContain('never.bin');
    const applied = await cogplan(['apply', project], { env });
    expect([applied.status, applied.stderr]).toEqual([0, expect.anything()]);
    const offline = await cogplan(['predict', project, '--network', 'none', '--json', ...given]);
    expect(JSON.parse(offline.stdout)).toMatchObject({ status: 'succeeded', output: expected });

    const again = await cogplan(['predict', project, '--record', '--json', ...given], { env });
    expect(JSON.parse(again.stdout)).toMatchObject({ record: { fetched: [], proposals: [], written: false } });
  });
});

it('is refused where there is no recorder', async () => {
  for (const options of [['--sandbox', 'docker'], ['--network', 'none'], ['--offline']]) {
    const result = await cogplan(['predict', '--record', ...options]);
    expect([result.status, result.stderr]).toEqual([1, expect.stringContaining('COGPLAN_USAGE')]);
  }
});

it('tells of a run that fails what it could not reach, and changes nothing', async () => {
  await inDirectory(async (directory) => {
    files.answer('/seen.bin', { body: 'seen' });
    const project = copyExample('hello-world', directory);
    const code = `import socket, urllib.request
from cog import BasePredictor

class Predictor(BasePredictor):
    def setup(self):
        urllib.request.urlretrieve("${files.url}/seen.bin", "/src/seen.bin")
        socket.create_connection(("database.test", 5432), 2)

    def predict(self) -> str:
        return "never"
`;
    writeFileSync(join(project, 'predict.py'), code);
    const run = await cogplan(['predict', project, '--record', '--yes']);
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('COGPLAN_SETUP_FAILED');
    expect(run.stderr).toContain('predict.py:7: a socket to database.test:5432');
    expect(run.stderr).toContain(`files: ${files.url}/seen.bin at /src/seen.bin`);
    expect(existsSync(join(project, 'cogplan.yaml'))).toBe(false);
  });
});
