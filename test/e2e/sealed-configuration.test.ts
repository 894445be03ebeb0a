import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cogplanJson } from './cogplan.ts';

const HALF_AN_HOUR = 1_800_000;

let directory: string;
let project: string;
let root: string;

/** Java, whose packages write a key store by running Java. */
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-sealed-'));
  project = join(directory, 'project');
  mkdirSync(project);
  const packages = '  system_packages: [default-jre-headless]\n';
  writeFileSync(join(project, 'cog.yaml'), `build:\n  python_version: "3.11"\n${packages}`);
  writeFileSync(join(project, 'cogplan.yaml'), 'configure: sealed\n');
  await cogplanJson(['lock', project, '--yes']);
  await cogplanJson(['apply', project, '-o', `oci:${join(directory, 'layout')}`]);
  const index = JSON.parse(readFileSync(join(directory, 'layout/index.json'), 'utf8'));
  const tag = index.manifests[0].annotations['org.opencontainers.image.ref.name'];
  const bundle = join(directory, 'bundle');
  const { status, stderr } = spawnSync('umoci', ['unpack', '--image', `${directory}/layout:${tag}`, bundle], {
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  root = join(bundle, 'rootfs');
}, HALF_AN_HOUR);

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

function inImage(...command: string[]): string {
  const base = ['--bind', root, '/', '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--unshare-user'];
  const rest = ['--uid', '0', '--gid', '0', '--clearenv', '--setenv', 'PATH', '/usr/sbin:/usr/bin:/sbin:/bin'];
  const { status, stdout, stderr } = spawnSync('bwrap', [...base, ...rest, ...command], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return stdout + stderr;
}

it('what their scripts leave is in the image, and dpkg finds all of it in order', () => {
  expect(inImage('java', '-version')).toContain('OpenJDK Runtime Environment');
  const certificates = inImage('keytool', '-list', '-cacerts', '-storepass', 'changeit');
  expect(certificates.match(/trustedCertEntry/g)?.length).toBeGreaterThan(100);
  expect(inImage('dpkg', '--audit')).toBe('');
  expect(inImage('dpkg', '--verify')).toBe('');
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a field of dpkg-query
  expect(inImage('dpkg-query', '-W', '-f', '${Status}\n')).not.toMatch(/unpacked|half|trigger/);
});

it(
  'the lock says which packages they are, and seals what they left',
  async () => {
    const lock = JSON.parse(readFileSync(join(project, 'cogplan.lock'), 'utf8'));
    const target = lock.targets['linux/amd64'];
    const sealed = target.system.packages.filter((item: { configure?: string }) => item.configure === 'sealed');
    // Of libglib2.0-0 the caches that its triggers write are sealed with the rest.
    expect(sealed.map(({ name }: { name: string }) => name)).toEqual([
      'ca-certificates-java',
      'libglib2.0-0',
      'openjdk-17-jre-headless',
    ]);
    const layers = target.seals.map(({ layer }: { layer: string }) => layer);
    expect(layers).toContain('configuration/sealed');
    expect(lock.asked.system.configure).toBe('sealed');
    const again = await cogplanJson(['apply', project, '--offline']);
    expect(JSON.stringify(again)).not.toContain('"new"');
  },
  HALF_AN_HOUR,
);

it(
  'without the setting, they are refused with the line and the way out',
  async () => {
    writeFileSync(join(project, 'cogplan.yaml'), '');
    const child = spawnSync('node', ['dist/cli/main.js', 'lock', project, '--yes'], { encoding: 'utf8' });
    expect(child.status).toBe(1);
    expect(child.stderr).toMatch(/ca-certificates-java.*postinst, line \d+/);
    expect(child.stderr).toContain('configure: sealed in cogplan.yaml');
  },
  HALF_AN_HOUR,
);
