import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildImage, deriveImage, directory, file, layerTar, putImage, symlink } from '../builders/registry-image.ts';
import { publishPython, pythonsOfMachine } from '../builders/standalone-python.ts';
import { makeDeb, makeKey, publishFlat, publishSuite } from '../servers/debian-archive.ts';
import { startHttpServer, TLS_DIRECTORY } from '../servers/http-server.ts';
import { type RegistryTestServer, startRegistry } from '../servers/registry.ts';
import { applyFresh, cogplan, cogplanJson, copyExample, inDirectory, type Receipt, readLock } from './cogplan.ts';

/* Bases of all kinds: with a user and an entry point of their own, with zstd layers, without certificates, without a distribution. */

const HALF_AN_HOUR = 1_800_000;
const BUNDLE = '/etc/ssl/certs/ca-certificates.crt';

let registry: RegistryTestServer;
/** Files of the base. */
const texts = { status: '', bundle: '' };

beforeAll(async () => {
  registry = await startRegistry();
  await inDirectory(async (place) => {
    const project = copyExample('hello-world', place);
    await applyFresh(project);
    const pushed = await cogplan(['apply', project, '-o', `registry:${registry.host}/team/base:1`]);
    expect(pushed.status, pushed.stderr).toBe(0);
    const read = async (path: string): Promise<string> =>
      (await cogplan(['exec', '--project', project, '-q', 'cat', path])).stdout;
    texts.status = await read('/var/lib/dpkg/status');
    texts.bundle = await read(BUNDLE);
    expect(texts.status).toContain('Package: ca-certificates\n');
  });
}, HALF_AN_HOUR);
afterAll(() => registry.stop());

const MODEL = [
  'import os, ssl, subprocess, urllib.request',
  'from cog import BasePredictor',
  'class Predictor(BasePredictor):',
  '    def predict(self, command: str = "", url: str = "") -> str:',
  '        if url:',
  '            return urllib.request.urlopen(url).read().decode()',
  '        return subprocess.run(command, shell=True, text=True, stdout=-1, stderr=-2).stdout',
  '',
].join('\n');

function onBase(place: string, tag: string, python = '3.11'): string {
  const project = copyExample('hello-world', place);
  rmSync(join(project, 'cogplan.lock'), { force: true });
  writeFileSync(join(project, 'cogplan.yaml'), `base: ${registry.host}/team/${tag}\n`);
  writeFileSync(join(project, 'cog.yaml'), `build:\n  python_version: "${python}"\npredict: "predict.py:Predictor"\n`);
  writeFileSync(join(project, 'predict.py'), MODEL);
  return project;
}

async function predict(project: string, input: string): Promise<string> {
  const { stdout, stderr, status } = await cogplan(['predict', project, '-i', input]);
  expect(status, stderr).toBe(0);
  return stdout.trim();
}

test(
  'what a base runs and as whom is not the model’s: server, root, and no health check; its environment stays',
  () =>
    inDirectory(async (place) => {
      await deriveImage(registry.host, 'team/base:1', 'own', {
        members: [file('opt/from-zstd.txt', 'inflated\n')],
        compression: 'zstd',
        configure: (config) => {
          Object.assign(config, {
            User: 'nobody',
            Entrypoint: ['/opt/entrypoint.sh'],
            Cmd: ['bash'],
            WorkingDir: '/workspace',
            Healthcheck: { Test: ['CMD', '/bin/false'] },
            Volumes: { '/data': {} },
            StopSignal: 'SIGQUIT',
          });
          (config.Env as string[]).push('NVIDIA_REQUIRE_CUDA=cuda>=12.4', 'OWN=kept', 'PYTHONUNBUFFERED=0');
        },
      });
      const project = onBase(place, 'base:own');
      await cogplanJson(['lock', project, '--yes']);
      const layout = join(place, 'layout');
      await cogplanJson<Receipt>(['apply', project, '-o', `oci:${layout}`]);
      const shown = spawnSync('skopeo', ['inspect', '--config', `oci:${layout}`], { encoding: 'utf8' });
      const { config } = JSON.parse(shown.stdout) as { config: Record<string, unknown> };
      expect(Object.keys(config).sort()).toEqual(['Cmd', 'Entrypoint', 'Env', 'ExposedPorts', 'Labels', 'WorkingDir']);
      expect(config).toMatchObject({ Entrypoint: ['/sbin/tini', '--'], WorkingDir: '/src' });
      expect(config.Env).toEqual(
        expect.arrayContaining(['NVIDIA_REQUIRE_CUDA=cuda>=12.4', 'OWN=kept', 'PYTHONUNBUFFERED=1']),
      );
      expect(await predict(project, 'command=id -u; pwd; echo $OWN; cat /opt/from-zstd.txt')).toBe(
        '0\n/src\nkept\ninflated',
      );
    }),
  HALF_AN_HOUR,
);

