import { bug } from '../../errors.ts';
import type { SandboxRequest } from './sandbox.ts';

/** File descriptors that the bubblewrap process finds open beside its standard streams. */
export const STATUS_FD = 3;
export const ARGUMENTS_FD = 4;

const HOSTNAME = 'cogplan';

/**
 * bubblewrap's options for a request, in the order in which it mounts: the root, then `/proc`, `/dev` and `/tmp`, the memory file
 * systems, the binds. They travel through a pipe (`--args`), so that the environment does not show in the host's process list.
 */
export function bubblewrapArguments(request: SandboxRequest): readonly string[] {
  const options = [
    ...['--unshare-user', '--unshare-all'],
    ...(request.network === 'host' ? ['--share-net'] : []),
    ...['--die-with-parent', '--new-session', '--clearenv'],
    ...['--uid', '0', '--gid', '0', '--cap-drop', 'ALL'],
    ...['--hostname', request.hostname ?? HOSTNAME],
    ...(request.init === true ? ['--as-pid-1'] : []),
    ...['--json-status-fd', String(STATUS_FD)],
    ...[
      request.writableRoot === true ? '--bind' : '--ro-bind',
      request.root,
      '/',
      '--proc',
      '/proc',
      '--dev',
      '/dev',
      '--tmpfs',
      '/tmp',
    ],
    ...request.tmpfs.filter((path) => path !== '/tmp').flatMap((path) => ['--tmpfs', path]),
    ...request.binds.flatMap(({ host, guest, writable }) => [writable ? '--bind' : '--ro-bind', host, guest]),
    ...['--chdir', request.cwd],
    ...Object.entries(request.env).flatMap(([name, value]) => ['--setenv', name, value]),
  ];
  for (const text of [...options, ...request.argv]) {
    if (text.includes('\0')) throw bug('a sandbox argument holds a NUL byte');
  }
  return options;
}

/** The wire form of `--args`: each argument followed by a NUL byte. */
export function encodeArguments(options: readonly string[]): Buffer {
  return Buffer.from(options.map((option) => `${option}\0`).join(''), 'utf8');
}
