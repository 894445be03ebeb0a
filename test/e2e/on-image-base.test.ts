import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Target } from '../../src/lock/schema.generated.ts';
import { buildImage, file, layerTar, putImage } from '../builders/registry-image.ts';
import { startDockerEngine } from '../servers/dockerd.ts';
import { freePort } from '../servers/free-port.ts';
import { type RegistryTestServer, startRegistry } from '../servers/registry.ts';
import {
  applyFresh,
  CLI,
  cogplan,
  cogplanJson,
  copyExample,
  inDirectory,
  type Receipt,
  readLock,
  SHARED_STORE,
} from './cogplan.ts';

/* All that a project without a base can do, on one: packages that are configured by running dpkg, wheels built from source, steps, holds, serving, Docker. */

const HALF_AN_HOUR = 1_800_000;

let registry: RegistryTestServer;

beforeAll(async () => {
  registry = await startRegistry();
  await inDirectory(async (directory) => {
    const project = copyExample('hello-world', directory);
    await applyFresh(project);
    const pushed = await cogplan(['apply', project, '-o', `registry:${registry.host}/team/base:1`]);
    expect(pushed.status, pushed.stderr).toBe(0);
  });
}, HALF_AN_HOUR);
afterAll(() => registry.stop());

const MODEL = [
  'import subprocess',
  'from cog import BasePredictor',
  'class Predictor(BasePredictor):',
  '    def predict(self, command: str) -> str:',
  '        try:',
  '            import native',
  '        except ImportError:',
  '            native = None',
  '        said = subprocess.run(command, shell=True, text=True, stdout=-1, stderr=-2).stdout',
  '        return f"{native and native.answer()} {said}"',
  '',
].join('\n');

function onBase(directory: string, build: readonly string[], base = `${registry.host}/team/base:1`): string {
  const project = copyExample('hello-world', directory);
  rmSync(join(project, 'cogplan.lock'), { force: true });
  writeFileSync(join(project, 'cogplan.yaml'), `base: ${base}\n`);
  const lines = ['build:', '  python_version: "3.11"', ...build.map((line) => `  ${line}`)];
  writeFileSync(join(project, 'cog.yaml'), `${lines.join('\n')}\npredict: "predict.py:Predictor"\n`);
  writeFileSync(join(project, 'predict.py'), MODEL);
  return project;
}

function targetOf(project: string): Target {
  const target = readLock(project).targets['linux/amd64'];
  if (target === undefined) throw new Error('no target');
  return target;
}

async function say(project: string, command: string): Promise<string> {
  const { stdout, stderr, status } = await cogplan(['predict', project, '-i', `command=${command}`]);
  expect(status, stderr).toBe(0);
  return stdout.trim();
}

async function refusal(args: readonly string[]): Promise<{ code: string; message: string; hint?: string }> {
  const { status, stdout } = await cogplan([...args, '--json']);
  expect(status).toBe(1);
  return (JSON.parse(stdout) as { error: { code: string; message: string } }).error;
}

/** A package with a module in C. */
function writeNative(project: string): void {
  mkdirSync(join(project, 'native'));
  const write = (name: string, text: string): void => writeFileSync(join(project, 'native', name), text);
  write(
    'pyproject.toml',
    '[build-system]\nrequires = ["setuptools==75.8.0"]\nbuild-backend = "setuptools.build_meta"\n',
  );
  write(
    'setup.py',
    'from setuptools import Extension, setup\nsetup(name="native", version="1.0", ext_modules=[Extension("native", ["native.c"])])\n',
  );
  write(
    'native.c',
    [
      '#include <Python.h>',
      'static PyObject *answer(PyObject *self, PyObject *args) { return PyLong_FromLong(42); }',
      'static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {0}};',
      'static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "native", 0, -1, methods};',
      'PyMODINIT_FUNC PyInit_native(void) { return PyModule_Create(&module); }',
    ].join('\n'),
  );
  writeFileSync(join(project, 'requirements.txt'), './native\n');
}

test(
  'sealed packages, a wheel built from source, and a step are one image, which audits clean, serves and loads into Docker',
  () =>
    inDirectory(async (directory) => {
      const project = onBase(directory, [
        'python_requirements: requirements.txt',
        'system_packages: [jq, libglib2.0-0, gsettings-desktop-schemas]',
        'run:',
        '  - jq --version > /made.txt && touch -d @0 /made.txt',
      ]);
      appendFileSync(join(project, 'cogplan.yaml'), 'configure: sealed\n');
      writeNative(project);
      await cogplanJson(['lock', project, '--yes']);
      const { system, toolchain, python } = targetOf(project);
      const sealed = system.packages.filter((item) => item.configure === 'sealed').map(({ name }) => name);
      expect(sealed).toEqual(['libglib2.0-0']);
      // Of the toolchain what the base lacks.
      const tools = toolchain?.packages.map(({ name }) => name);
      expect(tools).toEqual(expect.arrayContaining(['gcc', 'libpython3.11-dev', 'make']));
      expect(tools).not.toContain('libc6');
      expect(python.packages.map(({ name, built }) => [name, built !== undefined])).toEqual([['native', true]]);
      // Neither the lock nor a check asks anything again.
      await cogplanJson(['lock', project, '--yes', '--offline']);
      expect((await cogplan(['lock', '--check', project])).status).toBe(0);

      const receipt = await cogplanJson<Receipt>(['apply', project]);
      expect(receipt.layers.map(({ layer }) => layer)).toEqual(
        expect.arrayContaining(['system', 'configuration/sealed', 'step/1']),
      );
      expect((await cogplanJson<Receipt>(['apply', project, '--offline'])).imageId).toBe(receipt.imageId);
      const checks = 'cat /made.txt; dpkg --audit; dpkg -V; ls /usr/share/glib-2.0/schemas/gschemas.compiled';
      expect(await say(project, checks)).toBe('42 jq-1.6\n/usr/share/glib-2.0/schemas/gschemas.compiled');
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a field of dpkg-query
      expect(await say(project, 'dpkg-query -W -f \\${Status} | grep -c unpacked')).toBe('42 0');
      const audit = await cogplan(['audit', project]);
      expect([audit.status, audit.stdout]).toEqual([0, expect.any(String)]);
      const trust = await cogplan(['audit', '--trust', project]);
      expect([trust.status, trust.stdout]).toEqual([0, expect.stringMatching(/All \d+ Debian packages/)]);

      await serves(project);
      await loads(project);
    }),
  HALF_AN_HOUR,
);

