import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ImageBase } from '../../src/lock/schema.generated.ts';
import { formatLock } from '../../src/lock/write-lock.ts';
import { buildImage, file, layerTar, putImage } from '../builders/registry-image.ts';
import { publishPython, pythonsOfMachine } from '../builders/standalone-python.ts';
import { type FaultProxy, startFaultProxy } from '../servers/fault-proxy.ts';
import { startHttpServer } from '../servers/http-server.ts';
import { ACCOUNT, type RegistryTestServer, startRegistry } from '../servers/registry.ts';
import { applyFresh, cogplan, cogplanJson, copyExample, inDirectory, type Receipt, readLock } from './cogplan.ts';

/*
 * Projects that stand on an image of a registry, whole commands: the base is an image that cogplan made and pushed itself, with a
 * real Debian and a real Python in it.
 */

const HALF_AN_HOUR = 1_800_000;
const GIGABYTES_5 = 5_000_000_000;
const PYTHON = 'build:\n  python_version: "3.11"\n';

interface PushReceipt extends Receipt {
  readonly pushes: readonly { readonly sent: number; readonly saved: number; readonly manifestDigest: string }[];
}

let registry: RegistryTestServer;
let proxy: FaultProxy;

beforeAll(async () => {
  registry = await startRegistry();
  proxy = await startFaultProxy(registry.port);
  await inDirectory(async (directory) => {
    const project = copyExample('hello-world', directory);
    await applyFresh(project);
    const pushed = await cogplan(['apply', project, '-o', `registry:${proxy.host}/team/base:1`]);
    expect(pushed.stderr).not.toContain('error');
    expect(pushed.status).toBe(0);
  });
}, HALF_AN_HOUR);

afterAll(async () => {
  await proxy.close();
  await registry.stop();
});

/** The example, on the base. */
function onBase(directory: string, base = `${proxy.host}/team/base:1`): string {
  const project = copyExample('hello-world', directory);
  rmSync(join(project, 'cogplan.lock'), { force: true });
  writeFileSync(join(project, 'cogplan.yaml'), `base: ${base}\n`);
  return project;
}

function baseOf(project: string): ImageBase {
  const base = readLock(project).targets['linux/amd64']?.base;
  if (base?.kind !== 'image') throw new Error('no image base');
  return base;
}

test(
  'is locked by digest, built on, run, and pushed without a byte of the base',
  () =>
    inDirectory(async (directory) => {
      const project = onBase(directory);
      await cogplanJson(['lock', project, '--yes']);
      const base = baseOf(project);
      expect(base).toMatchObject({
        image: `${proxy.host}/team/base:1`,
        created: '1980-01-01T00:00:01Z',
        facts: { distribution: 'debian', release: '12', glibc: '2.36', mergedUsr: true },
      });
      // For hosts without bubblewrap; where it came from is proved as for every .deb.
      const { tools } = readLock(project);
      expect(tools.flatMap(({ name, host }) => (host === 'linux/amd64' ? [name] : []))).toContain('bubblewrap');
      const trust = await cogplan(['audit', '--trust', project]);
      expect([trust.status, trust.stdout]).toEqual([0, expect.stringMatching(/All \d+ Debian packages/)]);
      // In step, without a request.
      const before = proxy.requests.length;
      expect((await cogplan(['lock', '--check', project])).status).toBe(0);
      await cogplanJson(['lock', project, '--yes', '--offline']);
      expect(proxy.requests.length).toBe(before);

      const name = `${proxy.host}/team/model:1`;
      const receipt = await cogplanJson<PushReceipt>(['apply', project, '-o', `registry:${name}`]);
      expect(receipt.layers.slice(0, base.layers.length).map(({ diffId }) => diffId)).toEqual(
        base.layers.map(({ diffId }) => diffId),
      );
      const layers = base.layers.map((layer) => layer.file.sha256);
      const finished = proxy.requests
        .slice(before)
        .filter(({ method, path }) => method === 'PUT' && path.includes('/blobs/'));
      expect(finished.length).toBeGreaterThan(0);
      expect(finished.filter(({ path }) => layers.some((layer) => path.includes(layer)))).toEqual([]);
      // Not by the proxy, which lives in this process and would be waited for.
      const source = `docker://${registry.host}/team/model:1`;
      const out = join(directory, 'copied');
      const copy = spawnSync('skopeo', ['copy', '--src-tls-verify=false', source, `dir:${out}`], {
        encoding: 'utf8',
      });
      expect([copy.status, copy.stderr]).toEqual([0, '']);

      // The receipt went along, and the image is what the lock says.
      const same = await cogplan(['diff', '--detailed-exitcode', project, `registry:${name}`]);
      expect([same.status, same.stderr]).toEqual([0, '']);
      expect(await cogplan(['audit', project, '--image', name])).toMatchObject({ status: 0 });
      const pushedBase = `${proxy.host}/team/base:1`;
      const different = await cogplan(['diff', '--detailed-exitcode', `registry:${pushedBase}`, project]);
      expect([different.status, different.stdout]).toEqual([2, expect.stringContaining('team/base:1')]);
      const audited = await cogplan(['audit', project, '--image', pushedBase]);
      expect([audited.status, audited.stdout]).toEqual([2, expect.stringMatching(/differs {3}cog\n/)]);
      expect(audited.stdout).toContain('config.Cmd');

      const { stdout } = await cogplan(['predict', project, '-i', 'text=Ada']);
      expect(stdout.trim()).toBe('hello Ada');

      const layout = join(directory, 'layout');
      const again = await cogplanJson<Receipt>(['apply', project, '-o', `oci:${layout}`]);
      expect(again.imageId).toBe(receipt.imageId);
      expect(spawnSync('skopeo', ['copy', `oci:${layout}:latest`, `dir:${join(directory, 'second')}`]).status).toBe(0);
      expect((await cogplan(['diff', '--detailed-exitcode', `oci:${layout}`, project])).status).toBe(0);
      expect((await cogplan(['audit', project])).status).toBe(0);
    }),
  HALF_AN_HOUR,
);

