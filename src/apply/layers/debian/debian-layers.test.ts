import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Sha256, sha256 } from '../../../digest.ts';
import { END_OF_ARCHIVE, encodeHeader, paddingAfter, type TarMember } from '../../image/tar.ts';
import type { DebInput } from '../../recipe.ts';
import type { BuildEnvironment } from '../builder.ts';
import { checkEntries } from '../check-entries.ts';
import { buildDebianConfigurationLayer } from '../debian-configuration.ts';
import { buildDebsLayer } from '../debs.ts';
import type { LayerEntry } from '../entry.ts';

const scratch = mkdtempSync(join(tmpdir(), 'debs-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A file's content, a link (`-> target`), a hard link (`= path`), a directory (`/` or `/mode uid gid`). */
type Files = Readonly<Record<string, string>>;

interface Package {
  readonly files?: Files;
  readonly control?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly version?: string;
}

const archives = new Map<string, { deb: string; data: string }>();

const environment: BuildEnvironment = {
  blob: async (hash) => archives.get(hash)?.deb ?? '',
  debData: async (hash) => archives.get(hash)?.data ?? '',
  scratch,
  warn: () => {},
};

function tar(members: readonly (readonly [TarMember, Buffer])[]): Buffer {
  const parts = members.flatMap(([member, body]) => [
    encodeHeader(member),
    body,
    Buffer.alloc(paddingAfter(body.length)),
  ]);
  return Buffer.concat([...parts, Buffer.from(END_OF_ARCHIVE)]);
}

function member(path: string, text: string): readonly [TarMember, Buffer] {
  const base = { path, uid: 0, gid: 0 };
  if (text.startsWith('-> '))
    return [{ ...base, type: 'symlink', mode: 0o777, target: text.slice(3) }, Buffer.alloc(0)];
  if (text.startsWith('= '))
    return [{ ...base, type: 'hardlink', mode: 0o644, target: text.slice(2) }, Buffer.alloc(0)];
  if (text.startsWith('/')) {
    const [mode = '755', uid = '0', gid = '0'] = text.slice(1).split(' ').filter(Boolean);
    return [
      { path, type: 'directory', mode: Number.parseInt(mode, 8), uid: Number(uid), gid: Number(gid) },
      Buffer.alloc(0),
    ];
  }
  const body = Buffer.from(text);
  const mode = /bin\//.test(path) ? 0o755 : 0o644;
  return [{ ...base, type: 'file', mode, size: body.length }, body];
}

function ar(members: readonly (readonly [string, Buffer])[]): Buffer {
  const parts = members.flatMap(([name, body]) => {
    const head = `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(body.length).padEnd(10)}\`\n`;
    return [Buffer.from(head), body, Buffer.alloc(body.length % 2, '\n')];
  });
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}

function deb(name: string, { files = {}, control = '', scripts = {}, version = '1' }: Package): DebInput {
  const data = tar(Object.entries(files).map(([path, text]) => member(path, text)));
  const paragraph = `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\nMaintainer: N <n@example.org>\n${control}Description: x\n more\n`;
  const executable = /^(?:pre|post)(?:inst|rm)$|^config$/;
  const controlTar = tar([
    ...Object.entries(scripts).map(([path, text]): readonly [TarMember, Buffer] => [
      {
        path,
        type: 'file',
        mode: executable.test(path) ? 0o755 : 0o644,
        uid: 0,
        gid: 0,
        size: Buffer.byteLength(text),
      },
      Buffer.from(text),
    ]),
    member('control', paragraph),
  ]);
  const whole = ar([
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar', controlTar],
    ['data.tar', data],
  ]);
  const hash = sha256(whole);
  const paths = { deb: join(scratch, `${hash}.deb`), data: join(scratch, `${hash}.tar`) };
  writeFileSync(paths.deb, whole);
  writeFileSync(paths.data, data);
  archives.set(hash, paths);
  return { name, version, architecture: 'amd64', sha256: hash as Sha256 };
}

async function layer(debs: readonly DebInput[], below: readonly DebInput[] = [], architecture = 'amd64') {
  const recipe = { kind: 'debs', assembler: 1, architecture, root: below.length === 0, debs, below } as const;
  const entries = await buildDebsLayer(recipe, environment);
  checkEntries(entries);
  return show(entries);
}

async function configure(debs: readonly DebInput[]) {
  const recipe = {
    kind: 'debian-configuration',
    assembler: 1,
    architecture: 'amd64',
    suite: 'bookworm',
    debs,
    interpreter: '/usr/bin/python3.11',
  } as const;
  const entries = await buildDebianConfigurationLayer(recipe, environment);
  checkEntries(entries);
  return show(entries);
}

/** Entries by path, as the packages above spell them; plain directories are left out. */
function show(entries: readonly LayerEntry[]): Readonly<Record<string, string>> {
  const shown: Record<string, string> = {};
  for (const entry of entries) {
    if (entry.type === 'symlink') shown[entry.path] = `-> ${entry.target}`;
    else if (entry.type === 'hardlink') shown[entry.path] = `= ${entry.target}`;
    else if (entry.type === 'file') shown[entry.path] = contentOf(entry);
    else if (entry.mode !== 0o755 || entry.uid !== 0 || entry.gid !== 0) {
      shown[entry.path] = `/${entry.mode.toString(8)} ${entry.uid} ${entry.gid}`;
    }
  }
  return shown;
}

function contentOf(entry: LayerEntry & { readonly type: 'file' }): string {
  const { content } = entry;
  if (content.kind === 'bytes') return Buffer.from(content.data).toString();
  if (content.kind === 'zip') throw new Error('a zip in a Debian layer');
  return readFileSync(content.file)
    .subarray(content.offset, content.offset + content.length)
    .toString();
}

const MERGED = { bin: '-> usr/bin', lib: '-> usr/lib', lib64: '-> usr/lib64', sbin: '-> usr/sbin' };

describe('files of packages', () => {
  test('move below a merged /usr, and the root layer has the links', async () => {
    const a = deb('a', {
      files: { 'bin/tool': 'x', 'lib/x86_64-linux-gnu/liba.so.1': 'l', 'lib64/ld.so': '-> /lib/ld.so' },
    });
    expect(await layer([a])).toEqual({
      ...MERGED,
      'usr/bin/tool': 'x',
      'usr/lib/x86_64-linux-gnu/liba.so.1': 'l',
      'usr/lib64/ld.so': '-> /lib/ld.so',
    });
    expect(Object.keys(await layer([a], [], 'arm64'))).toContain('lib');
    expect(Object.keys(await layer([deb('b', { files: { 'etc/b': 'b' } })], [], 'arm64'))).not.toContain('lib64');
  });

  test('keep the links that base-files itself ships', async () => {
    const base = deb('base-files', { files: { bin: '-> usr/bin', 'usr/bin': '/' } });
    const old = deb('old', { files: { bin: '/', 'bin/tool': 'x' } });
    expect(await layer([base, old])).toEqual({ ...MERGED, 'usr/bin/tool': 'x' });
  });

  test('one file with several names is one body, at the name that comes first', async () => {
    const a = deb('a', {
      files: { 'usr/bin/perl': 'perl', 'bin/a-perl': '= usr/bin/perl', 'usr/bin/z': '= usr/bin/perl' },
    });
    expect(await layer([a])).toEqual({
      ...MERGED,
      'usr/bin/a-perl': 'perl',
      'usr/bin/perl': '= usr/bin/a-perl',
      'usr/bin/z': '= usr/bin/a-perl',
    });
  });

  test('in a directory that another package made a link lie where the link leads', async () => {
    const a = deb('a', { files: { 'usr/share/doc/b': '-> a', 'usr/share/doc/a': '/' } });
    const b = deb('b', { files: { 'usr/share/doc/b': '/', 'usr/share/doc/b/copyright': 'c' } });
    expect(await layer([a, b])).toEqual({ ...MERGED, 'usr/share/doc/b': '-> a', 'usr/share/doc/a/copyright': 'c' });
  });

  test('of two packages: the one that replaces the other wins, in one layer or in two', async () => {
    const old = deb('old', { files: { 'usr/share/x': 'old' } });
    const fresh = deb('fresh', { files: { 'usr/share/x': 'new' }, control: 'Replaces: old (<< 2)\n' });
    expect(await layer([old, fresh])).toMatchObject({ 'usr/share/x': 'new' });
    expect(await layer([fresh], [old])).toEqual({ 'usr/share/x': 'new' });
    expect(await layer([old], [fresh])).toEqual({});
  });

  test('of two packages neither of which replaces the other are a conflict that names both', async () => {
    const one = deb('one', { files: { 'usr/share/x': '1' } });
    const two = deb('two', { files: { 'usr/share/x': '2' }, control: 'Replaces: one (>= 5)\n' });
    await expect(layer([one, two])).rejects.toMatchObject({
      code: 'COGPLAN_DEB_CONFLICT',
      message: 'one 1 and two 1 both ship /usr/share/x',
      subject: '/usr/share/x',
    });
    await expect(layer([two], [one])).rejects.toMatchObject({ code: 'COGPLAN_DEB_CONFLICT' });
  });

  test('a package that diverts a path moves the other one aside', async () => {
    const one = deb('one', { files: { 'bin/sh': 'one' } });
    const preinst = '#!/bin/sh\ndpkg-divert --package two --rename --divert /bin/sh.distrib --add /bin/sh\n';
    const two = deb('two', { files: { 'bin/sh': 'two' }, scripts: { preinst } });
    expect(await layer([one, two])).toEqual({ ...MERGED, 'usr/bin/sh': 'two', 'usr/bin/sh.distrib': 'one' });
  });

  test('directories have one mode in every layer, whatever the order', async () => {
    const base = deb('base-files', { files: { tmp: '/1777', var: '/', 'var/local': '/2775 0 50' } });
    const other = deb('a', { files: { tmp: '/', var: '/', 'var/local': '/', 'var/local/f': 'f' } });
    expect(await layer([base, other])).toEqual({
      ...MERGED,
      tmp: '/1777 0 0',
      'var/local': '/2775 0 50',
      'var/local/f': 'f',
    });
    expect(await layer([other], [base])).toEqual({ 'var/local': '/2775 0 50', 'var/local/f': 'f' });
    expect(await layer([other, base])).toEqual(await layer([base, other]));
  });

  test('a file below a file is a conflict', async () => {
    const one = deb('one', { files: { 'usr/x': 'file' } });
    const two = deb('two', { files: { 'usr/x/y': 'below' } });
    await expect(layer([one, two])).rejects.toMatchObject({ code: 'COGPLAN_DEB_CONFLICT' });
  });
});

const BASE_PASSWD = deb('base-passwd', {
  files: {
    'usr/share/base-passwd/passwd.master': 'root:*:0:0:root:/root:/bin/bash\n',
    'usr/share/base-passwd/group.master': 'root:*:0:\nshadow:*:42:\nnogroup:*:65534:\n',
    'var/lib/dpkg': '/',
    etc: '/',
  },
  scripts: {
    postinst: `#!/bin/sh
for f in passwd group; do [ -e /etc/$f ] || cp /usr/share/base-passwd/$f.master /etc/$f; done
`,
  },
});

describe('configuration', () => {
  test('of accounts gives each its number, and locks every password', async () => {
    const users = ['messagebus', 'zz-own', 'aa-own'].map((name) =>
      deb(name, {
        scripts: { postinst: `#!/bin/sh\nadduser --system --group --no-create-home --home /run/x ${name}\n` },
      }),
    );
    const passwd = deb('passwd', { scripts: { postinst: '#!/bin/sh\nshadowconfig on\n' } });
    const shown = await configure([...users, passwd, BASE_PASSWD]);
    expect(shown['etc/passwd']).toBe(
      [
        'root:x:0:0:root:/root:/bin/bash',
        'aa-own:x:300:300::/run/x:/usr/sbin/nologin',
        'messagebus:x:101:101::/run/x:/usr/sbin/nologin',
        'zz-own:x:301:301::/run/x:/usr/sbin/nologin',
        '',
      ].join('\n'),
    );
    expect(shown['etc/shadow']?.split('\n')[0]).toBe('root:*:3652:0:99999:7:::');
    expect(await configure([BASE_PASSWD, passwd, ...users.reverse()])).toEqual(shown);
  });

  test('of alternatives: the highest priority, then the first path; links and database', async () => {
    const install = (path: string, priority: number) =>
      `#!/bin/sh\nupdate-alternatives --install /usr/bin/awk awk ${path} ${priority} --slave /usr/share/man/awk.1 awk.1 ${path}.1\n`;
    const packages = (['b', 'a', 'c'] as const).map((name) =>
      deb(name, {
        files: { [`usr/bin/${name}awk`]: name, [`usr/bin/${name}awk.1`]: 'm', 'usr/share/man': '/' },
        scripts: { postinst: install(`/usr/bin/${name}awk`, name === 'c' ? 1 : 5) },
      }),
    );
    const shown = await configure(packages);
    expect(shown['etc/alternatives/awk']).toBe('-> /usr/bin/aawk');
    expect(shown['usr/bin/awk']).toBe('-> /etc/alternatives/awk');
    expect(shown['usr/share/man/awk.1']).toBe('-> /etc/alternatives/awk.1');
    expect(shown['var/lib/dpkg/alternatives/awk']).toBe(
      `${['auto', '/usr/bin/awk', 'awk.1', '/usr/share/man/awk.1', ''].join('\n')}
${['/usr/bin/aawk', '5', '/usr/bin/aawk.1', '/usr/bin/bawk', '5', '/usr/bin/bawk.1', '/usr/bin/cawk', '1', '/usr/bin/cawk.1'].join('\n')}

`,
    );
  });

  test('writes what dpkg would know', async () => {
    const a = deb('a', {
      version: '1:2-3',
      files: { etc: '/', 'etc/a.conf': 'setting\n', 'usr/bin/a': 'a' },
      control: 'Multi-Arch: same\nDepends: b\nHomepage: https://example.org/\n',
      scripts: {
        conffiles: '/etc/a.conf\n',
        md5sums: '0cc175b9c0f1b6a831c399e269772661  usr/bin/a\n',
        postinst: '#!/bin/sh\n:\n',
        triggers: '# comment\ninterest-noawait /usr/share/x\ninterest name\nactivate-noawait ldconfig\n',
      },
    });
    const shown = await configure([a, deb('b', {})]);
    expect(shown['var/lib/dpkg/status']).toBe(`Package: a
Status: install ok installed
Maintainer: N <n@example.org>
Architecture: amd64
Multi-Arch: same
Version: 1:2-3
Depends: b
Conffiles:
 /etc/a.conf 2c1d4f59f062ce424618f4d25961fb76
Description: x
 more
Homepage: https://example.org/

Package: b
Status: install ok installed
Maintainer: N <n@example.org>
Architecture: amd64
Version: 1
Description: x
 more

`);
    expect(shown['var/lib/dpkg/info/a:amd64.list']).toBe('/etc\n/etc/a.conf\n/usr/bin/a\n');
    expect(shown['var/lib/dpkg/info/a:amd64.postinst']).toBe('#!/bin/sh\n:\n');
    expect(shown['var/lib/dpkg/triggers/File']).toBe('/usr/share/x a:amd64/noawait\n');
    expect(shown['var/lib/dpkg/triggers/name']).toBe('a:amd64\n');
    expect(shown['var/lib/dpkg/info/format']).toBe('1\n');
  });

  test('keeps what a package says of configuration files that are gone', async () => {
    const a = deb('a', { scripts: { conffiles: 'remove-on-upgrade /etc/a.d/old\n' } });
    expect((await configure([a]))['var/lib/dpkg/status']).toContain(
      'Conffiles:\n /etc/a.d/old newconffile remove-on-upgrade\n',
    );
  });

  test('of fonts of Ghostscript: the pieces of all packages in the order of their names', async () => {
    const gs = deb('gs', {
      files: { 'usr/sbin/update-gsfontmap': '#!/bin/sh', 'etc/ghostscript/fontmap.d': '/' },
      scripts: { postinst: '#!/bin/sh\nupdate-gsfontmap\n' },
    });
    const fonts = deb('fonts', {
      files: {
        'etc/ghostscript/fontmap.d/10two.conf': '%B\n',
        'etc/ghostscript/fontmap.d/05one.conf': '%A\n',
        'etc/ghostscript/fontmap.d/05one.conf.bak': '%C\n',
      },
      scripts: {
        postinst: '#!/bin/sh\nif [ -x "$(which update-gsfontmap 2>/dev/null)" ]; then update-gsfontmap; fi\n',
      },
    });
    const shown = await configure([gs, fonts]);
    expect(shown['var/lib/ghostscript/fonts/Fontmap']).toBe('%A\n%B\n');
    expect(shown['var/lib/ghostscript/fonts/cidfmap']).toBe('');
    expect(await configure([fonts])).not.toHaveProperty('var/lib/ghostscript/fonts/Fontmap');
  });

  test('carries out guarded effects as the tree is at that moment', async () => {
    const postinst = `#!/bin/sh
if [ ! -d /srv/a ]; then mkdir -p /srv/a; chmod 2750 /srv/a; touch /srv/a/first; fi
if [ ! -d /srv/a ]; then touch /srv/a/second; fi
if command -v tool >/dev/null; then ln -s /usr/bin/tool /usr/bin/alias; fi
cp -p /usr/share/a/default /etc/a.conf
`;
    const a = deb('a', { files: { 'usr/share/a/default': 'd', 'usr/bin/tool': 't', etc: '/' }, scripts: { postinst } });
    const shown = await configure([a]);
    expect(shown).toMatchObject({ 'srv/a': '/2750 0 0', 'usr/bin/alias': '-> /usr/bin/tool', 'etc/a.conf': 'd' });
    expect(Object.keys(shown)).toContain('srv/a/first');
    expect(Object.keys(shown)).not.toContain('srv/a/second');
  });

  test('has what an image needs: an empty machine id, names for Python and tini', async () => {
    const shown = await configure([deb('tini', { files: { 'usr/bin/tini': 't', 'usr/sbin': '/' } })]);
    expect(shown).toMatchObject({
      'etc/machine-id': '',
      'etc/hosts': '',
      'usr/local/bin/python': '-> /usr/bin/python3.11',
      'usr/sbin/tini': '-> ../bin/tini',
    });
    expect(shown['etc/apt/sources.list.d/debian.sources']).toContain('Suites: bookworm-security\n');
  });

  test('stops at a script that is not understood, naming it', async () => {
    const a = deb('a', { scripts: { postinst: '#!/bin/sh\nset -e\n\nfrobnicate --all\n' } });
    await expect(configure([a])).rejects.toMatchObject({
      code: 'COGPLAN_SCRIPT_UNKNOWN',
      subject: 'a 1',
      message: 'a 1: postinst, line 4: the command frobnicate is not known: frobnicate --all',
    });
  });

  test('cannot take away what a package ships, but can replace it', async () => {
    const files = { 'etc/x': 'shipped', 'var/lock': '/1777' };
    const removes = deb('a', { files, scripts: { postinst: '#!/bin/sh\nrm -f /etc/x\n' } });
    await expect(configure([removes])).rejects.toMatchObject({ code: 'COGPLAN_DEB_REMOVAL', subject: '/etc/x' });
    const replaces = deb('a', {
      files,
      scripts: { postinst: '#!/bin/sh\nrm -f /etc/x\nln -s y /etc/x\nrmdir /var/lock\nln -s /run/lock /var/lock\n' },
    });
    expect(await configure([replaces])).toMatchObject({ 'etc/x': '-> y', 'var/lock': '-> /run/lock' });
  });

  test('never leaves the tree through a link', async () => {
    const a = deb('a', {
      files: { 'etc/out': '-> ../../../../outside', 'etc/loop': '-> loop' },
      scripts: { postinst: '#!/bin/sh\nmkdir -p /etc/out\ntouch /etc/out/x\n' },
    });
    expect(await configure([a])).toHaveProperty('outside/x', '');
    const loop = deb('b', {
      files: { 'etc/loop': '-> loop' },
      scripts: { postinst: '#!/bin/sh\ntouch /etc/loop/x\n' },
    });
    await expect(configure([loop])).rejects.toMatchObject({ code: 'COGPLAN_DEB_EFFECT' });
  });

  test('of shells, as update-shells writes them: each line also by its real path, though that is registered as well', async () => {
    const utilities = deb('debianutils', { files: { 'usr/sbin/update-shells': '' } });
    const one = deb('one', {
      files: { 'bin/one': '', 'usr/share/debianutils/shells.d/one': '# its shells\n/bin/one # it\n/usr/bin/one\n' },
    });
    const two = deb('two', { scripts: { postinst: '#!/bin/sh\nadd-shell /bin/two\nadd-shell /usr/bin/one\n' } });
    const shown = await configure([deb('base-files', { files: MERGED }), utilities, one, two]);
    const registered = '/bin/one\n/usr/bin/one\n/usr/bin/one\n';
    expect(shown['etc/shells']).toBe(`# /etc/shells: valid login shells\n${registered}/bin/two\n/usr/bin/two\n`);
    expect(shown['var/lib/shells.state']).toBe(registered);
  });

  test('of certificates: list, links, bundle', async () => {
    const pem = (text: string) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----`;
    const ca = deb('ca-certificates', {
      files: {
        'usr/share/ca-certificates/mozilla/B (x), y.crt': pem('AAAA'),
        'usr/share/ca-certificates/mozilla/A.crt': `${pem('BBBB')}\n`,
        'etc/ssl/certs': '/',
      },
      scripts: { postinst: '#!/bin/sh\nupdate-ca-certificates\n' },
    });
    const shown = await configure([ca]);
    expect(shown['etc/ca-certificates.conf']?.split('\n').slice(-3)).toEqual([
      'mozilla/A.crt',
      'mozilla/B (x), y.crt',
      '',
    ]);
    expect(shown['etc/ssl/certs/B_=x=__y.pem']).toBe('-> /usr/share/ca-certificates/mozilla/B (x), y.crt');
    expect(shown['etc/ssl/certs/ca-certificates.crt']).toBe(`${pem('BBBB')}\n${pem('AAAA')}\n`);
  });
});
