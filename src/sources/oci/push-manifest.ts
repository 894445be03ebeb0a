import type { Digest } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import type { Registry } from './registry.ts';

/**
 * Puts a manifest under a tag, or under its digest alone, when the registry does not have it there already. Returns whether anything was
 * sent. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
 */
export async function pushManifest(
  registry: Registry,
  manifest: { readonly bytes: Uint8Array; readonly digest: Digest; readonly mediaType: string },
  name: string,
): Promise<boolean> {
  const url = registry.url(`manifests/${name}`);
  const there = await registry.send(url, {
    method: 'HEAD',
    headers: { accept: manifest.mediaType },
    allowStatus: [404, 405],
  });
  if (there.status === 200 && there.headers['docker-content-digest'] === manifest.digest) return false;
  const answer = await registry.send(url, {
    method: 'PUT',
    headers: { 'content-type': manifest.mediaType, 'content-length': String(manifest.bytes.length) },
    body: () => manifest.bytes,
  });
  const stored = answer.headers['docker-content-digest'];
  if (stored === undefined || stored === manifest.digest) return true;
  throw new CogplanError(
    'COGPLAN_HASH_MISMATCH',
    `${registry.name} stored the manifest as ${stored}, not as ${manifest.digest}`,
    { subject: registry.name, hint: 'The registry rewrote the manifest.' },
  );
}