test(
  'of five gigabytes: an edited file costs less than a megabyte to push, and nothing of the base is read',
  () =>
    inDirectory(async (directory) => {
      const project = onBase(directory);
      await cogplanJson(['lock', project, '--yes']);
      // A layer that is in the registry and nowhere else, and that nothing could read in time.
      const hash = '5'.repeat(64);
      const data = join(registry.storage, 'docker/registry/v2');
      mkdirSync(join(data, `blobs/sha256/55/${hash}`), { recursive: true });
      writeFileSync(join(data, `blobs/sha256/55/${hash}/data`), '');
      truncateSync(join(data, `blobs/sha256/55/${hash}/data`), GIGABYTES_5);
      const link = join(data, `repositories/team/base/_layers/sha256/${hash}`);
      mkdirSync(link, { recursive: true });
      writeFileSync(join(link, 'link'), `sha256:${hash}`);
      const lock = structuredClone(readLock(project)) as { targets: Record<string, { base: { layers: unknown[] } }> };
      lock.targets['linux/amd64']?.base.layers.unshift({
        file: { url: `oci://${proxy.host}/team/base@sha256:${hash}`, sha256: hash, size: GIGABYTES_5 },
        compression: 'none',
        diffId: `sha256:${hash}`,
        size: GIGABYTES_5,
      });
      writeFileSync(join(project, 'cogplan.lock'), formatLock(lock as never));

      const push = () =>
        cogplanJson<PushReceipt>(['apply', project, '--no-bytecode', '-o', `registry:${proxy.host}/team/large:1`]);
      const first = proxy.requests.length;
      await push();
      const mounted = proxy.requests.slice(first).filter(({ path }) => path.includes(`mount=sha256%3A${hash}`));
      expect(mounted).toHaveLength(1);

      appendFileSync(join(project, 'predict.py'), '\n# edited\n');
      const before = proxy.requests.length;
      const start = performance.now();
      const { pushes } = await push();
      console.log(`pushed an edited file on a base of 5 GB in ${((performance.now() - start) / 1000).toFixed(2)} s`);
      const requests = proxy.requests.slice(before);
      const sum = (key: 'sent' | 'received'): number => requests.reduce((total, request) => total + request[key], 0);
      expect(sum('sent')).toBeLessThan(1_000_000);
      expect(sum('received')).toBeLessThan(100_000);
      expect(requests.filter(({ method, path }) => method === 'GET' && path.includes('/blobs/sha256'))).toEqual([]);
      expect(pushes[0]?.saved).toBeGreaterThan(GIGABYTES_5);
    }),
  HALF_AN_HOUR,
);

test(
  'is read from the mirror that the project names, and keeps its public name',
  () =>
    inDirectory(async (directory) => {
      const project = onBase(directory, 'registry.example/team/base:1');
      appendFileSync(join(project, 'cogplan.yaml'), `mirrors: {registry.example: "http://${proxy.host}/"}\n`);
      await cogplanJson(['lock', project, '--yes']);
      const { image, layers } = baseOf(project);
      expect(image).toBe('registry.example/team/base:1');
      expect(layers.every(({ file }) => file.url.startsWith('oci://registry.example/team/base@'))).toBe(true);
      await cogplanJson(['apply', project, '-o', `oci:${join(directory, 'layout')}`]);
    }),
  HALF_AN_HOUR,
);

