import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDeb, makeKey, publishSuite } from '../servers/debian-archive.ts';
import { type HttpTestServer, startHttpServer } from '../servers/http-server.ts';
import { cogplanJson, readLock } from './cogplan.ts';
import { runIn, unpackImage, worksIn } from './in-image.ts';

const HALF_AN_HOUR = 1_800_000;

let server: HttpTestServer;
beforeAll(async () => {
  server = await startHttpServer();
});
afterAll(() => server.close());

/** The Debian releases whose Python an image can have, each with packages that bring accounts, conffiles, triggers and alternatives. */
describe.each([
  ['bullseye', '3.9', '11'],
  ['bookworm', '3.11', '12'],
  ['trixie', '3.13', '13'],
])('an image of %s', (suite, python, release) => {
  let directory: string;
  let root: string;
  let project: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), `cogplan-${suite}-`));
    project = join(directory, 'project');
    mkdirSync(project);
    const packages = '[curl, git, openssh-client, less, vim-tiny]';
    writeFileSync(join(project, 'cog.yaml'), `build:\n  python_version: "${python}"\n  system_packages: ${packages}\n`);
    await cogplanJson(['lock', project, '--yes']);
    const layout = join(directory, 'layout');
    await cogplanJson(['apply', project, '-o', `oci:${layout}`]);
    root = unpackImage(layout, join(directory, 'bundle'));
  }, HALF_AN_HOUR);

  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  it('starts Python and what was asked for', async () => {
    expect(await worksIn(root, 'python', '--version')).toContain(`Python ${python}.`);
    expect(await worksIn(root, 'git', '--version')).toContain('git version');
    expect(await worksIn(root, 'curl', '--version')).toContain('libcurl');
    expect(await worksIn(root, 'readlink', '-f', '/usr/bin/editor')).toBe('/usr/bin/vim.tiny\n');
  });

  it('has a database that dpkg and apt find in order', async () => {
    expect(await worksIn(root, 'dpkg', '--audit')).toBe('');
    expect(await runIn(root, 'dpkg', '--verify')).toEqual({ status: 0, stdout: '', stderr: '' });
    await worksIn(root, 'apt-get', 'check');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: fields of dpkg-query
    const listed = await worksIn(root, 'dpkg-query', '-W', '-f', '${db:Status-Abbrev}${Package} ${Version}\n');
    const target = readLock(project).targets['linux/amd64'];
    const locked = target?.system.packages.map(({ name, version }) => `ii ${name} ${version}`);
    expect(listed.trimEnd().split('\n').sort()).toEqual(locked?.sort());
  });

  it('takes packages of a signed archive later, and gives them up again', async () => {
    const key = await makeKey();
    const tool = {
      name: 'later-tool',
      fields: { Depends: 'later-lib (>= 2), libc6', Maintainer: 'N <n@example.org>' },
    };
    const scripts = { postinst: '#!/bin/sh\nset -e\nldconfig\nid -u games >/usr/share/later\n' };
    const debs = await Promise.all([
      makeDeb({ ...tool, scripts }),
      makeDeb({ name: 'later-lib', version: '2', fields: { Maintainer: 'N <n@example.org>' } }),
    ]);
    await publishSuite(server, { root: `/${suite}`, suite, debs, keys: [key] });
    writeFileSync(join(root, 'usr/share/keyrings/later.asc'), key.armored);
    const source = `deb [signed-by=/usr/share/keyrings/later.asc] ${server.url}/${suite} ${suite} main\n`;
    writeFileSync(join(root, 'etc/apt/later.list'), source);
    const options = ['APT::Sandbox::User=root', 'Dir::Etc::sourcelist=/etc/apt/later.list', 'Dir::Etc::sourceparts=-'];
    const apt = (...words: string[]) =>
      worksIn(root, 'apt-get', '-qq', '-y', ...options.flatMap((option) => ['-o', option]), ...words);
    await apt('update');
    await apt('install', 'later-tool');
    expect(readFileSync(join(root, 'usr/share/later'), 'utf8')).toBe('5\n');
    expect(await worksIn(root, 'dpkg', '--audit')).toBe('');
    await apt('purge', 'later-tool', 'later-lib');
    expect(await worksIn(root, 'dpkg', '--audit')).toBe('');
    await worksIn(root, 'apt-get', 'check');
  });

  it('is read by a vulnerability scanner, which finds packages by source and version', async () => {
    const feed = [
      'VERSION 1',
      ...['CVE-2026-0001,,open', 'CVE-2026-0002,,fixed before this release', 'CVE-2026-0003,,of a package by itself'],
      '',
      ...['glibc,0, HRF,999,', 'git,1, H F,1:1.0-1,', 'curl,2,BM F,999,'],
      '',
      ...['glibc,libc6 libc-bin', 'git,git', 'curl,curl libcurl4'],
      '',
      '',
    ];
    server.answer(`/debsecan/${suite}`, { body: deflateSync(feed.join('\n')) });
    const status = join(root, 'var/lib/dpkg/status');
    const words = ['--suite', suite, '--source', `${server.url}/debsecan`, '--status', status, '--format', 'simple'];
    const { stdout } = await execa('debsecan', [
      ...words,
      '--config',
      '/dev/null',
      '--whitelist',
      join(directory, 'none'),
    ]);
    const found = stdout.split('\n');
    expect(found).toContain('CVE-2026-0001 libc6');
    expect(found).toContain('CVE-2026-0001 libc-bin');
    expect(found).toContain('CVE-2026-0003 curl');
    expect(stdout).not.toContain('CVE-2026-0002');
    expect(readFileSync(join(root, 'etc/os-release'), 'utf8')).toContain(`VERSION_ID="${release}"`);
  });
});
