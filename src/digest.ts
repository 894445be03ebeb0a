import { createHash } from 'node:crypto';

declare const sha256Brand: unique symbol;
/** 64 lower-case hexadecimal digits, without a prefix. */
export type Sha256 = string & { readonly [sha256Brand]: true };
/** `sha256:` and 64 lower-case hexadecimal digits: the form OCI documents use. */
export type Digest = `sha256:${string}`;

const HEX = /^[0-9a-f]{64}$/;

export function isSha256(text: string): text is Sha256 {
  return HEX.test(text);
}

export function asSha256(text: string): Sha256 {
  if (!isSha256(text)) throw new TypeError(`not a sha256: ${text.slice(0, 80)}`);
  return text;
}

export function sha256(data: Uint8Array | string): Sha256 {
  return createHash('sha256').update(data).digest('hex') as Sha256;
}

export function toDigest(hash: Sha256): Digest {
  return `sha256:${hash}`;
}

export function fromDigest(digest: string): Sha256 {
  return asSha256(digest.replace(/^sha256:/, ''));
}
