import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { startHttpServer } from '../servers/http-server.ts';
import { cogplan, inDirectory } from './cogplan.ts';

vi.setConfig({ testTimeout: 600_000 });

/** Fetches in ranges and under the name that pget gives itself. */
const PGET = `#!/usr/bin/env python3
import io, os, sys, tarfile, urllib.request
words = [word for word in sys.argv[1:] if word != "-x"]
def fetch(url, start, end):
    headers = {"User-Agent": "pget/0.8.2", "Range": f"bytes={start}-{end}"}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return answer.read(), int(answer.headers["Content-Range"].split("/")[1])
def get(url, dest):
    data, size = fetch(url, 0, 9)
    while len(data) < size:
        data += fetch(url, len(data), min(len(data) + 99_999, size - 1))[0]
    if "-x" in sys.argv:
        tarfile.open(fileobj=io.BytesIO(data)).extractall(dest)
    else:
        os.makedirs(os.path.dirname(os.path.abspath(dest)), exist_ok=True)
        open(dest, "xb").write(data)
if words[0] == "multifile":
    for line in sys.stdin.read().split("\\n"):
        if line.strip():
            get(*line.split())
else:
    get(*words)
`;

/** The addresses are known when it runs alone, and no file is looked for before it is fetched. */
const PREDICT = `import os, subprocess
from cog import BasePredictor

os.environ["PATH"] += ":/src/tools"
HOST = os.environ["FILES"]

class Predictor(BasePredictor):
    def setup(self):
        subprocess.check_call(["pget", HOST + "/kept.bin", "weights/kept.bin"])
        subprocess.check_call(["pget", HOST + "/passing.bin", "/tmp/w/passing.bin"])
        subprocess.check_call(["pget", "-x", HOST + "/tree.tar", "/tmp/tree"])
        manifest = f"{HOST}/one.bin /src/many/one.bin\\n{HOST}/two.bin /tmp/two.bin\\n"
        subprocess.run(["pget", "multifile", "-"], input=manifest.encode(), check=True)
        subprocess.check_call(["pget", HOST + "/gone.bin", "/tmp/gone.bin"])
        self.gone = open("/tmp/gone.bin").read()[:4]
        os.remove("/tmp/gone.bin")

    def run(self) -> list[str]:
        paths = ("weights/kept.bin", "/tmp/w/passing.bin", "/tmp/tree/a/note", "/src/many/one.bin", "/tmp/two.bin")
        return [open(path).read()[:4] for path in paths] + [self.gone]
`;

it('what a record finds by pget is locked with its hash, and answered in a container without a network', () =>
  inDirectory(async (directory) => {
    const files = await startHttpServer();
    const project = join(directory, 'project');
    mkdirSync(join(project, 'tools'), { recursive: true });
    mkdirSync(join(directory, 'tar/a'), { recursive: true });
    writeFileSync(join(directory, 'tar/a/note'), 'note');
    files.answer('/tree.tar', { body: execFileSync('tar', ['c', '-C', join(directory, 'tar'), 'a']) });
    for (const name of ['kept', 'passing', 'one', 'two', 'gone'])
      files.answer(`/${name}.bin`, { body: name.padEnd(4, '.').repeat(100_000) });
    writeFileSync(join(project, 'cog.yaml'), 'build:\n  python_version: "3.11"\nrun: "predict.py:Predictor"\n');
    writeFileSync(join(project, 'predict.py'), PREDICT);
    writeFileSync(join(project, 'tools/pget'), PGET);
    chmodSync(join(project, 'tools/pget'), 0o755);
    const given = ['--json', '-e', `FILES=${files.url}`];
    const output = ['kept', 'pass', 'note', 'one.', 'two.', 'gone'];

    expect((await cogplan(['lock', project, '--yes'])).status).toBe(0);
    const run = await cogplan(['predict', project, '--record', '--yes', ...given]);
    expect(run.status, run.stdout + run.stderr).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({ prediction: { output }, record: { written: true } });
    const settings = readFileSync(join(project, 'cogplan.yaml'), 'utf8');
    expect(settings.match(/answers: pget/g)).toHaveLength(6);
    expect(settings).not.toContain('/tmp');

    expect((await cogplan(['lock', project, '--yes'])).status).toBe(0);
    await files.close();
    const offline = await cogplan(['predict', project, '--network', 'none', ...given]);
    expect(offline.status, offline.stdout + offline.stderr).toBe(0);
    expect(JSON.parse(offline.stdout)).toMatchObject({ status: 'succeeded', output });
  }));
