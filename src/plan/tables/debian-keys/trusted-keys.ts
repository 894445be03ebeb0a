import type { TrustedKey } from '../../../sources/apt/clear-signed.ts';
import keys from './keys.json' with { type: 'json' };
import ubuntuKeys from './ubuntu-keys.json' with { type: 'json' };

/** Keys that may sign a suite: those of the security archive for `X-security`, those of the main archive for the others. */
export function trustedKeysFor(archive: 'main' | 'security'): readonly TrustedKey[] {
  return keys.filter(({ role }) => (archive === 'security') === (role === 'security')).map(trustedKey);
}

/** Keys that may sign the suites of Ubuntu's own archives. */
export function ubuntuKeysFor(): readonly TrustedKey[] {
  return ubuntuKeys.map(trustedKey);
}

/** `http://archive.ubuntu.com/ubuntu`, its country mirrors, `security.ubuntu.com` and `ports.ubuntu.com`. */
export function isUbuntuArchive(url: string): boolean {
  return UBUNTU_ARCHIVE.test(url);
}

/** The keys that cogplan brings for an archive by its URL: Ubuntu's for Ubuntu's own, for all others Debian's. */
export function builtInKeys({ url, suite }: { readonly url: string; readonly suite: string }): readonly TrustedKey[] {
  return isUbuntuArchive(url) ? ubuntuKeysFor() : trustedKeysFor(suite.endsWith('-security') ? 'security' : 'main');
}

const UBUNTU_ARCHIVE =
  /^https?:\/\/(?:(?:[a-z]{2}\.)?(?:archive|security|ports)\.ubuntu\.com\/ubuntu(?:-ports)?|old-releases\.ubuntu\.com\/ubuntu)(?:\/|$)/;

function trustedKey({
  fingerprint,
  armored,
}: {
  readonly fingerprint: string;
  readonly armored: readonly string[];
}): TrustedKey {
  return { fingerprint, armored: `${armored.join('\n')}\n` };
}
