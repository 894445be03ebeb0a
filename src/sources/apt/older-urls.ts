import type { Archive, File } from '../../lock/schema.generated.ts';
import { stampOf } from './snapshot-stamp.ts';

/** Debian archives by the URL that locks name them by, and where their past states are. */
const SNAPSHOTS: Readonly<Record<string, string>> = {
  'https://deb.debian.org/debian/': 'https://snapshot.debian.org/archive/debian',
  'https://deb.debian.org/debian-security/': 'https://snapshot.debian.org/archive/debian-security',
};

/** Snapshots are taken every six hours, so by then the state of the Release file has been seen. */
const IMPORT_DELAY = 6 * 3600 * 1000;

/**
 * Where a .deb is once its archive has dropped it: in the snapshot of the state that the lock was made from, and by its hash.
 * Never in the lock: wherever the bytes come from, their hash decides.
 */
export function withOlderUrls(file: File, archives: readonly Archive[]): File {
  const root = Object.keys(SNAPSHOTS).find((url) => file.url.startsWith(url));
  if (root === undefined || !file.url.endsWith('.deb')) return file;
  const path = file.url.slice(root.length);
  const states = archives.filter(({ url }) => `${url}/` === root).map(({ date }) => new Date(date).getTime());
  const dated = [...new Set(states)].map(
    (time) => `${SNAPSHOTS[root]}/${stampOf(new Date(time + IMPORT_DELAY))}/${path}`,
  );
  const byHash = `https://snapshot.debian.org/file/${file.sha256}`;
  return { ...file, mirrors: [...(file.mirrors ?? []), ...dated, byHash] };
}
