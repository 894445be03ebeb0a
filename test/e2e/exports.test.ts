import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Sha256 } from '../../src/digest.ts';
import type { ExportInput } from '../../src/lock/exports/export-input.ts';
import { exportPylock } from '../../src/lock/exports/pylock.ts';
import { exportRequirements } from '../../src/lock/exports/requirements.ts';
import type { PythonPackage } from '../../src/lock/schema.generated.ts';
import { readSpec } from '../../src/spec/read-spec.ts';
import { aLock, aTarget, aWheel } from '../builders/lock.ts';
import { thePinnedUv } from '../builders/uv.ts';
import { type HttpTestServer, startHttpServer } from '../servers/http-server.ts';
import { publishWheels } from '../servers/package-index.ts';

const run = promisify(execFile);
const environment = {
  ...process.env,
  PIP_CONFIG_FILE: '/dev/null',
  PIP_NO_CACHE_DIR: '1',
  PIP_DISABLE_PIP_VERSION_CHECK: '1',
  NO_PROXY: '127.0.0.1',
  no_proxy: '127.0.0.1',
};

let directory: string;
let server: HttpTestServer;
let uv: string;
let input: ExportInput;
let python: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cogplan-exports-'));
  server = await startHttpServer();
  uv = await thePinnedUv();
  const files = publishWheels(server, [
    { name: 'app', metadata: ['Requires-Dist: lib>=1'], files: { 'app.py': 'import lib' } },
    { name: 'lib', version: '1.5', files: { 'lib.py': '' } },
    { name: 'lib', version: '2.0', files: { 'lib.py': 'new = True' } },
    { name: 'direct', files: { 'direct.py': '' } },
  ]);
  const locked = (name: string, version: string, change: Partial<PythonPackage> = {}): PythonPackage => {
    const file = files.get(`${name}-${version}-py3-none-any.whl`);
    if (file === undefined) throw new Error(`${name} is not published`);
    return aWheel(name, version, {
      file: { url: file.url, sha256: file.sha256 as Sha256, size: file.bytes.length },
      ...change,
    });
  };
  const { stdout } = await run('python3', ['-c', 'import platform; print(platform.python_version())']);
  python = stdout.trim();
  const target = aTarget({
    interpreter: { ...aTarget().interpreter, version: python },
    python: {
      indexes: [`${server.url}/simple`],
      packages: [
        locked('app', '1.0', { requires: ['lib>=1'] }),
        locked('direct', '1.0', {
          asked: [`requirements.txt:1: direct @ ${files.get('direct-1.0-py3-none-any.whl')?.url}`],
        }),
        locked('lib', '1.5'),
      ],
    },
  });
  const platform = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64';
  input = { lock: aLock({}, target), platform, target, name: 'model' };
});
afterAll(async () => {
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

async function write(folder: string, name: string, text: string): Promise<string> {
  await mkdir(join(directory, folder), { recursive: true });
  await writeFile(join(directory, folder, name), text);
  return join(directory, folder, name);
}

async function installed(target: string): Promise<readonly string[]> {
  return (await readdir(target)).filter((name) => name.endsWith('.dist-info')).sort();
}

const LOCKED = ['app-1.0.dist-info', 'direct-1.0.dist-info', 'lib-1.5.dist-info'];

test('pip installs the locked files from the requirements, and refuses another file', async () => {
  const file = await write('pip', 'locked.txt', exportRequirements(input));
  const target = join(directory, 'pip/site');
  const pip = (path: string): Promise<unknown> =>
    run('python3', ['-m', 'pip', 'install', '-q', '--require-hashes', '--target', target, '-r', path], {
      env: environment,
    });
  await pip(file);
  expect(await installed(target)).toEqual(LOCKED);
  const text = exportRequirements(input).replace(/sha256:[0-9a-f]{64}/, `sha256:${'0'.repeat(64)}`);
  await expect(pip(await write('pip', 'wrong.txt', text))).rejects.toThrow(/THESE PACKAGES DO NOT MATCH THE HASHES/);
});

test.each([
  ['locked.txt', () => exportRequirements(input)],
  ['pylock.toml', () => exportPylock(input)],
])('uv installs the locked files from %s', async (name, text) => {
  const file = await write('uv', name, text());
  const target = join(directory, `uv/${name}-site`);
  await run(uv, ['pip', 'install', '-q', '--no-config', '--python', 'python3', '--target', target, '-r', file], {
    env: environment,
  });
  expect(await installed(target)).toEqual(LOCKED);
});

test('what was exported is read as what was locked', async () => {
  await write('again', 'pylock.toml', exportPylock(input));
  await write('again', 'locked.txt', exportRequirements(input));
  await write('again', 'cog.yaml', 'build:\n  python_version: "3.11"\n  python_requirements: pylock.toml\n');
  await write('again', 'other.yaml', 'build:\n  python_version: "3.11"\n  python_requirements: locked.txt\n');
  const hashes = input.target.python.packages.map(({ name, file }) => [name, [`sha256:${file.sha256}`]]);
  for (const file of ['cog.yaml', 'other.yaml']) {
    const { requirements } = await readSpec(join(directory, 'again'), { file });
    expect(requirements.requirements.map((line) => [line.name, line.hashes])).toEqual(hashes);
    expect(requirements.indexUrl?.value).toBe(`${server.url}/simple`);
  }
});
