import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDpkgStatus } from '../../src/formats/debian/dpkg-status.ts';
import { cogplanJson } from './cogplan.ts';

const HALF_AN_HOUR = 1_800_000;
// Programs of an image run on machines that are busy.

const PACKAGES = [
  'ffmpeg',
  'git',
  'libgl1',
  'libglib2.0-0',
  'libsm6',
  'libxext6',
  'libsndfile1',
  'build-essential',
  'imagemagick',
  'curl',
  'libopenblas0',
  'sox',
  'espeak-ng',
  'tesseract-ocr',
  'wget',
];

const HELLO_C = '#include <stdio.h>\nint main(void) { puts("hello from c"); return 0; }\n';
const HELLO_CPP = '#include <iostream>\nint main() { std::cout << "hello from c++" << std::endl; }\n';

const FONT = '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf';
const DRAW_TEXT = `convert -size 500x120 -gravity center -pointsize 72 -font ${FONT} label:HELLO a.png`;

/** The product of two matrices by whatever library the alternative of libblas leads to. */
const MULTIPLY = `
import ctypes
blas = ctypes.CDLL("libblas.so.3")
matrix = ctypes.c_double * 4
a, b, c = matrix(1, 2, 3, 4), matrix(5, 6, 7, 8), matrix()
one, none = ctypes.c_double(1), ctypes.c_double(0)
blas.cblas_dgemm(101, 111, 111, 2, 2, 2, one, a, 2, b, 2, none, c, 2)
config = ctypes.CDLL("libopenblas.so.0").openblas_get_config
config.restype = ctypes.c_char_p
print(list(c), config().decode().split()[0])
`;

let directory: string;
let root: string;

/** The image's root file system, as another program unpacks it. */
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-debian-'));
  const project = join(directory, 'project');
  mkdirSync(project);
  writeFileSync(
    join(project, 'cog.yaml'),
    `build:\n  python_version: "3.11"\n  system_packages:\n${PACKAGES.map((name) => `    - ${name}\n`).join('')}`,
  );
  await cogplanJson(['lock', project, '--yes']);
  const layout = join(directory, 'layout');
  await cogplanJson(['apply', project, '-o', `oci:${layout}`]);
  const tag = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')).manifests[0].annotations[
    'org.opencontainers.image.ref.name'
  ];
  const { status, stderr } = spawnSync('umoci', ['unpack', '--image', `${layout}:${tag}`, join(directory, 'bundle')], {
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  root = join(directory, 'bundle/rootfs');
}, HALF_AN_HOUR);

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

