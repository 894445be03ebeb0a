import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { git, startGitServer } from '../servers/git-server.ts';
import { startHttpServer } from '../servers/http-server.ts';
import { applyFresh, cogplan, cogplanJson, copyExample, inDirectory, type Receipt, readLock } from './cogplan.ts';

const HALF_AN_HOUR = 1_800_000;
const RELEASES = 'https://github.com/replicate/pget/releases';

const PREDICTOR = `import subprocess
from cog import BasePredictor

class Predictor(BasePredictor):
    def predict(self) -> str:
        pget = subprocess.run(["pget"], capture_output=True, text=True).stdout
        return pget + open("/opt/joined").read() + open("/opt/tool/share/note").read()
`;

interface Project {
  readonly project: string;
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** A project whose commands fetch from servers of the test. */
async function aProject(directory: string): Promise<Project> {
  const [releases, files] = [await startHttpServer(), await startHttpServer()];
  const path = '/replicate/pget/releases';
  const script = '#!/bin/sh\necho "pget $(uname -s)"\n';
  releases.answer(`${path}/latest/download/pget_Linux_x86_64`, {
    status: 302,
    headers: { location: `${path}/download/v9/pget_Linux_x86_64` },
  });
  releases.answer(`${path}/download/v9/pget_Linux_x86_64`, {
    status: 302,
    headers: { location: `${files.url}/object?signed=1` },
  });
  files.answer('/object?signed=1', { body: script });
  files.answer('/weights.bin', { body: 'weights\n' });
  const tree = join(directory, 'tar/tool-1.0/share');
  mkdirSync(tree, { recursive: true });
  writeFileSync(join(tree, 'note'), 'note\n');
  files.answer('/tool-1.0.tar.gz', { body: execFileSync('tar', ['cz', '-C', join(directory, 'tar'), 'tool-1.0']) });
  const repositories = join(directory, 'git');
  const repository = join(repositories, 'clone');
  mkdirSync(repository, { recursive: true });
  await git(repository, 'init', '-q');
  writeFileSync(join(repository, 'code.txt'), 'code\n');
  await git(repository, 'add', '.');
  await git(repository, 'commit', '-qm', 'one');
  const trees = await startGitServer(repositories);

  const project = copyExample('hello-world', directory);
  writeFileSync(join(project, 'predict.py'), PREDICTOR);
  const run = [
    `curl -o /usr/local/bin/pget -L "${RELEASES}/latest/download/pget_$(uname -s)_$(uname -m)" && chmod +x /usr/local/bin/pget`,
    'mkdir -p /opt/m && wget -q -P /opt/m https://files.test/weights.bin',
    'mkdir /opt/tool && curl -fsSL https://files.test/tool-1.0.tar.gz | tar xz --strip-components=1 -C /opt/tool',
    'git clone https://git.test/clone /opt/clone',
    'echo ready',
    'cat /opt/m/weights.bin /opt/clone/code.txt > /opt/joined && rm -r /opt/clone && python -c "import os; os.makedirs(\'/opt/made\')"',
  ];
  const text = [
    'build:',
    '  python_version: "3.11"',
    '  run:',
    ...run.map((line) => `    - ${JSON.stringify(line)}`),
    'run: "predict.py:Predictor"',
    '',
  ];
  writeFileSync(join(project, 'cog.yaml'), text.join('\n'));
  const mirrors = {
    'https://github.com/': `${releases.url}/`,
    'https://files.test/': `${files.url}/`,
    'https://git.test/': `${trees.url}/`,
  };
  return {
    project,
    env: { COGPLAN_MIRRORS: JSON.stringify(mirrors) },
    stop: async () => {
      for (const server of [releases, files, trees]) await server.close();
    },
  };
}

describe('a project whose build.run fetches, clones and runs', () => {
  it(
    'is locked, applied with everything gone, and predicts',
    async () => {
      await inDirectory(async (directory) => {
        await applyFresh(copyExample('hello-world', join(directory, 'warm')));
        const { project, env, stop } = await aProject(directory);
        await cogplanJson(['lock', project, '--yes'], { env });
        await stop();
        const [target] = Object.values(readLock(project).targets);
        expect(target?.files.map(({ path, kind, mode, asked }) => [path, kind, mode, asked])).toEqual([
          ['/usr/local/bin/pget', 'file', '0755', `${RELEASES}/latest/download/pget_Linux_x86_64`],
          ['/opt/m', 'directory', '0755', undefined],
          ['/opt/m/weights.bin', 'file', '0644', undefined],
          ['/opt/tool', 'directory', '0755', undefined],
          ['/opt/tool', 'directory', '0755', undefined],
          ['/opt/clone', 'directory', '0755', undefined],
        ]);
        expect(target?.files[0]?.file?.url).toBe(`${RELEASES}/download/v9/pget_Linux_x86_64`);
        expect(target?.files.at(-1)?.git?.commit).toMatch(/^[0-9a-f]{40}$/);
        expect(target?.steps.map(({ from, network }) => [from, network])).toEqual([['build.run[5]', 'none']]);

        const first = await cogplanJson<Receipt>(['apply', project, '--offline']);
        expect(first.layers.slice(-3).map(({ layer }) => layer)).toEqual(['files', 'step/1', 'source']);
        const prediction = await cogplanJson<{ output: string }>(['predict', project, '--network', 'none']);
        expect(prediction.output).toBe('pget Linux\nweights\ncode\nnote\n');

        const before = readFileSync(join(project, 'cogplan.lock'), 'utf8');
        await cogplanJson(['lock', project, '--yes', '--offline']);
        expect(readFileSync(join(project, 'cogplan.lock'), 'utf8')).toBe(before);
        const cold = await cogplan(['audit', project, '--json'], { env: { TZ: 'Asia/Tokyo' } });
        expect(cold.status, cold.stdout).toBe(0);
        expect((await cogplanJson<Receipt>(['apply', project, '--offline'])).imageId).toBe(first.imageId);
      });
    },
    HALF_AN_HOUR,
  );

  it(
    'with a recorded network is replayed when the server is gone, and says what it cannot do',
    async () => {
      await inDirectory(async (directory) => {
        const files = await startHttpServer();
        files.answer('/data.txt', { body: 'fetched\n' });
        const env = { COGPLAN_MIRRORS: JSON.stringify({ 'https://files.test/': `${files.url}/` }) };
        const project = copyExample('hello-world', directory);
        const fetching =
          'import urllib.request as u; open("/opt/data","wb").write(u.urlopen("https://files.test/data.txt").read())';
        const command = `python3 -c '${fetching}'`;
        const write = (line: string, settings: string) => {
          const lines = [
            'build:',
            '  python_version: "3.11"',
            `  run: [${JSON.stringify(line)}]`,
            'run: "predict.py:Predictor"',
            '',
          ];
          writeFileSync(join(project, 'cog.yaml'), lines.join('\n'));
          writeFileSync(join(project, 'cogplan.yaml'), settings);
        };
        writeFileSync(
          join(project, 'predict.py'),
          PREDICTOR.replace(/pget = .*\n/, '').replace(/return .*/, 'return open("/opt/data").read()'),
        );
        write(command, 'network: recorded\n');
        await cogplanJson(['lock', project, '--yes'], { env });
        await files.close();
        const [target] = Object.values(readLock(project).targets);
        expect(target?.steps[0]?.fetched?.map(({ url, status, file }) => [url, status, file.size])).toEqual([
          ['https://files.test/data.txt', 200, 8],
        ]);
        await cogplanJson(['lock', project, '--yes', '--offline']);
        await cogplanJson<Receipt>(['apply', project, '--offline']);
        expect((await cogplanJson<{ output: string }>(['predict', project, '--network', 'none'])).output).toBe(
          'fetched\n',
        );

        write('date > /opt/data', 'network: none\n');
        await cogplanJson(['lock', project, '--yes', '--offline']);
        const unsteady = await cogplan(['apply', project, '--offline', '--json']);
        expect(JSON.parse(unsteady.stdout)).toMatchObject({
          error: { code: 'COGPLAN_STEP_UNREPRODUCIBLE', message: expect.stringContaining('/opt/data: time') },
        });
        write('date > /opt/data', 'steps:\n  - run: 1\n    accept: true\n');
        await cogplanJson(['lock', project, '--yes', '--offline']);
        const accepted = await cogplanJson<Receipt>(['apply', project, '--offline']);
        expect((await cogplanJson<Receipt>(['apply', project, '--offline'])).imageId).toBe(accepted.imageId);
      });
    },
    HALF_AN_HOUR,
  );

  it(
    'is told part by part, and files are added to it by the command line',
    async () => {
      await inDirectory(async (directory) => {
        const files = await startHttpServer();
        files.answer('/tool', { body: 'tool\n' });
        const env = { COGPLAN_MIRRORS: JSON.stringify({ 'https://files.test/': `${files.url}/` }) };
        const project = copyExample('hello-world', directory);
        const lines = [
          'build:',
          '  python_version: "3.11"',
          '  run:',
          '    - echo ready # a comment',
          '    - make',
          'run: "predict.py:Predictor"',
          '',
        ];
        writeFileSync(join(project, 'cog.yaml'), lines.join('\n'));
        const told = await cogplanJson<{ run: { from: string; parts: { class: string }[] }[] }>([
          'lock',
          project,
          '--explain-run',
        ]);
        expect(told.run.map(({ from, parts }) => [from, parts.map((part) => part.class)])).toEqual([
          ['build.run[0]', ['none']],
          ['build.run[1]', ['step']],
        ]);
        expect((await cogplan(['lock', project, '--explain-run'])).stdout).toContain('make is a program to run');

        writeFileSync(join(project, 'cog.yaml'), lines.filter((line) => !line.includes('make')).join('\n'));
        await cogplanJson(['add', 'file', 'https://files.test/tool', '--project', project, '--yes'], { env });
        const text = readFileSync(join(project, 'cogplan.yaml'), 'utf8');
        expect(text).toContain('path: /usr/local/bin/tool');
        const [target] = Object.values(readLock(project).targets);
        expect(target?.files).toMatchObject([
          { path: '/usr/local/bin/tool', mode: '0755', from: 'files[0]', file: { size: 5 } },
        ]);

        const gone = await cogplan(
          ['add', 'file', 'https://files.test/absent', '--project', project, '--yes', '--json'],
          { env },
        );
        expect(JSON.parse(gone.stdout)).toMatchObject({ error: { code: 'COGPLAN_HTTP_STATUS' } });
        expect(readFileSync(join(project, 'cogplan.yaml'), 'utf8')).toBe(text);

        files.answer('/again', { body: 'tool\n' });
        const rule = `files:\n  - url: https://files.test/absent\n    mirrors: [https://files.test/again]\n    path: /opt/tool\n`;
        writeFileSync(join(project, 'cogplan.yaml'), rule);
        await cogplanJson(['lock', project, '--yes'], { env });
        expect(Object.values(readLock(project).targets)[0]?.files[0]?.file).toMatchObject({
          url: 'https://files.test/again',
          mirrors: ['https://files.test/absent'],
        });
        await files.close();
      });
    },
    HALF_AN_HOUR,
  );
});

describe('a step that builds with compilers of the lock', () => {
  it(
    'finds what lines before it unpacked below /tmp, and leaves the same layer again',
    async () => {
      await inDirectory(async (directory) => {
        const files = await startHttpServer();
        const tree = join(directory, 'tar/sum-1.0');
        mkdirSync(tree, { recursive: true });
        writeFileSync(join(tree, 'sum.c'), 'int sum(int a, int b) { return a + b; }\n');
        writeFileSync(
          join(tree, 'Makefile'),
          'libsum.so: sum.c\n\tgcc -shared -fPIC -g -o $@ $<\ninstall: libsum.so\n\tinstall -m 644 libsum.so /usr/local/lib/\n',
        );
        files.answer('/sum-1.0.tar.gz', {
          body: execFileSync('tar', ['cz', '-C', join(directory, 'tar'), 'sum-1.0'], {
            env: { ...process.env, GZIP: '-n' },
          }),
        });
        const env = { COGPLAN_MIRRORS: JSON.stringify({ 'https://files.test/': `${files.url}/` }) };
        const project = copyExample('hello-world', directory);
        const command =
          'cd /tmp && wget -q https://files.test/sum-1.0.tar.gz && tar xzf sum-1.0.tar.gz && cd sum-1.0 && make -j4 && make install && ldconfig && rm -rf /tmp/sum-1.0*';
        const lines = [
          'build:',
          '  python_version: "3.11"',
          '  system_packages: [gcc, libc6-dev, make]',
          '  run:',
          `    - ${command}`,
          'run: "predict.py:Predictor"',
          '',
        ];
        writeFileSync(join(project, 'cog.yaml'), lines.join('\n'));
        writeFileSync(
          join(project, 'predict.py'),
          'import ctypes, os\nfrom cog import BasePredictor\nclass Predictor(BasePredictor):\n    def predict(self) -> str:\n        return str(ctypes.CDLL("libsum.so").sum(2, 3)) + str(os.listdir("/tmp"))\n',
        );
        await cogplanJson(['lock', project, '--yes'], { env });
        await files.close();
        const first = await cogplanJson<Receipt>(['apply', project]);
        expect(first.layers.map(({ layer }) => layer)).toContain('step/1');
        const prediction = await cogplanJson<{ output: string }>(['predict', project, '--network', 'none']);
        expect(prediction.output).toMatch(/^5/);
        const again = await cogplan(['audit', project, '--json'], { env: { TZ: 'Asia/Tokyo' } });
        expect(again.status, again.stdout).toBe(0);
      });
    },
    HALF_AN_HOUR,
  );
});