test(
  'HTTPS from the image trusts what the base trusts, by its own Python and by a standalone one',
  () =>
    inDirectory(async (place) => {
      const version = pythonsOfMachine().find((name) => name.startsWith('3.12.'));
      if (version === undefined) throw new Error('no Python 3.12 on this machine');
      const authority = readFileSync(join(TLS_DIRECTORY, 'ca.pem'), 'utf8');
      await deriveImage(registry.host, 'team/base:1', 'trusting', {
        members: [file(BUNDLE.slice(1), `${texts.bundle}${authority}`)],
        compression: 'gzip',
      });
      const [server, builds] = [await startHttpServer({ https: true }), await startHttpServer()];
      try {
        server.answer('/x', { body: 'seen' });
        const published = publishPython(builds, place, version);
        const project = onBase(place, 'base:trusting', '3.12');
        appendFileSync(
          join(project, 'cogplan.yaml'),
          `interpreter: {builds: [{python: "${version}", url: "${published.url}", sha256: ${published.sha256}}]}\n`,
        );
        await cogplanJson(['lock', project, '--yes']);
        const target = readLock(project).targets['linux/amd64'];
        expect(target?.base).toMatchObject({ facts: { certificates: BUNDLE } });
        expect(target?.image.env).toContain(`SSL_CERT_FILE=${BUNDLE}`);
        expect(await predict(project, `url=${server.url}/x`)).toBe('seen');
        const refused = await cogplan(['predict', onBase(join(place, 'plain'), 'base:1'), '-i', `url=${server.url}/x`]);
        expect(refused.status).not.toBe(0);
      } finally {
        await server.close();
        await builds.close();
      }
    }),
  HALF_AN_HOUR,
);

test(
  'a base without certificates gets those of its distribution, and those that were added to it stay trusted',
  () =>
    inDirectory(async (place) => {
      const without = texts.status
        .split(/\n{2,}/)
        .filter((paragraph) => !/^Package: ca-certificates$/m.test(paragraph))
        .join('\n\n');
      const authority = readFileSync(join(TLS_DIRECTORY, 'ca.pem'), 'utf8');
      await deriveImage(registry.host, 'team/base:1', 'bare', {
        members: [
          file('etc/ssl/certs/.wh..wh..opq', ''),
          file('etc/.wh.ca-certificates.conf', ''),
          file('usr/share/.wh.ca-certificates', ''),
          directory('usr/local/share/ca-certificates'),
          file('usr/local/share/ca-certificates/own.crt', authority),
          file('var/lib/dpkg/status', without),
        ],
        compression: 'gzip',
      });
      const server = await startHttpServer({ https: true });
      try {
        server.answer('/x', { body: 'seen' });
        const project = onBase(place, 'base:bare');
        await cogplanJson(['lock', project, '--yes']);
        const { system } = readLock(project).targets['linux/amd64'] ?? {};
        expect(system?.packages.map(({ name, asked }) => [name, asked])).toEqual([['ca-certificates', undefined]]);
        expect((await cogplan(['lock', '--check', project])).status).toBe(0);
        expect(await predict(project, `url=${server.url}/x`)).toBe('seen');
        const checks = `grep -c BEGIN ${BUNDLE}; dpkg --audit; ls /etc/ssl/certs | grep -c '^[0-9a-f]*[.]0$'`;
        const [certificates = 0, links = 0] = (await predict(project, `command=${checks}`)).split('\n').map(Number);
        expect(certificates).toBeGreaterThan(100);
        expect(links).toBeGreaterThan(100);
      } finally {
        await server.close();
      }
    }),
  HALF_AN_HOUR,
);

