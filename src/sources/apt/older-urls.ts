import type { Archive, File } from '../../lock/schema.generated.ts';
import { stampOf } from './snapshot-stamp.ts';

interface OlderPlaces {
  readonly snapshot: string;
  /** Where releases go that are no longer looked after. */
  readonly attic: string;
  /** Files by their sha256. */
  readonly byHash?: string;
}

/** Archives by the URL that locks name them by, and where their past states are. */
const PLACES: readonly (readonly [root: RegExp, places: OlderPlaces])[] = [
  [
    /^https:\/\/deb\.debian\.org\/(debian|debian-security)\//,
    {
      snapshot: 'https://snapshot.debian.org/archive/$1',
      attic: 'https://archive.debian.org/$1',
      byHash: 'https://snapshot.debian.org/file',
    },
  ],
  [
    /^https?:\/\/(?:[a-z]{2}\.)?(?:archive|security)\.ubuntu\.com\/ubuntu\//,
    { snapshot: 'https://snapshot.ubuntu.com/ubuntu', attic: 'https://old-releases.ubuntu.com/ubuntu' },
  ],
];

/** Snapshots are taken every six hours, so by then the state of the Release file has been seen. */
const IMPORT_DELAY = 6 * 3600 * 1000;

/**
 * Where a .deb is once its archive has dropped it: in the snapshot of the state that the lock was made from, with the releases of old, and by its hash.
 * Never in the lock: wherever the bytes come from, their hash decides.
 */
export function withOlderUrls(file: File, archives: readonly Archive[]): File {
  const found = PLACES.find(([root]) => root.test(file.url));
  const match = found?.[0].exec(file.url);
  if (found === undefined || match == null || !file.url.endsWith('.deb')) return file;
  const [root] = match;
  const { snapshot, attic, byHash } = found[1];
  const named = (place: string): string => place.replace('$1', match[1] ?? '');
  const path = file.url.slice(root.length);
  const states = archives.filter(({ url }) => `${url}/` === root).map(({ date }) => new Date(date).getTime());
  const dated = [...new Set(states)].map(
    (time) => `${named(snapshot)}/${stampOf(new Date(time + IMPORT_DELAY))}/${path}`,
  );
  const last = byHash === undefined ? [] : [`${byHash}/${file.sha256}`];
  return { ...file, mirrors: [...(file.mirrors ?? []), ...dated, `${named(attic)}/${path}`, ...last] };
}
