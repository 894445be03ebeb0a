import { createMessage, type Key, readCleartextMessage, readKey, readSignature, verify } from 'openpgp';
import { compareBytes } from '../../canonical.ts';
import type { ErrorCode } from '../../error-codes.ts';
import { CogplanError } from '../../errors.ts';

export interface TrustedKey {
  /** Of the primary key, upper case. */
  readonly fingerprint: string;
  readonly armored: string;
  /** What it says whose it is. */
  readonly user?: string | undefined;
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
 * ignored; SHA-1 and MD5 are no signatures. COGPLAN_SIGNATURE_INVALID, COGPLAN_SIGNATURE_KEY_UNKNOWN,
 * COGPLAN_SIGNATURE_KEY_EXPIRED, COGPLAN_SIGNATURE_UNCOVERED for text that the signature does not cover, and
 * COGPLAN_SIGNATURE_WEAK.
 */
export async function verifyClearSigned(content: string, { keys, now, what }: VerifyOptions): Promise<SignedText> {
  const message = await parseMessage(content, what);
  const trusted = await Promise.all(keys.map(readTrustedKey));
  const { signatures, data } = await verify({ message, verificationKeys: trusted, date: now });
  return { text: data, signers: await goodSigners(signatures, { trusted, now, what }) };
}

/**
 * The same for a text whose signature is another file (`Release` and `Release.gpg`), armored or binary. Returns the
 * fingerprints of the primary keys whose signatures are good, sorted.
 */
export async function verifyDetached(
  content: Buffer,
  signature: Buffer,
  { keys, now, what }: VerifyOptions,
): Promise<readonly string[]> {
  const message = await createMessage({ binary: new Uint8Array(content) });
  const trusted = await Promise.all(keys.map(readTrustedKey));
  const { signatures } = await verify({
    message,
    signature: await parseSignature(signature, what),
    verificationKeys: trusted,
    date: now,
  });
  return goodSigners(signatures, { trusted, now, what });
}

interface SignerOptions {
  readonly trusted: readonly Key[];
  readonly now: Date;
  readonly what: string;
}

async function goodSigners(
  signatures: Awaited<ReturnType<typeof verify>>['signatures'],
  { trusted, now, what }: SignerOptions,
): Promise<readonly string[]> {
  const signers = new Set<string>();
  const unknown: string[] = [];
  const expired: string[] = [];
  for (const signature of signatures) {
    const id = signature.keyID.toHex().toUpperCase();
    const key = trusted.find((candidate) => candidate.getKeys(signature.keyID).length > 0);
    if (key === undefined) {
      unknown.push(`${id} is not a trusted key`);
      continue;
    }
    try {
      await signature.verified;
    } catch (error) {
      throw badSignature(what, id, error);
    }
    const expires = await key.getExpirationTime();
    if (expires instanceof Date && expires <= now) expired.push(`${id} expired on ${expires.toISOString()}`);
    else signers.add(key.getFingerprint().toUpperCase());
  }
  if (signers.size > 0) return [...signers].sort(compareBytes);
  const reasons = [...expired, ...unknown].join('; ') || 'no signature at all';
  const problem = `no good signature of a trusted key (${reasons})`;
  if (expired.length > 0) {
    throw signatureError('COGPLAN_SIGNATURE_KEY_EXPIRED', {
      what,
      problem,
      hint: 'The archive must sign with a new key.',
    });
  }
  if (unknown.length > 0) {
    const hint = 'Keys of further archives are named with them, below archives in cogplan.yaml.';
    throw signatureError('COGPLAN_SIGNATURE_KEY_UNKNOWN', { what, problem, hint });
  }
  throw signatureError('COGPLAN_SIGNATURE_INVALID', { what, problem });
}

function badSignature(what: string, id: string, cause: unknown): CogplanError {
  const text = messageOf(cause);
  const problem = `the signature of ${id} is not good: ${text}`;
  if (/insecure|hash algorithm/i.test(text)) return signatureError('COGPLAN_SIGNATURE_WEAK', { what, problem, cause });
  if (/key (?:is|has|was) expired/i.test(text)) {
    return signatureError('COGPLAN_SIGNATURE_KEY_EXPIRED', { what, problem, cause });
  }
  return signatureError('COGPLAN_SIGNATURE_INVALID', { what, problem, cause });
}

async function parseSignature(signature: Buffer, what: string): Promise<Awaited<ReturnType<typeof readSignature>>> {
  const text = signature.toString('latin1');
  try {
    if (!text.trimStart().startsWith('-----BEGIN')) {
      return await readSignature({ binarySignature: new Uint8Array(signature) });
    }
    return await readSignature({ armoredSignature: text });
  } catch (cause) {
    throw signatureError('COGPLAN_SIGNATURE_INVALID', {
      what,
      problem: `cannot read the signature: ${messageOf(cause)}`,
      cause,
    });
  }
}

async function parseMessage(content: string, what: string): Promise<Awaited<ReturnType<typeof readCleartextMessage>>> {
  requireSingleBlock(content, what);
  try {
    return await readCleartextMessage({ cleartextMessage: content });
  } catch (error) {
    throw signatureError('COGPLAN_SIGNATURE_INVALID', {
      what,
      problem: `cannot read the signed message: ${messageOf(error)}`,
      cause: error,
    });
  }
}

/**
 * One signed block from the first byte to the last: parsers differ in what they do with the rest, so there must be no rest.
 */
function requireSingleBlock(content: string, what: string): void {
  const lines = content.split('\n').map((line) => line.replace(/[ \t\r]+$/, ''));
  while (lines.at(-1) === '') lines.pop();
  const first = lines.indexOf('-----BEGIN PGP SIGNED MESSAGE-----');
  if (first < 0) throw signatureError('COGPLAN_SIGNATURE_INVALID', { what, problem: 'not a clear-signed text' });
  if (first > 0) throw uncovered(what, 'text before the signed block');
  const blank = lines.indexOf('');
  const headers = lines.slice(1, Math.max(blank, 1));
  const odd = headers.find((line) => !/^Hash: [A-Z0-9]+(?:, ?[A-Z0-9]+)*$/.test(line));
  if (blank < 0 || odd !== undefined) throw uncovered(what, 'an armour header other than Hash');
  const begin = lines.indexOf('-----BEGIN PGP SIGNATURE-----');
  const end = lines.indexOf('-----END PGP SIGNATURE-----');
  if (begin < blank || end < begin) {
    throw signatureError('COGPLAN_SIGNATURE_INVALID', { what, problem: 'no signature block' });
  }
  if (end !== lines.length - 1) throw uncovered(what, 'text after the signature');
  const escaped = lines.slice(blank + 1, begin).every((line) => !line.startsWith('-') || line.startsWith('- '));
  if (!escaped || lines.slice(begin + 1, end).some((line) => line.startsWith('-'))) {
    throw uncovered(what, 'a line that begins with a dash inside the block');
  }
}

async function readTrustedKey(key: TrustedKey): Promise<Key> {
  const parsed = await readKey({ armoredKey: key.armored });
  if (parsed.getFingerprint().toUpperCase() !== key.fingerprint) {
    throw signatureError('COGPLAN_SIGNATURE_INVALID', {
      what: key.fingerprint,
      problem: `the key has the fingerprint ${parsed.getFingerprint().toUpperCase()}`,
    });
  }
  return parsed;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function uncovered(what: string, problem: string): CogplanError {
  return signatureError('COGPLAN_SIGNATURE_UNCOVERED', { what, problem });
}

interface SignatureProblem {
  readonly what: string;
  readonly problem: string;
  readonly hint?: string;
  readonly cause?: unknown;
}

function signatureError(code: ErrorCode, { what, problem, hint, cause }: SignatureProblem): CogplanError {
  return new CogplanError(code, `${what}: ${problem}`, {
    subject: what,
    hint: hint ?? 'The archive, or something between here and there, does not give what its keys signed.',
    ...(cause === undefined ? {} : { cause }),
  });
}
