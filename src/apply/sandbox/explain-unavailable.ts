import { readFileSync } from 'node:fs';

interface Setting {
  readonly name: string;
  readonly file: string;
  /** The value that forbids. */
  readonly forbids: string;
  readonly allow: string;
}

// In the order of how certainly each one is the cause.
const SETTINGS: readonly Setting[] = [
  {
    name: 'kernel.unprivileged_userns_clone',
    file: '/proc/sys/kernel/unprivileged_userns_clone',
    forbids: '0',
    allow: 'sysctl kernel.unprivileged_userns_clone=1',
  },
  {
    name: 'user.max_user_namespaces',
    file: '/proc/sys/user/max_user_namespaces',
    forbids: '0',
    allow: 'sysctl user.max_user_namespaces=15000',
  },
  {
    name: 'kernel.apparmor_restrict_unprivileged_userns',
    file: '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
    forbids: '1',
    allow: 'sysctl kernel.apparmor_restrict_unprivileged_userns=0',
  },
];

/**
 * Why this kernel lets no sandbox be made, as far as its settings tell: the forbidding setting with its value and the command that allows it.
 * `read` gives a file's text, or undefined when there is none.
 */
export function explainUnavailable(read: (file: string) => string | undefined = readSetting): {
  readonly cause: string;
  readonly remedy: string;
} {
  for (const { name, file, forbids, allow } of SETTINGS) {
    if (read(file)?.trim() === forbids) {
      return { cause: `${name} is ${forbids} (${file})`, remedy: `As root: ${allow}` };
    }
  }
  const seen = SETTINGS.map(({ name, file }) => `${name} is ${read(file)?.trim() ?? 'not there'}`).join(', ');
  return {
    cause: `no setting forbids it (${seen}); a container's seccomp or AppArmor profile may`,
    remedy: 'In a container: allow user namespaces in its security profile',
  };
}

function readSetting(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return undefined;
  }
}
