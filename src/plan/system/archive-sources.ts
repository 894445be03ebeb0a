import type { File } from '../../lock/schema.generated.ts';
import type { TrustedKey } from '../../sources/apt/clear-signed.ts';
import { trustedKeysFor } from '../tables/debian-keys/trusted-keys.ts';

/** One suite and component of an archive, and who may sign it. */
export interface ArchiveSource {
  /** Root of the archive, without a trailing slash. */
  readonly url: string;
  /** With a trailing slash: a flat archive's directory below the root. */
  readonly suite: string;
  /** Empty for a flat archive. */
  readonly component: string;
  readonly keys: readonly TrustedKey[];
  /** The project's own key file, for the lock. */
  readonly key?: File;
  /** Root of its snapshots, without the timestamp. */
  readonly snapshot?: string;
  /** Names, or patterns with `*`, of the only packages that are taken from it; absent: all. */
  readonly packages?: readonly string[];
}

/** Roots of the archives without trailing slashes, and the keys that may sign their suites. */
export interface DebianSources {
  readonly main: DebianArchive;
  readonly security: DebianArchive;
}

interface DebianArchive {
  readonly url: string;
  readonly keys: readonly TrustedKey[];
  readonly snapshot?: string;
}

export const DEBIAN: DebianSources = {
  main: {
    url: 'https://deb.debian.org/debian',
    keys: trustedKeysFor('main'),
    snapshot: 'https://snapshot.debian.org/archive/debian',
  },
  security: {
    url: 'https://deb.debian.org/debian-security',
    keys: trustedKeysFor('security'),
    snapshot: 'https://snapshot.debian.org/archive/debian-security',
  },
};

/** A suite with its updates and its security fixes. */
export function debianSources({ main, security }: DebianSources, suite: string): readonly ArchiveSource[] {
  const component = 'main';
  return [
    { ...main, component, suite },
    { ...main, component, suite: `${suite}-updates` },
    { ...security, component, suite: `${suite}-security` },
  ];
}