test(
  'a base of Ubuntu takes packages from the archives that it names, each by its key: its own, and NVIDIA’s flat one',
  () =>
    inDirectory(async (place) => {
      const who = { Maintainer: 'Test <test@test.example>', Description: 'a test' };
      const [own, nvidia] = [await makeKey(), await makeKey()];
      const server = await startHttpServer();
      try {
        const postinst = '#!/bin/sh\nset -e\nmkdir -p /var/lib/tool\n';
        const named = { files: { 'usr/share/tool/text': 'of Ubuntu\n' }, scripts: { postinst } };
        const newer = await makeDeb({ name: 'tool', version: '9', files: { 'usr/share/tool/text': 'backported\n' } });
        await publishSuite(server, {
          root: '/ubuntu',
          suite: 'noble',
          debs: [await makeDeb({ name: 'tool', fields: { Depends: 'libc6 (>= 2.17)', ...who }, ...named })],
          keys: [own],
        });
        await publishSuite(server, {
          root: '/ubuntu',
          suite: 'noble-backports',
          debs: [newer],
          keys: [own],
          edit: (release) => release.replace('SHA256:', 'NotAutomatic: yes\nSHA256:'),
        });
        const cuda = { name: 'cuda-tool', version: '12.4', fields: { Depends: 'tool', ...who } };
        await publishFlat(server, {
          root: '/cuda/repos/ubuntu2404/x86_64',
          debs: [await makeDeb({ ...cuda, files: { 'usr/local/cuda/text': 'of NVIDIA\n' } })],
          key: nvidia,
        });
        const sources = `Types: deb\nURIs: ${server.url}/ubuntu/\nSuites: noble noble-backports\nComponents: main\nSigned-By: /usr/share/keyrings/ubuntu.asc\n`;
        await deriveImage(registry.host, 'team/base:1', 'ubuntu', {
          members: [
            file('etc/os-release', 'ID=ubuntu\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n'),
            file('etc/apt/sources.list.d/.wh..wh..opq', ''),
            file('etc/apt/sources.list.d/ubuntu.sources', sources),
            file(
              'etc/apt/sources.list.d/cuda-ubuntu2404-x86_64.list',
              `deb [signed-by=/usr/share/keyrings/cuda.asc] ${server.url}/cuda/repos/ubuntu2404/x86_64/ /\n`,
            ),
            file('usr/share/keyrings/ubuntu.asc', own.armored),
            file('usr/share/keyrings/cuda.asc', nvidia.armored),
          ],
          compression: 'gzip',
        });
        const project = onBase(place, 'base:ubuntu');
        writeFileSync(
          join(project, 'cog.yaml'),
          'build:\n  python_version: "3.11"\n  system_packages: [cuda-tool]\npredict: "predict.py:Predictor"\n',
        );
        await cogplanJson(['lock', project, '--yes']);
        const { base, system } = readLock(project).targets['linux/amd64'] ?? {};
        expect(base).toMatchObject({ facts: { distribution: 'ubuntu', suite: 'noble' } });
        expect(system?.packages.map(({ name, version }) => `${name} ${version}`)).toEqual(['cuda-tool 12.4', 'tool 1']);
        expect(
          system?.archives.flatMap(({ suite, key }) => (key === undefined ? [] : [`${suite} ${key.url}`])),
        ).toEqual([
          '/ base:/usr/share/keyrings/cuda.asc',
          'noble base:/usr/share/keyrings/ubuntu.asc',
          'noble-backports base:/usr/share/keyrings/ubuntu.asc',
        ]);
        const said = await predict(
          project,
          'command=cat /usr/local/cuda/text /usr/share/tool/text; dpkg -V tool; ls -d /var/lib/tool',
        );
        expect(said).toBe('of NVIDIA\nof Ubuntu\n/var/lib/tool');
        await server.close();
        // From the store alone, by the keys that the lock names.
        const trust = await cogplan(['audit', '--trust', project]);
        expect([trust.status, trust.stdout]).toEqual([0, expect.stringMatching(/All \d+ Debian packages/)]);
      } finally {
        await server.close().catch(() => {});
      }
    }),
  HALF_AN_HOUR,
);

