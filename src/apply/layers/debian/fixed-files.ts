import type { ConfiguredTree } from './configured-tree.ts';

export interface FixedFilesInput {
  readonly suite: string;
  /** Absolute path of the interpreter, such as `/usr/bin/python3.11`. */
  readonly interpreter: string;
}

/**
 * What an image needs and no package brings: empty files where a container engine mounts its own, the names under which models
 * and scripts look for Python and tini, and the archive to install more from.
 */
export function writeFixedFiles(tree: ConfiguredTree, { suite, interpreter }: FixedFilesInput): void {
  // Empty, not absent: systemd and D-Bus fill it at the first start, and an image must not name one machine.
  tree.generate('/etc/machine-id', '', { mode: 0o444 });
  for (const path of ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf', '/etc/environment']) {
    if (tree.get(path) === undefined) tree.generate(path, '');
  }
  tree.generate('/etc/apt/sources.list.d/debian.sources', archiveSources(suite));
  if (tree.get('/usr/sbin/tini') === undefined && tree.getTarget('/usr/bin/tini') !== undefined) {
    tree.makeDirectory('/usr/sbin', { parents: true });
    tree.link('/usr/sbin/tini', '../bin/tini', true);
  }
  tree.makeDirectory('/usr/local/bin', { parents: true });
  for (const name of ['python', 'python3']) tree.link(`/usr/local/bin/${name}`, interpreter, true);
}

function archiveSources(suite: string): string {
  return `Types: deb
URIs: http://deb.debian.org/debian
Suites: ${suite} ${suite}-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://deb.debian.org/debian-security
Suites: ${suite}-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`;
}
