import { buildId } from '../../build-id.ts';
import { canonicalJson } from '../../canonical.ts';
import type { Context } from '../../context.ts';
import { sha256 } from '../../digest.ts';
import type { SignedText, VerifyOptions } from './clear-signed.ts';

const KIND = 'release-signature';

type Verified = { readonly text: string; readonly signers: readonly string[] };

/**
 * What `verifyClearSigned` says of a file, remembered by the store for these bytes, these keys and this day: an archive that has not changed
 * costs no public-key arithmetic. Only good signatures are remembered.
 */
export async function verifyOncePerDay(
  { store }: { readonly store: Pick<Context['store'], 'getDerived' | 'putDerived'> },
  body: Buffer,
  options: VerifyOptions,
  build: string = buildId(),
): Promise<SignedText> {
  const verify = async (): Promise<SignedText> =>
    (await import('./clear-signed.ts')).verifyClearSigned(body.toString('utf8'), options);
  // From source there is no build whose judgement could be told from that of the next edit.
  if (build === 'source') return verify();
  const key = sha256(
    canonicalJson({
      build,
      file: sha256(body),
      keys: options.keys.map(({ fingerprint, armored }) => ({ fingerprint, armored })),
      day: options.now.toISOString().slice(0, 10),
    }),
  );
  const known = await store.getDerived<Verified>(KIND, key);
  if (known !== undefined) return known;
  const { text, signers } = await verify();
  await store.putDerived(KIND, key, { text, signers });
  return { text, signers };
}