test(
  'bases that nothing can stand on are refused, each for its reason',
  () =>
    inDirectory(async (place) => {
      const kinds = {
        alpine: [file('lib/ld-musl-x86_64.so.1', 'ELF'), file('etc/os-release', 'ID=alpine\nVERSION_ID=3.20\n')],
        scratch: [file('hello', 'ELF', 0o755)],
        apart: [
          file('etc/os-release', 'ID=debian\nVERSION_ID="11"\nVERSION_CODENAME=bullseye\n'),
          directory('bin'),
          directory('usr/bin'),
          file('lib/x86_64-linux-gnu/libc.so.6', 'GNU C Library (Debian GLIBC 2.31-13) stable release version 2.31.'),
          file('usr/bin/python3.9', 'ELF', 0o755),
          file(
            'var/lib/dpkg/status',
            'Package: python3.9\nStatus: install ok installed\nVersion: 3.9.2-1\nArchitecture: amd64\n',
          ),
        ],
        distroless: [
          file('etc/os-release', 'ID="debian"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'),
          symlink('bin', 'usr/bin'),
          directory('usr/bin'),
          file(
            'usr/lib/x86_64-linux-gnu/libc.so.6',
            'GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.',
          ),
          file('usr/bin/python3.11', 'ELF', 0o755),
          file(
            'var/lib/dpkg/status.d/python3',
            'Package: python3.11\nVersion: 3.11.2-6\nArchitecture: amd64\nStatus: install ok installed\n',
          ),
          file(BUNDLE.slice(1), 'certificates'),
        ],
      };
      for (const [name, members] of Object.entries(kinds))
        await putImage(registry.host, `team/${name}:1`, buildImage([layerTar(members)]));
      const refusal = async (tag: string, build = '', python = '3.11') => {
        const project = onBase(place, tag, python);
        writeFileSync(
          join(project, 'cog.yaml'),
          `build:\n  python_version: "${python}"\n${build}predict: "predict.py:Predictor"\n`,
        );
        const { status, stdout } = await cogplan(['lock', project, '--yes', '--json']);
        expect(status, stdout).toBe(1);
        return (JSON.parse(stdout) as { error: { code: string; message: string; hint: string } }).error;
      };
      expect(await refusal('alpine:1')).toMatchObject({
        code: 'COGPLAN_BASE_UNUSABLE',
        message: expect.stringContaining('it has musl'),
        hint: expect.stringContaining('glibc'),
      });
      expect(await refusal('scratch:1')).toMatchObject({
        code: 'COGPLAN_BASE_UNUSABLE',
        message: expect.stringContaining('no C library'),
      });
      const packages = '  system_packages: [jq]\n';
      expect(await refusal('apart:1', packages, '3.9')).toMatchObject({
        code: 'COGPLAN_BASE_UNSUPPORTED',
        message: expect.stringContaining('/bin and /usr/bin are apart'),
      });
      // Debian's packages are known, and dpkg, which a sealed configuration needs, is not there.
      const project = onBase(place, 'distroless:1');
      appendFileSync(join(project, 'cogplan.yaml'), 'configure: sealed\n');
      writeFileSync(
        join(project, 'cog.yaml'),
        'build:\n  python_version: "3.11"\n  system_packages: [libglib2.0-0]\npredict: "predict.py:Predictor"\n',
      );
      const { stdout } = await cogplan(['lock', project, '--yes', '--json']);
      expect(JSON.parse(stdout)).toMatchObject({
        error: { code: 'COGPLAN_BASE_UNSUPPORTED', message: expect.stringContaining('it has no dpkg') },
      });
    }),
  HALF_AN_HOUR,
);
