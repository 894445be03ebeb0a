/** What a receipt is called among the referrers of an image; its manifest has a layer of each of the other two kinds. */
export const RECEIPT_ARTIFACT = 'application/vnd.cogplan.receipt.v1';
export const RECEIPT_TYPE = 'application/vnd.cogplan.receipt.v1+json';
export const LOCK_TYPE = 'application/vnd.cogplan.lock.v1+json';

/** The tag that stands in for the referrers API. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema */
export function referrersTag(digest: string): string {
  return digest.replace(':', '-');
}
