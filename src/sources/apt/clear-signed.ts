import { type Key, readCleartextMessage, readKey, verify } from 'openpgp';
import { compareBytes } from '../../canonical.ts';
import { CogplanError } from '../../errors.ts';

export interface TrustedKey {
  /** Of the primary key, upper case. */
  readonly fingerprint: string;
  readonly armored: string;
}

export interface SignedText {
  /** What lies inside the signed block, dash-escaping undone; nothing else of the file counts. */
  readonly text: string;
  /** Fingerprints of the primary keys whose signatures are good, sorted. */
  readonly signers: readonly string[];
}

export interface VerifyOptions {
  readonly keys: readonly TrustedKey[];
  readonly now: Date;
  /** Names the file in messages. */
  readonly what: string;
}

/**
 * Verifies a clear-signed message (RFC 9580, section 7): exactly one signed block and nothing around it, at least one good
 * signature by a trusted key that has not expired, none by a trusted key that is bad. Signatures of unknown keys are
 * ignored; SHA-1 and MD5 are no signatures. COGPLAN_SIGNATURE_INVALID otherwise.
 */
export async function verifyClearSigned(content: string, { keys, now, what }: VerifyOptions): Promise<SignedText> {
  const message = await parseMessage(content, what);
  const trusted = await Promise.all(keys.map(readTrustedKey));
  const { signatures, data } = await verify({ message, verificationKeys: trusted, date: now });
  const signers = new Set<string>();
  const reasons: string[] = [];
  for (const signature of signatures) {
    const id = signature.keyID.toHex().toUpperCase();
    const key = trusted.find((candidate) => candidate.getKeys(signature.keyID).length > 0);
    if (key === undefined) {
      reasons.push(`${id} is not a trusted key`);
      continue;
    }
    try {
      await signature.verified;
    } catch (error) {
      throw signatureError(what, `the signature of ${id} is not good: ${messageOf(error)}`, error);
    }
    const expires = await key.getExpirationTime();
    if (expires instanceof Date && expires <= now) reasons.push(`${id} expired on ${expires.toISOString()}`);
    else signers.add(key.getFingerprint().toUpperCase());
  }
  if (signers.size === 0) {
    throw signatureError(what, `no good signature of a trusted key (${reasons.join('; ') || 'no signature at all'})`);
  }
  return { text: data, signers: [...signers].sort(compareBytes) };
}

async function parseMessage(content: string, what: string): Promise<Awaited<ReturnType<typeof readCleartextMessage>>> {
  requireSingleBlock(content, what);
  try {
    return await readCleartextMessage({ cleartextMessage: content });
  } catch (error) {
    throw signatureError(what, `cannot read the signed message: ${messageOf(error)}`, error);
  }
}

/**
 * One signed block from the first byte to the last: parsers differ in what they do with the rest, so there must be no rest.
 */
function requireSingleBlock(content: string, what: string): void {
  const lines = content.split('\n').map((line) => line.replace(/[ \t\r]+$/, ''));
  while (lines.at(-1) === '') lines.pop();
  if (lines[0] !== '-----BEGIN PGP SIGNED MESSAGE-----') throw signatureError(what, 'not a clear-signed text');
  const blank = lines.indexOf('');
  const headers = lines.slice(1, Math.max(blank, 1));
  const odd = headers.find((line) => !/^Hash: [A-Z0-9]+(?:, ?[A-Z0-9]+)*$/.test(line));
  if (blank < 0 || odd !== undefined) throw signatureError(what, 'an armour header other than Hash');
  const begin = lines.indexOf('-----BEGIN PGP SIGNATURE-----');
  const end = lines.indexOf('-----END PGP SIGNATURE-----');
  if (begin < blank || end < begin) throw signatureError(what, 'no signature block');
  if (end !== lines.length - 1) throw signatureError(what, 'text after the signature');
  const escaped = lines.slice(blank + 1, begin).every((line) => !line.startsWith('-') || line.startsWith('- '));
  if (!escaped || lines.slice(begin + 1, end).some((line) => line.startsWith('-'))) {
    throw signatureError(what, 'a line that begins with a dash inside the block');
  }
}

async function readTrustedKey(key: TrustedKey): Promise<Key> {
  const parsed = await readKey({ armoredKey: key.armored });
  if (parsed.getFingerprint().toUpperCase() !== key.fingerprint) {
    throw signatureError(key.fingerprint, `the key has the fingerprint ${parsed.getFingerprint().toUpperCase()}`);
  }
  return parsed;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function signatureError(what: string, problem: string, cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_SIGNATURE_INVALID', `${what}: ${problem}`, {
    subject: what,
    hint: 'The archive, or something between here and there, does not give what its keys signed.',
    ...(cause === undefined ? {} : { cause }),
  });
}
