import { compareBytes } from '../../canonical.ts';
import { type Digest, sha256, toDigest } from '../../digest.ts';

/**
 * The digest of a set of files by content and path, as Cog's `weights.lock` has it: sha256 of the lines `<hex>  <path>`, sorted as
 * whole lines, joined by newlines, without a last one. It does not depend on how the files are packed.
 */
export function weightSetDigest(files: readonly { readonly path: string; readonly sha256: string }[]): Digest {
  const lines = files.map(({ path, sha256: hash }) => `${hash}  ${path}`).sort(compareBytes);
  return toDigest(sha256(lines.join('\n')));
}
