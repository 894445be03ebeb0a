import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publishPython, pythonsOfMachine } from '../builders/standalone-python.ts';
import { type HttpTestServer, startHttpServer } from '../servers/http-server.ts';
import { cogplan, cogplanJson, type Receipt, readLock } from './cogplan.ts';

const VERSIONS = pythonsOfMachine().filter((name) => /^3\.(?:7|8|10|12)\./.test(name));

const PREDICT = `
import sys
from cog import BasePredictor
class Predictor(BasePredictor):
    def predict(self) -> str:
        import six
        return " ".join([sys.version.split()[0], six.__file__, sys.executable])
`;

let directory: string;
let server: HttpTestServer;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-python-'));
  server = await startHttpServer();
});
afterAll(async () => {
  await server?.close();
  rmSync(directory, { recursive: true, force: true });
});

function aProject(name: string, python: string, settings: string): string {
  const project = join(directory, name);
  mkdirSync(project);
  writeFileSync(
    join(project, 'cog.yaml'),
    `build:\n  python_version: "${python}"\n  python_requirements: requirements.txt\n  system_packages: [libffi8, libsqlite3-0, libssl3, libuuid1]\npredict: predict.py:Predictor\n`,
  );
  writeFileSync(join(project, 'requirements.txt'), 'six==1.16.0\n');
  writeFileSync(join(project, 'predict.py'), PREDICT);
  writeFileSync(join(project, 'cogplan.yaml'), settings);
  return project;
}

describe('a Python that Debian does not have', () => {
  it('is there to be tried', () => {
    expect(VERSIONS.length).toBeGreaterThan(0);
  });

  it.each(VERSIONS)('%s locks, applies the same twice, and predicts', async (version) => {
    const { url, sha256 } = publishPython(server, directory, version);
    const settings = `interpreter:\n  builds:\n    - {python: "${version}", url: "${url}", sha256: ${sha256}}\n`;
    const minor = version.split('.').slice(0, 2).join('.');
    const project = aProject(version, minor, settings);
    await cogplanJson(['lock', '--yes', project]);
    const { interpreter, system, base } = readLock(project).targets['linux/amd64'] ?? {};
    expect(base).toMatchObject({ suite: 'bookworm' });
    expect(interpreter).toMatchObject({
      version,
      provider: 'standalone',
      path: `/usr/local/bin/python${minor}`,
      modules: `usr/local/lib/python${minor}/site-packages`,
      file: { url, sha256 },
    });
    expect(system?.packages.filter(({ group }) => group === 'interpreter')).toEqual([]);
    const { imageId, layers } = await cogplanJson<Receipt>(['apply', project]);
    expect(layers.map(({ layer }) => layer)).toEqual(expect.arrayContaining(['interpreter', 'bytecode/interpreter']));
    // Built again from the locked blobs alone.
    const audited = await cogplan(['audit', project]);
    expect(audited.status, audited.stderr).toBe(0);
    expect((await cogplanJson<Receipt>(['apply', '--offline', project])).imageId).toBe(imageId);
    const { output } = await cogplanJson<{ output: string }>(['predict', project]);
    const places = `/usr/local/lib/python${minor}/site-packages/six.py /usr/local/bin/python`;
    expect(output).toContain(`${version} ${places}`);
  });

  it('that nobody builds is answered with the versions that there are', async () => {
    const project = aProject('none', '3.10.99', '');
    const { status, stderr } = await cogplan(['lock', '--yes', project]);
    expect(status).toBe(1);
    expect(stderr).toContain('COGPLAN_PYTHON_UNAVAILABLE');
    expect(stderr).toMatch(/"3\.10", or one of 3\.10\.0, .*3\.10\.14/);
  });

  it('that is something else is refused', async () => {
    const path = '/builds/other.tar.gz';
    const archive = join(directory, 'other.tar.gz');
    writeFileSync(join(directory, 'readme'), 'x');
    execFileSync('tar', ['-C', directory, '-czf', archive, 'readme']);
    const bytes = readFileSync(archive);
    server.answer(path, { body: bytes });
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const url = `${server.url}${path}`;
    const project = aProject(
      'other',
      '3.10.1',
      `interpreter: {builds: [{python: "3.10.1", url: "${url}", sha256: ${sha256}}]}\n`,
    );
    await cogplanJson(['lock', '--yes', project]);
    const { status, stderr } = await cogplan(['apply', project]);
    expect(status).toBe(1);
    expect(stderr).toContain('COGPLAN_INTERPRETER_INVALID');
  });

  it('is fetched from the mirror that the project names, and has to have the known hash', async () => {
    server.answer('/mirror/20240415/cpython-3.10.14+20240415-x86_64-unknown-linux-gnu-install_only.tar.gz', {
      body: 'x',
    });
    const project = aProject('mirror', '3.10', `interpreter: {mirror: "${server.url}/mirror"}\n`);
    const { status, stderr } = await cogplan(['lock', '--yes', project]);
    expect(status).toBe(1);
    expect(server.requests.some(({ path }) => path.startsWith('/mirror/20'))).toBe(true);
    expect(stderr).toContain('interpreter.mirror');
  });
});
