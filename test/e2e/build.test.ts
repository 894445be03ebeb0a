import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lock, PythonPackage } from '../../src/lock/schema.generated.ts';
import { type GitServer, git, startGitServer } from '../servers/git-server.ts';
import { type HttpTestServer, startHttpServer } from '../servers/http-server.ts';
import { cogplan, cogplanJson, type Receipt, readLock, SHARED_STORE, storeOf } from './cogplan.ts';

const EXTENSION = `
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *args) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_fast", "", -1, methods};
PyMODINIT_FUNC PyInit__fast(void) { return PyModule_Create(&module); }
`;
const PREDICT = `
from cog import BasePredictor
class Predictor(BasePredictor):
    def predict(self) -> str:
        return IMPORTS
`;

/** A project that is its own build backend, and keeps what it was told. */
const SETTINGS = {
  'pyproject.toml': '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
  'backend.py': `
import json, zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "cptsettings-1.0-py3-none-any.whl"
    with zipfile.ZipFile(directory + "/" + name, "w") as wheel:
        wheel.writestr("cptsettings.py", "settings = %r" % json.dumps(config_settings, sort_keys=True))
        wheel.writestr("cptsettings-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: cptsettings\\nVersion: 1.0\\n")
        wheel.writestr("cptsettings-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("cptsettings-1.0.dist-info/RECORD", "")
    return name
`,
} as const;

let directory: string;
let server: HttpTestServer;
let repositories: GitServer;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-build-'));
  server = await startHttpServer();
  await publish('cptfastlib', {
    'setup.py':
      'from setuptools import setup, Extension\nsetup(name="cptfastlib", version="1.0", packages=["cptfastlib"], ext_modules=[Extension("cptfastlib._fast", ["fast.c"])])\n',
    'fast.c': EXTENSION,
    'cptfastlib/__init__.py': 'from ._fast import answer\n',
  });
  await publish('cptneedy', {
    'setup.py':
      'from setuptools import setup, Extension\nsetup(name="cptneedy", version="1.0", ext_modules=[Extension("cptneedy", ["n.c"])])\n',
    'n.c': '#include <sndfile.h>\n',
  });
  await publish('cptunsaid', {
    'setup.py':
      'import six\nfrom setuptools import setup\nsetup(name="cptunsaid", version="1.0", py_modules=["cptunsaid"])\n',
    'cptunsaid.py': 'x = 1\n',
  });
  const random =
    'import random\nfrom setuptools import setup\nopen("cptodd.py", "w").write("x = %r" % random.SystemRandom().random())\nsetup(name="cptodd", version="1.0", py_modules=["cptodd"])\n';
  await publish('cptodd', { 'setup.py': random });
  await publish('cptsettings', SETTINGS, 'tar.bz2');
  const root = join(directory, 'git');
  const repository = join(root, 'cptfromgit');
  mkdirSync(join(repository, 'python/cptfromgit'), { recursive: true });
  writeFileSync(
    join(repository, 'python/pyproject.toml'),
    '[build-system]\nrequires = ["flit_core<4"]\nbuild-backend = "flit_core.buildapi"\n[project]\nname = "cptfromgit"\nversion = "2.0"\ndescription = "x"\ndependencies = ["six"]\n',
  );
  writeFileSync(join(repository, 'python/cptfromgit/__init__.py'), 'name = "git"\n');
  await git(repository, 'init', '-q');
  await git(repository, 'add', '.');
  await git(repository, 'commit', '-qm', 'one');
  await git(repository, 'tag', 'v2');
  repositories = await startGitServer(root);
});
afterAll(async () => {
  await server?.close();
  await repositories?.close();
  rmSync(directory, { recursive: true, force: true });
});

const BZIP2 = 'import bz2, sys; sys.stdout.buffer.write(bz2.compress(sys.stdin.buffer.read()))';

/** A source distribution on the test's own index. */
async function publish(
  name: string,
  files: Readonly<Record<string, string>>,
  suffix: 'tar.gz' | 'tar.bz2' = 'tar.gz',
): Promise<void> {
  const packer = pack();
  for (const [path, text] of Object.entries(files)) packer.entry({ name: `${name}-1.0/${path}` }, text);
  packer.entry({ name: `${name}-1.0/PKG-INFO` }, `Metadata-Version: 1.0\nName: ${name}\nVersion: 1.0\n`);
  packer.finalize();
  const tar = await buffer(packer);
  const bytes = suffix === 'tar.gz' ? gzipSync(tar) : execFileSync('python3', ['-c', BZIP2], { input: tar });
  server.answer(`/files/${name}-1.0.${suffix}`, { body: bytes });
  server.answer(`/simple/${name}/`, {
    headers: { 'content-type': 'text/html' },
    body: `<a href="/files/${name}-1.0.${suffix}">${name}-1.0.${suffix}</a>`,
  });
}

