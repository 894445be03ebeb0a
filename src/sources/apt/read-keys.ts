import { readKeys } from 'openpgp';
import { CogplanError } from '../../errors.ts';
import type { TrustedKey } from './clear-signed.ts';

/**
 * The public keys of a file, armored or as `gpg --export` writes them. COGPLAN_ARCHIVE_KEY when there is none, or a secret
 * one; `what` names the file.
 */
export async function readTrustedKeys(bytes: Buffer, what: string): Promise<readonly TrustedKey[]> {
  const text = bytes.toString('latin1');
  try {
    const keys = text.includes('-----BEGIN PGP')
      ? (await Promise.all(blocksOf(text).map((armoredKeys) => readKeys({ armoredKeys })))).flat()
      : await readKeys({ binaryKeys: new Uint8Array(bytes) });
    if (keys.some((key) => key.isPrivate())) throw new Error('it holds a secret key');
    if (keys.length === 0) throw new Error('it holds no key');
    return keys.map((key) => ({
      fingerprint: key.getFingerprint().toUpperCase(),
      armored: key.armor(),
      user: key.getUserIDs()[0],
    }));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CogplanError('COGPLAN_ARCHIVE_KEY', `${what} is no OpenPGP public key: ${reason}`, {
      subject: what,
      hint: 'Name the key file that the archive publishes, armored (.asc) or binary (.gpg).',
      cause,
    });
  }
}

/** Files for apt may be several armored keys, one after the other. */
function blocksOf(text: string): readonly string[] {
  return text.split(/(?=^-----BEGIN PGP)/m).filter((part) => part.startsWith('-----BEGIN PGP'));
}
