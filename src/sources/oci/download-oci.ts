import type { Context } from '../../context.ts';
import { CogplanError, isCogplanError } from '../../errors.ts';
import { type Download, downloadBlob } from '../download-blob.ts';
import { formatReference, parseBlobUrl } from './reference.ts';
import { openRegistry, type Registry } from './registry.ts';

/** Downloads what an `oci:` URL names, into the store, continued where a connection was cut. */
export type DownloadOci = (context: Context, download: Download) => Promise<void>;

/** Downloads that share what they learn: each repository is authorised once. */
export function ociDownloads(): DownloadOci {
  const opened = new Map<string, Promise<Registry>>();
  return async (context, download) => {
    const parsed = parseBlobUrl(download.url);
    if (parsed === undefined) {
      throw new CogplanError('COGPLAN_URL_UNSUPPORTED', `${download.url} names no blob of a registry`, {
        subject: download.url,
      });
    }
    const { image, digest } = parsed;
    const name = formatReference({ registry: image.registry, repository: image.repository });
    const opening = opened.get(name) ?? openRegistry(context, image, { access: 'pull' });
    opened.set(name, opening);
    const registry = await opening;
    const from = (path: string): Promise<void> =>
      downloadBlob({ ...context, http: registry.http }, { ...download, url: registry.url(path) });
    try {
      await from(`blobs/${digest}`);
    } catch (error) {
      // A manifest is no blob to every registry.
      if (!isCogplanError(error, 'COGPLAN_HTTP_STATUS') || error.data?.status !== 404) throw error;
      await from(`manifests/${digest}`);
    }
  };
}