function aProject(name: string, requirements: readonly string[], imports = '"x"', more = ''): string {
  const project = join(directory, name);
  mkdirSync(project, { recursive: true });
  writeFileSync(
    join(project, 'cog.yaml'),
    `build:\n  python_version: "3.11"\n  python_requirements: requirements.txt\n${more}predict: predict.py:Predictor\n`,
  );
  const lines = [`--extra-index-url ${server.url}/simple`, ...requirements];
  writeFileSync(join(project, 'requirements.txt'), `${lines.join('\n')}\n`);
  writeFileSync(join(project, 'predict.py'), PREDICT.replace('IMPORTS', imports));
  return project;
}

const packageOf = (lock: Lock, name: string): PythonPackage | undefined =>
  lock.targets['linux/amd64']?.python.packages.find((item) => item.name === name);

describe('packages without a wheel', () => {
  it('are built when the project is locked, and only installed when it is applied', async () => {
    const answer = '__import__("cptfastlib").answer().__str__() + __import__("cptfromgit").name';
    const project = aProject(
      'built',
      ['cptfastlib', `cptfromgit @ git+${repositories.url}/cptfromgit@v2#subdirectory=python`],
      answer,
    );
    await cogplanJson(['lock', '--yes', project]);
    const lock = readLock(project);
    const cptfastlib = packageOf(lock, 'cptfastlib');
    expect(cptfastlib?.file.url).toBe('built:/cptfastlib-1.0-cp311-cp311-linux_x86_64.whl');
    expect(cptfastlib?.built).toMatchObject({
      source: { kind: 'archive', file: { url: `${server.url}/files/cptfastlib-1.0.tar.gz`, computed: true } },
      requires: [{ name: 'packaging' }, { name: 'setuptools' }, { name: 'wheel' }],
    });
    const cptfromgit = packageOf(lock, 'cptfromgit');
    expect(cptfromgit?.built?.source).toMatchObject({ kind: 'git', ref: 'v2', subdirectory: 'python' });
    expect(cptfromgit?.built?.source.file.url).toMatch(/^git\+http:.*\/cptfromgit@[0-9a-f]{40}$/);
    expect(cptfromgit?.requires).toEqual(['six']);
    const toolchain = lock.targets['linux/amd64']?.toolchain?.packages.map(({ name }) => name);
    expect(toolchain).toEqual(expect.arrayContaining(['gcc', 'libpython3.11-dev', 'make']));
    // Other wheels are fetched, if no other test has done so.
    const before = server.requests.length;
    const receipt = await cogplanJson<Receipt>(['apply', project]);
    expect(server.requests).toHaveLength(before);
    expect((await cogplanJson<Receipt>(['apply', project, '--offline'])).imageId).toBe(receipt.imageId);
    expect(receipt.layers.some(({ layer }) => layer === 'wheels')).toBe(true);
    const predicted = await cogplanJson<{ output: string }>(['predict', project]);
    expect(predicted.output).toBe('42git');
    // Nothing moved: nothing is looked up or built.
    const text = readFileSync(join(project, 'cogplan.lock'), 'utf8');
    await cogplanJson(['lock', '--yes', '--offline', project]);
    expect(readFileSync(join(project, 'cogplan.lock'), 'utf8')).toBe(text);
  });

  it('are built again, with the same bytes, where the store lacks them', async () => {
    const project = join(directory, 'built');
    const lock = readLock(project);
    const store = storeOf(lock, join(directory, 'other-store'));
    for (const name of ['cptfastlib', 'cptfromgit']) {
      rmSync(join(store, 'blobs/sha256', packageOf(lock, name)?.file.sha256 ?? ''));
      rmSync(join(store, 'blobs/sha256', packageOf(lock, name)?.built?.source.file.sha256 ?? ''));
    }
    const { imageId } = await cogplanJson<Receipt>(['apply', project]);
    expect((await cogplanJson<Receipt>(['apply', project], { store })).imageId).toBe(imageId);
    // What they were built with took room only while they were.
    const left = readdirSync(join(store, 'tmp'), { recursive: true }).map(String);
    expect(left.filter((path) => /(?:^|\/)(?:wheels|build)-/.test(path))).toEqual([]);
  });

  it('may import what they do not ask for, when the log tells what it is', async () => {
    const project = aProject('cptunsaid', ['cptunsaid', 'six==1.16.0']);
    await cogplanJson(['lock', '--yes', project]);
    const requires = packageOf(readLock(project), 'cptunsaid')?.built?.requires;
    expect(requires?.find(({ name }) => name === 'six')?.version).toBe('1.16.0');
  });

  it('get the settings that their requirement has, from a bzip2 archive as from any other', async () => {
    const project = aProject(
      'settings',
      ['cptsettings --config-settings=color=red --config-settings=n=1 --config-settings=n=2'],
      '__import__("cptsettings").settings',
    );
    await cogplanJson(['lock', '--yes', project]);
    const { built } = packageOf(readLock(project), 'cptsettings') ?? {};
    expect(built?.source.file.url).toContain('cptsettings-1.0.tar.bz2');
    expect(built?.settings).toEqual(['color=red', 'n=1', 'n=2']);
    expect((await cogplanJson<{ output: string }>(['predict', project])).output).toBe(
      '{"color": "red", "n": ["1", "2"]}',
    );
    expect((await cogplan(['lock', project, '--check'])).status).toBe(0);
    writeFileSync(join(project, 'requirements.txt'), `--extra-index-url ${server.url}/simple\ncptsettings\n`);
    expect((await cogplan(['lock', project, '--check'])).status).toBe(2);
    await cogplanJson(['lock', '--yes', project]);
    expect(packageOf(readLock(project), 'cptsettings')?.built?.settings).toBeUndefined();
    expect((await cogplanJson<{ output: string }>(['predict', project])).output).toBe('null');
  });

  it('of the project are compared by --check, without a network', async () => {
    const project = aProject('vendored', ['./vendor/cptown']);
    mkdirSync(join(project, 'vendor/cptown'), { recursive: true });
    for (const [path, text] of Object.entries(SETTINGS)) writeFileSync(join(project, 'vendor/cptown', path), text);
    await cogplanJson(['lock', '--yes', project]);
    const lock = readFileSync(join(project, 'cogplan.lock'), 'utf8');
    const check = () => cogplan(['lock', project, '--check'], { prefix: ['unshare', '-rn'] });
    expect((await check()).status).toBe(0);
    writeFileSync(join(project, 'vendor/cptown/more.py'), 'x = 1\n');
    expect(await check()).toMatchObject({ status: 2, stdout: expect.stringContaining('vendor/cptown is') });
    rmSync(join(project, 'vendor/cptown/more.py'));
    expect((await check()).status).toBe(0);
    rmSync(join(project, 'vendor/cptown'), { recursive: true });
    expect((await check()).status).not.toBe(0);
    expect(readFileSync(join(project, 'cogplan.lock'), 'utf8')).toBe(lock);
  });

  it('that do not build are told with the end of the log and the remedy', async () => {
    const project = aProject('cptneedy', ['cptneedy']);
    const { status, stderr } = await cogplan(['lock', '--yes', project]);
    expect(status).toBe(1);
    expect(stderr).toContain('COGPLAN_BUILD_FAILED');
    expect(stderr).toContain('fatal error: sndfile.h: No such file');
    expect(stderr).toContain('libsndfile1-dev');
  });

  it('that do not give the same bytes twice are told when they have to be built again', async () => {
    const project = aProject('cptodd', ['cptodd']);
    await cogplanJson(['lock', '--yes', project]);
    const lock = readLock(project);
    const store = storeOf(lock, join(directory, 'cptodd-store'));
    const wheel = packageOf(lock, 'cptodd')?.file.sha256 ?? '';
    rmSync(join(store, 'blobs/sha256', wheel));
    const failed = await cogplan(['apply', project], { store });
    expect(failed.status).toBe(1);
    expect(failed.stderr).toContain('COGPLAN_BUILD_NOT_REPRODUCED');
    const archive = join(directory, 'cptodd.tar');
    await cogplanJson(['store', 'export', join(project, 'cogplan.lock'), archive], { store: SHARED_STORE });
    await cogplanJson(['store', 'import', archive], { store });
    await cogplanJson(['apply', project], { store });
  });
});
