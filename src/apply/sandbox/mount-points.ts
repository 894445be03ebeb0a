import { lstatSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CogplanError } from '../../errors.ts';
import type { SandboxRequest } from './sandbox.ts';

const ALWAYS = ['/proc', '/dev', '/tmp'];

/**
 * Makes the mount points of a request that its root lacks: it is bound read-only, so bubblewrap could not. Points below another mount
 * are left to bubblewrap. A link on the way is refused, since it would lead out of the root. `files` are further guest paths to be mounted on.
 */
export function ensureMountPoints(request: SandboxRequest, files: readonly string[] = []): void {
  const mounts = [
    ...[...ALWAYS, ...request.tmpfs].map((guest) => ({ guest, directory: true })),
    ...files.map((guest) => ({ guest, directory: false })),
    ...request.binds.map(({ guest, host }) => ({ guest, directory: statSync(host).isDirectory() })),
  ];
  const guests = mounts.map(({ guest }) => guest);
  for (const { guest, directory } of mounts) {
    const below = guests.some((other) => other !== guest && guest.startsWith(`${other}/`));
    if (!below) ensurePoint(request.root, guest, directory);
  }
}

function ensurePoint(root: string, guest: string, directory: boolean): void {
  const segments = guest.split('/').filter((segment) => segment !== '');
  if (segments.includes('..') || segments.includes('.')) throw refused(guest, 'is not a plain path');
  let path = root;
  segments.forEach((segment, index) => {
    path = join(path, segment);
    const last = index === segments.length - 1;
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink() === true) throw refused(guest, 'goes through a symbolic link of the image');
    if (stat !== undefined) {
      if (stat.isDirectory() !== (last ? directory : true)) throw refused(guest, 'is of another kind in the image');
    } else if (last && !directory) {
      writeFileSync(path, '', { flag: 'a', mode: 0o644 });
    } else {
      mkdirSync(path, { recursive: true, mode: 0o755 });
    }
  });
}

function refused(guest: string, problem: string): CogplanError {
  return new CogplanError('COGPLAN_SANDBOX_FAILED', `the mount point ${guest} ${problem}`, {
    subject: guest,
    hint: 'The image has something else where the sandbox needs a directory or file of its own.',
  });
}