test(
  'of another Python brings a standalone one on top, which predicts beside the base’s own',
  () =>
    inDirectory(async (directory) => {
      const version = pythonsOfMachine().find((name) => name.startsWith('3.12.'));
      if (version === undefined) throw new Error('no Python 3.12 on this machine');
      const server = await startHttpServer();
      try {
        const { url, sha256 } = publishPython(server, directory, version);
        const project = onBase(directory);
        const builds = `interpreter: {builds: [{python: "${version}", url: "${url}", sha256: ${sha256}}]}\n`;
        appendFileSync(join(project, 'cogplan.yaml'), builds);
        writeFileSync(join(project, 'requirements.txt'), 'six==1.16.0\n');
        const build = 'build:\n  python_version: "3.12"\n  python_requirements: requirements.txt\n';
        writeFileSync(join(project, 'cog.yaml'), `${build}  system_packages: [jq]\nrun: "predict.py:Predictor"\n`);
        const model = [
          'import subprocess, sys',
          'from cog import BasePredictor',
          'class Predictor(BasePredictor):',
          '    def predict(self) -> str:',
          '        import six, ssl, sqlite3',
          '        programs = "python -V; python3 -V; /usr/bin/python3 -V; jq --version"',
          '        said = subprocess.run(programs, shell=True, text=True, stdout=-1, stderr=-2).stdout.split("\\n")',
          '        return ", ".join([sys.version.split()[0], six.__file__, six.__cached__, *said])',
        ];
        writeFileSync(join(project, 'predict.py'), `${model.join('\n')}\n`);
        await cogplanJson(['lock', project, '--yes']);
        expect(readLock(project).targets['linux/amd64']?.interpreter).toMatchObject({
          version,
          provider: 'standalone',
          path: '/usr/local/bin/python3.12',
          modules: 'usr/local/lib/python3.12/site-packages',
          file: { url, sha256 },
          why: expect.stringContaining('has Python 3.11'),
        });
        const { imageId, layers } = await cogplanJson<Receipt>(['apply', project]);
        const names = layers.map(({ layer }) => layer);
        expect(names).toEqual(expect.arrayContaining(['interpreter', 'python', 'bytecode/interpreter']));
        expect((await cogplan(['audit', project])).status).toBe(0);
        expect((await cogplanJson<Receipt>(['apply', '--offline', project])).imageId).toBe(imageId);
        const { output } = await cogplanJson<{ output: string }>(['predict', project]);
        const modules = '/usr/local/lib/python3.12/site-packages';
        const places = `${modules}/six.py, ${modules}/__pycache__/six.cpython-312.pyc`;
        const programs = `Python ${version}, Python ${version}, Python 3.11.2, jq-1.6, `;
        expect(output).toBe(`${version}, ${places}, ${programs}`);
      } finally {
        await server.close();
      }
    }),
  HALF_AN_HOUR,
);

test(
  'takes system packages, resolved on top of what it has, and dpkg in the image agrees',
  () =>
    inDirectory(async (directory) => {
      const project = onBase(directory);
      const packages = ['jq', 'vim-tiny', 'openssh-client'].map((name) => `    - ${name}\n`).join('');
      writeFileSync(join(project, 'cog.yaml'), `${PYTHON}  system_packages:\n${packages}run: "predict.py:Predictor"\n`);
      const model = [
        'import subprocess',
        'from cog import BasePredictor',
        'class Predictor(BasePredictor):',
        '    def predict(self, command: str) -> str:',
        '        return subprocess.run(command, shell=True, text=True, stdout=-1, stderr=-2).stdout',
      ];
      writeFileSync(join(project, 'predict.py'), `${model.join('\n')}\n`);
      await cogplanJson(['lock', project, '--yes']);
      const names = readLock(project).targets['linux/amd64']?.system.packages.map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining(['jq', 'libjq1', 'libonig5', 'openssh-client', 'vim-tiny']));
      expect(names).not.toContain('libc6');
      const run = async (command: string): Promise<string> => {
        const { stdout, stderr, status } = await cogplan(['predict', project, '-i', `command=${command}`]);
        expect([status, stderr.includes('error:')]).toEqual([0, false]);
        return stdout.trim();
      };
      expect(await run('echo {\\"a\\":7} | jq .a')).toBe('7');
      const checks = [
        'dpkg --audit',
        'dpkg -V jq vim-tiny openssh-client',
        'readlink -f /usr/bin/editor',
        'grep -c ^_ssh: /etc/group',
      ];
      expect(await run(checks.join('; '))).toBe('/usr/bin/vim.tiny\n1');
    }),
  HALF_AN_HOUR,
);

