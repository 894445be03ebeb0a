import type { TrustedKey } from '../../../sources/apt/clear-signed.ts';
import keys from './keys.json' with { type: 'json' };

/** Keys that may sign a suite: those of the security archive for `X-security`, those of the main archive for the others. */
export function trustedKeysFor(archive: 'main' | 'security'): readonly TrustedKey[] {
  return keys
    .filter(({ role }) => (archive === 'security') === (role === 'security'))
    .map(({ fingerprint, armored }) => ({ fingerprint, armored: `${armored.join('\n')}\n` }));
}
