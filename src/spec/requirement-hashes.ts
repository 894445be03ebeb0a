import { CogplanError, type Where } from '../errors.ts';

const HASH = /^([a-z0-9]+):([0-9a-f]+)$/i;

/** The sha256 hashes among those given, sorted. Only sha256 names artifacts in the lock; other algorithms may stand beside it. */
export function readHashes(given: readonly string[], where: Where): readonly string[] {
  const hashes = given.map((text) => {
    const [, algorithm = '', digits = ''] = HASH.exec(text) ?? [];
    const length = { sha256: 64, sha384: 96, sha512: 128 }[algorithm.toLowerCase()];
    if (length === undefined || digits.length !== length) {
      throw new CogplanError('COGPLAN_REQUIREMENT_HASH', `"${text.slice(0, 160)}" is not a hash`, {
        where,
        hint: 'Write --hash=sha256: and 64 hexadecimal digits.',
      });
    }
    return `${algorithm}:${digits}`.toLowerCase();
  });
  const usable = hashes.filter((hash) => hash.startsWith('sha256:'));
  if (hashes.length > 0 && usable.length === 0) {
    throw new CogplanError('COGPLAN_REQUIREMENT_HASH', 'the requirement has no sha256 hash', {
      where,
      hint: 'Add --hash=sha256:…; other algorithms are not enough.',
    });
  }
  return [...new Set(usable)].sort();
}
