import { posix } from 'node:path';
import { hubCacheName } from '../../formats/weights/hub-uri.ts';
import { isPassing, type Places } from './find-places.ts';
import type { Seen } from './recorder.ts';
import type { HubFile, RecordedFetch, Recording, Unpinnable } from './recording.ts';
import { unpackedAt } from './unpacked-at.ts';

export interface Settling {
  readonly places: Places;
  readonly scratch: string;
  readonly inputs: ReadonlySet<string>;
  readonly hubHosts: ReadonlySet<string>;
  /** Whether an address holds a secret. */
  readonly isSecret: (url: string) => boolean;
}

const MOST_REDIRECTS = 20;
/** Names in a query under which signatures and tokens travel. */
const SIGNED = /[?&](?:x-amz-signature|x-goog-signature|signature|sig|token|access_token|api_?key|key-pair-id)=/i;

/** One fetch for each address that a program asked by itself, with what redirects led to, its hash, and where its bytes ended. */
export async function settle(seen: readonly Seen[], settling: Settling): Promise<Recording> {
  const byUrl = new Map(seen.map((item) => [item.url, item]));
  const targets = new Set(seen.flatMap(({ redirect }) => redirect ?? []));
  const references = hubReferences(seen, settling.hubHosts);
  const fetched: RecordedFetch[] = [];
  const unpinnable: Unpinnable[] = [];
  for (const first of seen) {
    if (targets.has(first.url) || settling.inputs.has(first.url)) continue;
    const last = followed(first, byUrl);
    const hub = hubFile(first, last, { settling, references });
    if (hub === undefined && (!last.got || isHubApi(first.url, settling.hubHosts))) continue;
    if (hub !== undefined && last.status >= 400) continue;
    if (SIGNED.test(first.url) || settling.isSecret(first.url)) {
      const what = `GET ${first.url.replace(/\?.*$/s, '')}`;
      unpinnable.push({ what, why: 'its address carries a credential, which no lock may hold' });
      continue;
    }
    fetched.push({
      url: first.url,
      ...(last === first ? {} : { final: last.url.replace(/\?.*$/s, '') }),
      ...(await placed(last, first, settling)),
      ...(hub === undefined ? {} : { hub }),
      ...(first.authorized ? { authorized: true as const } : {}),
      ...(first.byPget ? { byPget: true as const } : {}),
      phase: first.phase,
    });
  }
  return { fetched, unpinnable };
}

function followed(first: Seen, byUrl: ReadonlyMap<string, Seen>): Seen {
  let last = first;
  for (let count = 0; count < MOST_REDIRECTS && last.redirect !== undefined; count++) {
    const next = byUrl.get(last.redirect);
    if (next === undefined) break;
    last = next;
  }
  return last;
}

async function placed(
  { got, body }: Seen,
  { url, byPget }: Pick<Seen, 'url' | 'byPget'>,
  { places, scratch }: Settling,
): Promise<Pick<RecordedFetch, 'sha256' | 'size' | 'path' | 'unpacked' | 'executable'>> {
  const whole = got ? await body.whole() : undefined;
  if (whole === undefined) return {};
  const [place] = whole.size === 0 ? [] : await places.holding(whole);
  if (place !== undefined && !isPassing(place.path))
    return { ...whole, path: place.path, ...(place.executable ? { executable: true as const } : {}) };
  // pget leaves either the file or what was in it.
  if (byPget && place !== undefined) return { ...whole, path: place.path };
  const directory = await unpackedAt({ url, file: body.file, scratch }, places);
  if (directory !== undefined && (place === undefined || !isPassing(directory)))
    return { ...whole, path: directory, unpacked: true };
  return { ...whole, ...(place === undefined ? {} : { path: place.path }) };
}

const RESOLVE = /^\/((?:datasets\/)?[\w.-]+(?:\/[\w.-]+)?)\/resolve\/([^/]+)\/(.+)$/;
const REVISION = /^\/api\/(models|datasets)\/([\w.-]+\/[\w.-]+)(?:\/revision\/([^/?]+))?$/;

function isHubApi(url: string, hosts: ReadonlySet<string>): boolean {
  const { host, pathname } = new URL(url);
  return hosts.has(host) && pathname.startsWith('/api/');
}

/** By repository: the branch or tag that a program asked the hub for before it asked for files by their commit. */
function hubReferences(seen: readonly Seen[], hosts: ReadonlySet<string>): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { url } of seen) {
    const { host, pathname } = new URL(url);
    const match = hosts.has(host) ? REVISION.exec(pathname) : null;
    const [, kind, name, revision] = match ?? [];
    if (name === undefined) continue;
    found.set(kind === 'datasets' ? `datasets/${name}` : name, decodeURIComponent(revision ?? 'main'));
  }
  return found;
}

function hubFile(
  first: Seen,
  last: Seen,
  { settling, references }: { readonly settling: Settling; readonly references: ReadonlyMap<string, string> },
): HubFile | undefined {
  const { host, pathname } = new URL(first.url);
  if (!first.isHub && !last.isHub && !settling.hubHosts.has(host)) return undefined;
  const [, repository, asked, file] = RESOLVE.exec(pathname) ?? [];
  if (repository === undefined || asked === undefined || file === undefined) return undefined;
  const revision = decodeURIComponent(asked);
  const cache = settling.places.hubCaches.find((path) => posix.basename(path) === hubCacheName(repository));
  return {
    repository,
    revision: /^[0-9a-f]{40}$/.test(revision) ? (references.get(repository) ?? revision) : revision,
    file: decodeURIComponent(file),
    ...(cache === undefined ? {} : { cache }),
  };
}
