import type { Effect } from './effect.ts';

export interface KnownScript {
  readonly name: string;
  readonly script: 'config' | 'preinst' | 'postinst';
  readonly fingerprints: readonly string[];
  /** Why a person was needed, and what the effects leave out. */
  readonly why: string;
  readonly effects: readonly Effect[];
}

const PYTHON_CONFIGURATION = `[DEFAULT]
# how to byte-compile (comma separated: standard, optimize)
byte-compile = standard
`;

const LOCAL_TIME: Effect = { kind: 'link', path: '/etc/localtime', target: '/usr/share/zoneinfo/Etc/UTC', force: true };

/** Scripts that a person read, sorted by name; see `findKnownScript`. */
export const KNOWN_SCRIPTS: readonly KnownScript[] = [
  {
    name: 'adduser',
    script: 'postinst',
    fingerprints: ['32028d6373e2e2d5475a0c328e1711e8'],
    why: 'edits its configuration only when an answer differs from the default',
    effects: [{ kind: 'copy', from: '/usr/share/adduser/adduser.conf', to: '/etc/adduser.conf' }],
  },
  {
    name: 'base-files',
    script: 'preinst',
    fingerprints: ['2c09102fffc52fcabd6b17238d346415'],
    why: 'checks the links of a merged /usr, which the root layer makes; the diversions guard empty names',
    effects: ['lib32', 'libo32', 'libx32'].map((name) =>
      diversion(`/${name}`, `/.${name}.usr-is-merged`, 'base-files'),
    ),
  },
  {
    name: 'base-files',
    script: 'preinst',
    fingerprints: ['5ec2b721b5bee60cd2a01724ab03a179'],
    why: 'the same on arm64, whose merged /usr has no /lib64',
    effects: ['lib32', 'lib64', 'libo32', 'libx32'].map((name) =>
      diversion(`/${name}`, `/.${name}.usr-is-merged`, 'base-files'),
    ),
  },
  {
    name: 'base-passwd',
    script: 'postinst',
    fingerprints: ['8c1542e000b3ca57ba8f67165e613d1f'],
    why: 'update-passwd has nothing to do where the master files were just copied',
    effects: [
      { kind: 'copy', from: '/usr/share/base-passwd/passwd.master', to: '/etc/passwd' },
      { kind: 'copy', from: '/usr/share/base-passwd/group.master', to: '/etc/group' },
    ],
  },
  {
    name: 'bash',
    script: 'preinst',
    fingerprints: ['776276932e0a8d1df8b15f759cd8caf8'],
    why: 'a compiled program that makes /bin/sh before dash does, and gives it up to dash',
    effects: [],
  },
  {
    name: 'ca-certificates',
    script: 'postinst',
    fingerprints: ['9e2a21c208e8469d9cad24ad29e5c876', 'cff9720bff8b3a4e8a504fa3778e15af'],
    why: 'takes the mode of /usr/local, and writes its list from answers: all certificates are trusted',
    effects: [
      { kind: 'directory', path: '/usr/local/share/ca-certificates', mode: '755', parents: true },
      { kind: 'generate', what: 'ca-certificates', arguments: [] },
    ],
  },
  {
    name: 'dash',
    script: 'postinst',
    fingerprints: ['3f86ca591dffcfb74fe63e8a9a6f8a1c'],
    why: 'asks whether dash is /bin/sh; the default is yes',
    effects: [
      diversion('/bin/sh', '/bin/sh.distrib', 'dash'),
      { kind: 'link', path: '/bin/sh', target: 'dash', force: true },
      diversion('/usr/share/man/man1/sh.1.gz', '/usr/share/man/man1/sh.distrib.1.gz', 'dash'),
      { kind: 'link', path: '/usr/share/man/man1/sh.1.gz', target: 'dash.1.gz', force: true },
      { kind: 'generate', what: 'shells', arguments: ['/bin/dash'] },
    ],
  },
  {
    name: 'dpkg',
    script: 'postinst',
    fingerprints: ['c8f859ee59f1a878e8b668fbc5a9defa'],
    why: 'moves files that a version of 2022 misplaced; its timer needs systemd',
    effects: [],
  },
  {
    name: 'fontconfig-config',
    script: 'postinst',
    fingerprints: ['d17ff121e81fa69c27310421958d67b1'],
    why: 'finds its answers in the links that are there, which are those of the package',
    effects: [
      fontLink('10-hinting-slight.conf'),
      fontLink('70-no-bitmaps.conf'),
      { kind: 'directory', path: '/usr/local/share/fonts', mode: '2775', parents: true },
      { kind: 'owner', path: '/usr/local/share/fonts', owner: 'root:staff' },
    ],
  },
  {
    name: 'fontconfig-config',
    script: 'postinst',
    fingerprints: ['690fe060e44204d355a2177abfc4b5a3'],
    why: 'finds its answers in the links that are there, which are those of the package',
    effects: [
      fontLink('10-hinting-slight.conf'),
      fontLink('70-no-bitmaps-except-emoji.conf'),
      { kind: 'directory', path: '/usr/local/share/fonts', mode: '755', parents: true },
    ],
  },
  {
    name: 'libc6',
    script: 'preinst',
    fingerprints: ['6b27a27cc99bfe718ac038622abafb18'],
    why: 'checks the running kernel and LD_LIBRARY_PATH',
    effects: [],
  },
  {
    name: 'libc6',
    script: 'preinst',
    fingerprints: ['b93cb72e468c0605d6711a6d3155f375', '496fc9c917e69211326fc25581862ed5'],
    why: 'checks the running kernel; the diversion guards the loader against other packages that ship it',
    effects: [diversion('/lib64/ld-linux-x86-64.so.2', '/lib64/ld-linux-x86-64.so.2.usr-is-merged', 'libc6')],
  },
  {
    name: 'libglib2.0-0t64',
    script: 'preinst',
    fingerprints: ['34e1b663aacf0edff50d09639d79b685'],
    why: 'removes a script of libglib2.0-0, which is never installed with it',
    effects: [],
  },
  ...(
    [
      ['39b820c87f996e6e6e5e1f685eb4f5d2', 'x86_64-linux-gnu'],
      ['52b3a2a20916c48e4db8a1a170444a41', 'aarch64-linux-gnu'],
    ] as const
  ).map(
    ([fingerprint, triplet]): KnownScript => ({
      name: 'libhdf5-dev',
      script: 'postinst',
      fingerprints: [fingerprint],
      why: 'joins two alternatives, but not in this flavour of the library',
      effects: [
        {
          kind: 'alternative',
          link: `/usr/lib/${triplet}/pkgconfig/hdf5.pc`,
          name: 'hdf5.pc',
          path: `/usr/lib/${triplet}/pkgconfig/hdf5-serial.pc`,
          priority: 20,
          slaves: [],
        },
      ],
    }),
  ),
  {
    name: 'libpaper1',
    script: 'postinst',
    fingerprints: ['7a66dbd934f261935d19af2878cf0b00'],
    why: 'takes the paper size from the locale, which is C.UTF-8',
    effects: [{ kind: 'file', path: '/etc/papersize', content: 'a4\n', append: false, mode: 0o644 }],
  },
  {
    name: 'locales',
    script: 'postinst',
    fingerprints: ['b3c75095d358e54ada5211888edee503'],
    why: 'builds the locales that were asked for: none, as C.UTF-8 comes with libc-bin',
    effects: [
      {
        kind: 'file',
        path: '/etc/default/locale',
        content: '#  File generated by update-locale\n',
        append: false,
        mode: 0o644,
      },
      { kind: 'generate', what: 'locale-list', arguments: [] },
    ],
  },
  {
    name: 'locales',
    script: 'postinst',
    fingerprints: ['5e05c4a994489c3d2810520d9e3929a5'],
    why: 'the same, with its configuration where systemd has it',
    effects: [
      { kind: 'link', path: '/etc/default/locale', target: '../locale.conf', force: true },
      {
        kind: 'file',
        path: '/etc/locale.conf',
        content: '#  File generated by update-locale\n',
        append: false,
        mode: 0o644,
      },
      { kind: 'generate', what: 'locale-list', arguments: [] },
    ],
  },
  {
    name: 'login.defs',
    script: 'postinst',
    fingerprints: ['bb18971896195e215cdd03f8f76df1cf'],
    why: 'takes back a configuration file that an upgrade moved aside',
    effects: [],
  },
  {
    name: 'mariadb-common',
    script: 'postinst',
    fingerprints: ['3766cbc668ceb7541faec8a368422439'],
    why: 'chooses its configuration through a program of mysql-common',
    effects: [mysqlConfiguration('/etc/mysql/mariadb.cnf', 200)],
  },
  {
    name: 'mysql-common',
    script: 'postinst',
    fingerprints: ['1ec4298367f32e741256017020bf76ba'],
    why: 'keeps a configuration of an older version',
    effects: [mysqlConfiguration('/etc/mysql/my.cnf.fallback', 100)],
  },
  {
    name: 'openssh-client',
    script: 'postinst',
    fingerprints: ['471111c2b5a38f24969b0435aad3c403'],
    why: 'asks update-alternatives what is there before it adds to it',
    effects: [
      remoteTool('rsh', 'ssh'),
      remoteTool('rlogin', 'slogin'),
      remoteTool('rcp', 'scp'),
      { kind: 'group', name: 'ssh', gid: undefined },
      { kind: 'owner', path: '/usr/bin/ssh-agent', owner: ':ssh' },
      { kind: 'mode', path: '/usr/bin/ssh-agent', mode: '2755' },
    ],
  },
  {
    name: 'passwd',
    script: 'postinst',
    fingerprints: ['7be780865be952e51dde8799144ad675'],
    why: 'changes modes of logs of the Debian installer',
    effects: [
      { kind: 'group', name: 'shadow', gid: 42 },
      { kind: 'generate', what: 'shadow', arguments: [] },
    ],
  },
  {
    name: 'python3',
    script: 'postinst',
    fingerprints: ['57c7daacc60884baba9214cd8572def6', 'c13f468c8f779a81e9a5e5c220f4bbdf'],
    why: 'runs hooks that compile bytecode of packages',
    effects: [
      { kind: 'directory', path: '/etc/python3', mode: '755', parents: true },
      { kind: 'file', path: '/etc/python3/debian_config', content: PYTHON_CONFIGURATION, append: false, mode: 0o644 },
      { kind: 'skipped', what: 'py3compile', why: 'Python bytecode is a layer of its own' },
    ],
  },
  {
    name: 'tzdata',
    script: 'config',
    fingerprints: [
      'bba95ffe582915f5b823f5b3e4d31634',
      '23fc4acdf5559996ef66014741057b06',
      '212de5cb81ebea1155ce99e77d59d23e',
      '79b8823736692672103ed5a452b8a320',
    ],
    why: 'only finds the answer to its question, which is UTC where no zone is set',
    effects: [],
  },
  {
    name: 'tzdata',
    script: 'postinst',
    fingerprints: ['272af768dc6d6ed25a6ea78eb4f790ba', '78f6d12b2ce31573db426174c00f3a5e'],
    why: 'takes the zone from the answer',
    effects: [LOCAL_TIME, { kind: 'file', path: '/etc/timezone', content: 'Etc/UTC\n', append: false, mode: 0o644 }],
  },
  {
    name: 'tzdata',
    script: 'postinst',
    fingerprints: ['cb7ed7c89a37c649b20ff9c14e29945e', 'eed337cda77ea63615940ae9b8bae3c2'],
    why: 'takes the zone from the answer',
    effects: [LOCAL_TIME],
  },
  {
    name: 'ucf',
    script: 'preinst',
    fingerprints: ['582502bbd8616f22e824c6357d4e8d1c'],
    why: 'moves a database that is not there',
    effects: [],
  },
  {
    name: 'usr-is-merged',
    script: 'postinst',
    fingerprints: ['cf1b54edf10eb0d3387b47171883d270'],
    why: 'removes links to directories of other architectures that earlier conversions left behind',
    effects: [],
  },
];

function diversion(path: string, to: string, by: string): Effect {
  return { kind: 'diversion', path, to, by };
}

function mysqlConfiguration(path: string, priority: number): Effect {
  return { kind: 'alternative', link: '/etc/mysql/my.cnf', name: 'my.cnf', path, priority, slaves: [] };
}

function remoteTool(name: string, program: string): Effect {
  const manual = (page: string) => `/usr/share/man/man1/${page}.1.gz`;
  const slaves = [{ link: manual(name), name: `${name}.1.gz`, path: manual(program) }];
  return { kind: 'alternative', link: `/usr/bin/${name}`, name, path: `/usr/bin/${program}`, priority: 20, slaves };
}

function fontLink(name: string): Effect {
  return {
    kind: 'link',
    path: `/etc/fonts/conf.d/${name}`,
    target: `/usr/share/fontconfig/conf.avail/${name}`,
    force: true,
  };
}
