import type { Context } from '../../context.ts';
import { sha256 } from '../../digest.ts';
import { remember } from '../../store/remember.ts';
import type { SignedText, VerifyOptions } from './clear-signed.ts';

const KIND = 'release-signature';

/**
 * What `verifyClearSigned` says of a file, remembered by the store for these bytes, these keys and this day: an archive that has not changed
 * costs no public-key arithmetic. Only good signatures are remembered.
 */
export async function verifyOncePerDay(
  { store }: { readonly store: Pick<Context['store'], 'getDerived' | 'putDerived'> },
  body: Buffer,
  options: VerifyOptions,
  build?: string,
): Promise<SignedText> {
  const { keys, now } = options;
  const inputs = {
    file: sha256(body),
    keys: keys.map(({ fingerprint, armored }) => ({ fingerprint, armored })),
    day: now.toISOString().slice(0, 10),
  };
  return remember<SignedText>(store, { kind: KIND, inputs, build }, async () => {
    const { verifyClearSigned } = await import('./clear-signed.ts');
    return verifyClearSigned(body.toString('utf8'), options);
  });
}