async function serves(project: string): Promise<void> {
  const port = await freePort();
  const server = execa(process.execPath, [CLI, 'serve', project, '-p', String(port)], {
    env: { COGPLAN_STORE: SHARED_STORE },
    stdin: 'ignore',
    reject: false,
  });
  try {
    let output: unknown;
    for (let tries = 0; output === undefined && tries < 3000; tries++) {
      await sleep(200);
      output = await fetch(`http://127.0.0.1:${port}/predictions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ input: { command: 'jq --version' } }),
      }).then(
        async (answer) => (answer.ok ? ((await answer.json()) as { output: unknown }).output : undefined),
        () => undefined,
      );
    }
    expect(output).toBe('42 jq-1.6\n');
  } finally {
    server.kill('SIGTERM');
    await server;
  }
}

async function loads(project: string): Promise<void> {
  const engine = await startDockerEngine();
  try {
    const env = { DOCKER_HOST: engine.host };
    const { imageId } = await cogplanJson<Receipt>(['apply', project, '-o', 'docker:on-base:1'], { env });
    expect(engine.docker('image', 'inspect', '--format', '{{.Id}}', 'on-base:1').stdout.trim()).toBe(imageId);
    const ran = engine.docker('run', '--rm', '--network', 'none', 'on-base:1', 'cat', '/made.txt');
    expect([ran.status, ran.stdout]).toEqual([0, 'jq-1.6\n']);
  } finally {
    await engine.stop();
  }
}

test(
  'a held base stays when its tag moves, and a held package when everything else is upgraded',
  () =>
    inDirectory(async (directory) => {
      const place = `${registry.host}/team/held:1`;
      const copy = (from: string): void => {
        const tls = ['--src-tls-verify=false', '--dest-tls-verify=false'];
        const { status, stderr } = spawnSync('skopeo', ['copy', ...tls, `docker://${from}`, `docker://${place}`]);
        if (status !== 0) throw new Error(String(stderr));
      };
      copy(`${registry.host}/team/base:1`);
      const project = onBase(directory, ['system_packages: [jq]'], place);
      await cogplanJson(['lock', project, '--yes']);
      const { base } = targetOf(project);
      if (base.kind !== 'image') throw new Error('no image base');
      const held = await cogplan(['hold', 'base/base', project, '--because', 'approved']);
      expect(held.status, held.stderr).toBe(0);
      await cogplanJson(['hold', 'system/jq', project, '--because', 'tested']);

      const other = copyExample('hello-world', join(directory, 'other'));
      appendFileSync(join(other, 'predict.py'), '\n# newer\n');
      await cogplanJson(['apply', other, '-o', `registry:${place}`]);
      await cogplanJson(['lock', project, '--upgrade', '--yes']);
      expect(targetOf(project).base).toEqual(base);

      writeFileSync(join(project, 'cogplan.yaml'), `base: ${registry.host}/team/base:1\n`);
      expect(await refusal(['lock', project, '--yes'])).toMatchObject({
        code: 'COGPLAN_HOLD_IMPOSSIBLE',
        message: expect.stringContaining('names the base'),
      });
      writeFileSync(join(project, 'cogplan.yaml'), `base: ${place}\n`);
      writeFileSync(
        join(project, 'cog.yaml'),
        'build:\n  python_version: "3.11"\n  system_packages: ["jq=9"]\npredict: "predict.py:Predictor"\n',
      );
      expect(await refusal(['lock', project, '--yes'])).toMatchObject({
        code: 'COGPLAN_HOLD_IMPOSSIBLE',
        message: expect.stringContaining('asks for jq=9'),
      });
    }),
  HALF_AN_HOUR,
);

test('on a base without Debian packages what needs some is refused by name', () =>
  inDirectory(async (directory) => {
    const bare = buildImage([
      layerTar([
        file('etc/os-release', 'ID="rocky"\nVERSION_ID="9.4"\n'),
        file('usr/lib64/libc.so.6', 'GNU C Library (GNU libc) stable release version 2.34.'),
        file('usr/bin/python3.11', 'ELF', 0o755),
        file('usr/include/python3.11/patchlevel.h', '#define PY_VERSION "3.11.9"'),
      ]),
    ]);
    await putImage(registry.host, 'team/rocky:1', bare);
    const project = onBase(directory, ['python_requirements: requirements.txt'], `${registry.host}/team/rocky:1`);
    writeNative(project);
    expect(await refusal(['lock', project, '--yes'])).toMatchObject({
      code: 'COGPLAN_BASE_UNSUPPORTED',
      message: expect.stringContaining('nothing can be built on the base'),
    });
  }));
