import type { Digest } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import type { Registry } from './registry.ts';

export interface PushedManifest {
  /** False: the registry had it there already. */
  readonly sent: boolean;
  /** The subject that the registry says it lists the manifest under: it has the referrers API. */
  readonly subject?: string;
}

/**
 * Puts a manifest under a tag, or under its digest alone, when the registry does not have it there already; `isAbsent` where that is known.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
 */
export async function pushManifest(
  registry: Registry,
  manifest: { readonly bytes: Uint8Array; readonly digest: Digest; readonly mediaType: string },
  name: string,
  { isAbsent = false }: { readonly isAbsent?: boolean } = {},
): Promise<PushedManifest> {
  const url = registry.url(`manifests/${name}`);
  if (!isAbsent && (await hasManifest(registry, url, manifest))) return { sent: false };
  const answer = await registry.send(url, {
    method: 'PUT',
    headers: { 'content-type': manifest.mediaType, 'content-length': String(manifest.bytes.length) },
    body: () => manifest.bytes,
  });
  const stored = answer.headers['docker-content-digest'];
  const subject = answer.headers['oci-subject'];
  if (stored === undefined || stored === manifest.digest)
    return { sent: true, ...(subject === undefined ? {} : { subject }) };
  throw new CogplanError(
    'COGPLAN_HASH_MISMATCH',
    `${registry.name} stored the manifest as ${stored}, not as ${manifest.digest}`,
    { subject: registry.name, hint: 'The registry rewrote the manifest.' },
  );
}

async function hasManifest(
  registry: Registry,
  url: string,
  { digest, mediaType }: { readonly digest: Digest; readonly mediaType: string },
): Promise<boolean> {
  const there = await registry.send(url, { method: 'HEAD', headers: { accept: mediaType }, allowStatus: [404, 405] });
  return there.status === 200 && there.headers['docker-content-digest'] === digest;
}