interface Output {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function inImage(...command: string[]): Promise<Output> {
  const base = [
    '--bind',
    root,
    '/',
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    '--tmpfs',
    '/tmp',
    '--unshare-user',
    '--uid',
    '0',
    '--gid',
    '0',
  ];
  const child = spawn('bwrap', [
    ...base,
    '--clearenv',
    '--setenv',
    'PATH',
    '/usr/local/bin:/usr/bin:/bin:/usr/sbin',
    '--chdir',
    '/tmp',
    ...command,
  ]);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}

async function works(...command: string[]): Promise<string> {
  const { status, stdout, stderr } = await inImage(...command);
  expect(status, `${command.join(' ')}\n${stderr}`).toBe(0);
  return stdout;
}

describe('in an image with the usual system packages', () => {
  it('ffmpeg starts and encodes', async () => {
    expect(await works('ffmpeg', '-version')).toContain('ffmpeg version');
    await works('ffmpeg', '-v', 'error', '-f', 'lavfi', '-i', 'testsrc=d=0.2:s=64x64', '-f', 'null', '-');
  });

  it('cc, c++ and make build programs', async () => {
    expect(await works('sh', '-c', `printf '%s' '${HELLO_C}' > a.c && cc a.c -o a && ./a`)).toContain('hello from c');
    expect(await works('sh', '-c', `printf '%s' '${HELLO_CPP}' > b.cc && c++ b.cc -o b && ./b`)).toContain(
      'hello from c++',
    );
    expect(await works('make', '--version')).toContain('GNU Make');
  });

  it.each([
    ['awk', ['awk', 'BEGIN { print 6 * 7 }'], '42'],
    ['convert', ['convert', '-size', '8x8', 'xc:red', 'txt:-'], 'red'],
    ['git', ['sh', '-c', 'git init -q r && git -C r status'], 'No commits yet'],
    ['tar with xz', ['sh', '-c', 'echo x > f && tar -cJf f.tar.xz f && tar -tJf f.tar.xz'], 'f'],
    ['getent', ['getent', 'passwd', 'root'], 'root:x:0:0'],
    ['tini', ['/sbin/tini', '--version'], 'tini'],
    ['sox', ['sh', '-c', 'sox -n a.wav synth 0.2 sine 440 && sox --info a.wav'], 'Sample Rate'],
    ['espeak-ng', ['sh', '-c', 'espeak-ng -w a.wav hello && head -c 4 a.wav'], 'RIFF'],
    ['tesseract', ['sh', '-c', `${DRAW_TEXT} && tesseract a.png -`], 'HELLO'],
    ['python with OpenBLAS', ['python', '-c', MULTIPLY], '[19.0, 22.0, 43.0, 50.0] OpenBLAS'],
    ['wget', ['wget', '--version'], 'GNU Wget'],
    ['perl', ['perl', '-e', 'print "perl runs"'], 'perl runs'],
  ])('%s works', async (_name, command, told) => {
    expect(await works(...command)).toContain(told);
  });

  it('the accounts and libraries that Python looks for are there', async () => {
    expect(await works('python', '-c', 'import pwd; print(pwd.getpwuid(0).pw_name)')).toBe('root\n');
    await works(
      'python',
      '-c',
      'import ctypes; [ctypes.CDLL(n) for n in ("libblas.so.3", "libopenblas.so.0", "libGL.so.1", "libsndfile.so.1")]',
    );
    await works('python', '-c', 'import ssl, sqlite3, lzma, bz2, ctypes, distutils');
  });

  it('the loader cache is what ldconfig writes', async () => {
    const ours = readFileSync(join(root, 'etc/ld.so.cache'));
    const { status, stderr } = spawnSync(join('/sbin', 'ldconfig'), ['-r', root, '-C', '/etc/ld.so.cache.test', '-X'], {
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
    const libraries = (file: string): string[] =>
      spawnSync('/sbin/ldconfig', ['-r', root, '-C', file, '-p'], { encoding: 'utf8' })
        .stdout.split('\n')
        .slice(1)
        .sort();
    expect(ours.length).toBeGreaterThan(10_000);
    expect(libraries('/etc/ld.so.cache')).toEqual(libraries('/etc/ld.so.cache.test'));
    rmSync(join(root, 'etc/ld.so.cache.test'));
  });

  it('dpkg finds its database in order', async () => {
    expect(await works('dpkg', '--audit')).toBe('');
    const verified = await inImage('dpkg', '--verify');
    expect(verified.stdout).toBe('');
    expect(await works('dpkg-query', '--list', 'ffmpeg')).toMatch(/^ii {2}ffmpeg /m);
  });

  it('apt finds nothing broken, and installs more later', async () => {
    await works('apt-get', 'check');
    const tree = join(directory, 'later');
    mkdirSync(join(tree, 'DEBIAN'), { recursive: true });
    mkdirSync(join(tree, 'usr/share/later'), { recursive: true });
    const fields = ['Package: later', 'Version: 1', 'Architecture: all', 'Maintainer: A <a@example.com>'];
    writeFileSync(join(tree, 'DEBIAN/control'), `${fields.join('\n')}\nDepends: libc6, ffmpeg\nDescription: later\n`);
    writeFileSync(join(tree, 'usr/share/later/file'), 'came later\n');
    const built = spawnSync('dpkg-deb', ['--root-owner-group', '-b', tree, join(root, 'root/later.deb')]);
    expect(built.status).toBe(0);
    await works('apt-get', '-o', 'APT::Sandbox::User=root', 'install', '-y', '-qq', '/root/later.deb');
    expect(await works('cat', '/usr/share/later/file')).toBe('came later\n');
    expect(await works('dpkg', '--audit')).toBe('');
    await works('dpkg', '--purge', 'later');
    rmSync(join(root, 'root/later.deb'));
  });

  it('a scanner finds the release and every package with its source and version', () => {
    const release = readFileSync(join(root, 'etc/os-release'), 'utf8');
    expect(release).toMatch(/^ID=debian$/m);
    expect(release).toMatch(/^VERSION_ID="12"$/m);
    const status = readFileSync(join(root, 'var/lib/dpkg/status'), 'utf8');
    const installed = readDpkgStatus(status, 'amd64', 'status').map(({ name, version }) => `${name} ${version}`);
    const lock = JSON.parse(readFileSync(join(directory, 'project/cogplan.lock'), 'utf8'));
    const locked = lock.targets['linux/amd64'].system.packages.map(
      ({ name, version }: { name: string; version: string }) => `${name} ${version}`,
    );
    expect([...installed].sort()).toEqual([...locked].sort());
  });

  it('HTTPS works with the CA bundle, and with a CA added the Debian way', async () => {
    const bundle = readFileSync(join(root, 'etc/ssl/certs/ca-certificates.crt'), 'utf8');
    expect(bundle.match(/BEGIN CERTIFICATE/g)?.length).toBeGreaterThan(100);
    const tls = join(directory, 'tls');
    mkdirSync(tls);
    const made = spawnSync(
      'openssl',
      [
        ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
        [
          '-addext',
          'subjectAltName=DNS:localhost,IP:127.0.0.1',
          '-keyout',
          join(tls, 'key.pem'),
          '-out',
          join(tls, 'cert.pem'),
        ],
      ].flat(),
    );
    expect(made.status).toBe(0);
    const server = createServer(
      { key: readFileSync(join(tls, 'key.pem')), cert: readFileSync(join(tls, 'cert.pem')) },
      (_request, response) => response.end('served over tls'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
      expect((await inImage('curl', '-s', url)).status).toBe(60);
      mkdirSync(join(root, 'usr/local/share/ca-certificates'), { recursive: true });
      writeFileSync(join(root, 'usr/local/share/ca-certificates/test.crt'), readFileSync(join(tls, 'cert.pem')));
      await works('update-ca-certificates');
      expect(await works('curl', '-s', url)).toBe('served over tls');
      expect(await works('wget', '-q', '-O', '-', url)).toBe('served over tls');
      expect(
        await works('python', '-c', `import urllib.request; print(urllib.request.urlopen("${url}").read().decode())`),
      ).toContain('served over tls');
    } finally {
      server.close();
    }
  });
});
