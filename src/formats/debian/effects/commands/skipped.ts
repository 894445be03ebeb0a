import type { Command } from '../shell.ts';

/**
 * Commands that are left out on purpose. Caches only make a first start quicker, and hold times, directory order or hashes of
 * both; services have no place in a container, which starts one process.
 */
const REASONS = {
  bytecode: 'Python bytecode is a layer of its own',
  cache: 'a cache that programs do without',
  service: 'a container starts no services',
  menu: 'menus belong to a desktop',
  kernel: 'an image has no kernel of its own',
  trigger: 'what triggers do is done for the whole tree',
  label: 'labels belong to the host',
  stale: 'nothing of an older version is there',
  identity: 'an image must not name one machine',
  capability: 'container engines grant capabilities themselves',
} as const;

function skip(name: string, reason: keyof typeof REASONS): Command {
  return (shell) => {
    const why = REASONS[reason];
    shell.emit({ kind: 'skipped', what: name.replace(/^\//, ''), why });
    shell.printSkipped(why);
    return true;
  };
}

const TABLE: Readonly<Record<string, keyof typeof REASONS>> = {
  'dbus-send': 'service',
  'dbus-uuidgen': 'identity',
  'deb-systemd-helper': 'service',
  'deb-systemd-invoke': 'service',
  'dpkg-trigger': 'trigger',
  'fc-cache': 'cache',
  getcap: 'capability',
  'gtk-update-icon-cache': 'cache',
  'gtk-update-icon-cache-3.0': 'cache',
  'install-info': 'cache',
  'invoke-rc.d': 'service',
  journalctl: 'cache',
  mandb: 'cache',
  nscd: 'service',
  py3clean: 'bytecode',
  py3compile: 'bytecode',
  pyclean: 'bytecode',
  pycompile: 'bytecode',
  pypy3clean: 'bytecode',
  pypy3compile: 'bytecode',
  restorecon: 'label',
  service: 'service',
  setcap: 'capability',
  systemctl: 'service',
  'systemd-hwdb': 'cache',
  'systemd-machine-id-setup': 'identity',
  'systemd-tmpfiles': 'service',
  telinit: 'service',
  udevadm: 'service',
  apparmor_parser: 'label',
  kill: 'service',
  killall: 'service',
  modprobe: 'kernel',
  pkill: 'service',
  sysctl: 'kernel',
  'update-inetd': 'service',
  depmod: 'kernel',
  rmmod: 'kernel',
  'update-appstream-index': 'cache',
  'update-binfmts': 'kernel',
  'update-desktop-database': 'cache',
  'update-fonts-alias': 'cache',
  'update-fonts-dir': 'cache',
  'update-fonts-scale': 'cache',
  'update-gconf-defaults': 'cache',
  'update-grub': 'kernel',
  'update-icon-caches': 'cache',
  'update-info-dir': 'cache',
  'update-initramfs': 'kernel',
  'update-menus': 'menu',
  'update-mime': 'cache',
  'update-mime-database': 'cache',
  'update-python-modules': 'bytecode',
  'update-rc.d': 'service',
  '/clean-up-unmanaged-libraries': 'stale',
  '/gdk-pixbuf-query-loaders': 'cache',
  '/gio-querymodules': 'cache',
  '/gtk-query-immodules-2.0': 'cache',
  '/gtk-query-immodules-3.0': 'cache',
  '/glib-compile-schemas': 'cache',
  '/runit-helper': 'service',
  '/selinux_compile_fcontexts': 'label',
  'gdk-pixbuf-query-loaders': 'cache',
  'gio-querymodules': 'cache',
  'glib-compile-schemas': 'cache',
};

/** `python3.N [-E -S -O] …/py_compile.py files`, and nothing else that an interpreter could be asked to do. */
const pythonCompile: Command = (shell, words) => {
  const program = words.find((word) => typeof word !== 'string' || !word.startsWith('-'));
  if (typeof program !== 'string' || !/^\/usr\/lib\/python3[.\d]*\/(?:py_compile|compileall)\.py$/.test(program)) {
    return shell.fail('a Python program that is not known');
  }
  return skip('py_compile', 'bytecode')(shell, words);
};

/** Only what ends a service. */
const startStopDaemon: Command = (shell, words) => {
  if (!words.includes('--stop') && !words.includes('-K')) return shell.fail('a service is started');
  return skip('start-stop-daemon', 'service')(shell, words);
};

/** `setpriv … -- program`, `runuser -u man -- program`: as another account, where what is run is left out anyway. */
const asAnother: Command = (shell, words) => {
  const inner = words.slice(words.indexOf('--') + 1);
  const program = inner[0];
  const name = typeof program === 'string' ? program.replace(/^.*\//, '') : '';
  if (!words.includes('--') || TABLE[name] === undefined) return shell.fail('a program is run as another account');
  return shell.call([name, ...inner.slice(1)]);
};

/** An image is made without AppArmor. */
const isConfined: Command = () => false;

const PYTHONS = ['python3', ...Array.from({ length: 12 }, (_unused, index) => `python3.${index + 7}`)];

export const SKIPPED_COMMANDS: Readonly<Record<string, Command>> = {
  ...Object.fromEntries(Object.entries(TABLE).map(([name, reason]) => [name, skip(name, reason)])),
  'aa-enabled': isConfined,
  'aa-status': isConfined,
  runuser: asAnother,
  setpriv: asAnother,
  'start-stop-daemon': startStopDaemon,
  ...Object.fromEntries(PYTHONS.map((name) => [name, pythonCompile])),
};