test(
  'a tag that moved is a line of the plan, and moves nothing before an upgrade',
  () =>
    inDirectory(async (directory) => {
      const copied = (to: string): void => {
        const from = `docker://${registry.host}/team/base:1`;
        const tls = ['--src-tls-verify=false', '--dest-tls-verify=false'];
        const { status, stderr } = spawnSync('skopeo', ['copy', ...tls, from, `docker://${registry.host}/${to}`]);
        if (status !== 0) throw new Error(String(stderr));
      };
      copied('team/moving:1');
      const project = onBase(directory, `${proxy.host}/team/moving:1`);
      await cogplanJson(['lock', project, '--yes']);
      const { tagged } = baseOf(project);

      const other = copyExample('hello-world', join(directory, 'other'));
      appendFileSync(join(other, 'predict.py'), '\n# newer\n');
      await cogplanJson(['apply', other, '-o', `registry:${proxy.host}/team/moving:1`]);
      await cogplanJson(['lock', project, '--yes']);
      expect(baseOf(project).tagged).toBe(tagged);

      const plan = await cogplan(['plan', project, '--upgrade']);
      expect(plan.stdout).toContain('the tag moved');
      expect(plan.stdout).toContain(`${tagged.slice(0, 19)}`);
      await cogplanJson(['lock', project, '--upgrade', '--yes']);
      expect(baseOf(project).tagged).not.toBe(tagged);
    }),
  HALF_AN_HOUR,
);

describe('is refused', () => {
  async function refusal(
    project: string,
    env: Record<string, string> = {},
  ): Promise<{ code: string; message: string }> {
    const { status, stdout } = await cogplan(['lock', project, '--yes', '--json'], { env });
    expect(status).toBe(1);
    return (JSON.parse(stdout) as { error: { code: string; message: string } }).error;
  }

  test(
    'without the Python that is asked for, without glibc, without credentials',
    () =>
      inDirectory(async (directory) => {
        const project = onBase(directory);
        writeFileSync(join(project, 'cog.yaml'), 'build:\n  python_version: "3.11.99"\n');
        expect(await refusal(project)).toMatchObject({
          code: 'COGPLAN_PYTHON_UNAVAILABLE',
          message: expect.stringContaining('no build of Python 3.11.99'),
        });

        const bare = buildImage([
          layerTar([
            file('etc/os-release', 'ID="rocky"\nVERSION_ID="9.4"\n'),
            file('usr/lib64/libc.so.6', 'GNU C Library (GNU libc) stable release version 2.34.'),
            file('usr/local/bin/python3.11', 'ELF', 0o755),
            file('usr/local/include/python3.11/patchlevel.h', '#define PY_VERSION "3.11.9"'),
          ]),
        ]);
        await putImage(registry.host, 'team/bare:1', bare);
        writeFileSync(join(project, 'cogplan.yaml'), `base: ${registry.host}/team/bare:1\n`);
        writeFileSync(join(project, 'cog.yaml'), 'build:\n  python_version: "3.11.8"\n');
        expect(await refusal(project)).toMatchObject({
          code: 'COGPLAN_PYTHON_UNAVAILABLE',
          message: expect.stringContaining('has 3.11.9 in /usr/local'),
        });
        writeFileSync(join(project, 'cog.yaml'), `${PYTHON}  system_packages:\n    - jq\n`);
        expect(await refusal(project)).toMatchObject({ code: 'COGPLAN_BASE_UNSUPPORTED' });

        const musl = buildImage([layerTar([file('lib/ld-musl-x86_64.so.1', 'ELF')])]);
        await putImage(registry.host, 'team/musl:1', musl);
        writeFileSync(join(project, 'cogplan.yaml'), `base: ${registry.host}/team/musl:1\n`);
        expect(await refusal(project)).toMatchObject({ code: 'COGPLAN_BASE_UNUSABLE' });

        const closed = await startRegistry({ auth: 'password', root: registry.storage });
        try {
          writeFileSync(join(project, 'cogplan.yaml'), `base: ${closed.host}/team/base:1\n`);
          writeFileSync(join(project, 'cog.yaml'), PYTHON);
          const env = { DOCKER_CONFIG: join(directory, 'docker') };
          expect(await refusal(project, env)).toMatchObject({ code: 'COGPLAN_REGISTRY_AUTH' });
          mkdirSync(env.DOCKER_CONFIG);
          const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64');
          writeFileSync(join(env.DOCKER_CONFIG, 'config.json'), JSON.stringify({ auths: { [closed.host]: { auth } } }));
          const { status } = await cogplan(['lock', project, '--yes'], { env });
          expect(status).toBe(0);
        } finally {
          await closed.stop();
        }
      }),
    HALF_AN_HOUR,
  );

  test('with a name that is none', () =>
    inDirectory(async (directory) => {
      const project = onBase(directory, 'Not/An Image');
      expect(await refusal(project)).toMatchObject({ code: 'COGPLAN_REFERENCE_INVALID' });
    }));
});
