import { hubCacheName, parseHubUri } from '../../formats/weights/hub-uri.ts';
import type { FileAddition, WeightsAddition } from '../../spec/add-to-project.ts';
import { HF_HOME, pgetPlace, repositoryName, type Surroundings } from '../../spec/adopt-fetches.ts';
import { isPassing } from './find-places.ts';
import type { HubFile, RecordedFetch } from './recording.ts';

/** What would lock something that a model fetched: an entry of cogplan.yaml, or why there can be none. */
export type Proposal = { readonly urls: readonly string[]; readonly note?: string } & (
  | { readonly kind: 'weights'; readonly weights: WeightsAddition }
  | { readonly kind: 'file'; readonly file: FileAddition }
  /** Declared already. */
  | { readonly kind: 'known' }
  | { readonly kind: 'none'; readonly why: string }
);

const GUARD = 'the code has to leave it alone when it is there';
const AUTHORIZED = 'it was asked for with credentials: the lock needs them too, by HF_TOKEN or ~/.netrc';
/** Where the libraries of the hub keep what nobody told them to keep elsewhere. */
const DEFAULT_CACHE = '/root/.cache/huggingface/hub';

/** Entries that make the next lock hold what a run fetched, at the places where the run had it: repositories of the hub as one set each, everything else file by file. */
export function adoptRecorded(fetched: readonly RecordedFetch[], surroundings: Surroundings): readonly Proposal[] {
  const repositories = new Map<string, (RecordedFetch & { readonly hub: HubFile })[]>();
  const files: Proposal[] = [];
  for (const item of fetched) {
    const { hub } = item;
    if (hub === undefined) files.push(adoptFile(item, surroundings));
    else repositories.set(hub.repository, [...(repositories.get(hub.repository) ?? []), { ...item, hub }]);
  }
  const paths = new Set<string>();
  const distinct = files.filter(
    (item) => item.kind !== 'file' || (!paths.has(item.file.path) && paths.add(item.file.path)),
  );
  return [...[...repositories.values()].flatMap((group) => adoptRepository(group, surroundings)), ...distinct];
}

function adoptRepository(
  group: readonly (RecordedFetch & { readonly hub: HubFile })[],
  { environment, taken }: Surroundings,
): readonly Proposal[] {
  const [first] = group;
  if (first === undefined) return [];
  const { repository, revision } = first.hub;
  const [same, others] = [
    group.filter(({ hub }) => hub.revision === revision),
    group.filter(({ hub }) => hub.revision !== revision),
  ];
  const urls = same.map(({ url }) => url);
  const rest: readonly Proposal[] =
    others.length === 0
      ? []
      : [{ kind: 'none', why: 'the code takes the repository at two revisions', urls: others.map(({ url }) => url) }];
  const source = `hf://${repository}${revision === 'main' ? '' : `@${revision}`}`;
  if (parseHubUri(source) === undefined)
    return [{ kind: 'none', why: `${repository} names no owner and repository`, urls }, ...rest];
  const home = environment.get('HF_HOME') ?? HF_HOME;
  const { target, isCache } = placeOf(same, home);
  if (isPassing(`${target}/`))
    return [{ kind: 'none', why: `it is kept in ${target}, where every container begins with nothing`, urls }, ...rest];
  if (taken.has(target)) return [{ kind: 'known', urls }, ...rest];
  return [
    {
      kind: 'weights',
      weights: {
        name: repositoryName(repository),
        source,
        target,
        include: [...new Set(same.map(({ hub }) => `/${hub.file}`))].sort(),
        ...(isCache ? { layout: 'hub-cache' as const } : {}),
      },
      urls,
      ...(same.some(({ authorized }) => authorized === true) ? { note: AUTHORIZED } : {}),
    },
    ...rest,
  ];
}

/** Where a repository has to lie: in the cache that the code names, in the folder that its files were written to, else below HF_HOME. */
function placeOf(
  group: readonly (RecordedFetch & { readonly hub: HubFile })[],
  home: string,
): { readonly target: string; readonly isCache: boolean } {
  const repository = group[0]?.hub.repository ?? '';
  const cache = group.find(({ hub }) => hub.cache !== undefined)?.hub.cache;
  const usual = `${home}/hub/${hubCacheName(repository)}`;
  if (cache !== undefined) {
    const isUsual = cache === `${DEFAULT_CACHE}/${hubCacheName(repository)}` || cache === usual;
    return { target: isUsual ? usual : cache, isCache: true };
  }
  const folder = group.flatMap(({ path, hub }) =>
    path?.endsWith(`/${hub.file}`) === true ? [path.slice(0, -hub.file.length - 1)] : [],
  )[0];
  return folder === undefined || folder === '' ? { target: usual, isCache: true } : { target: folder, isCache: false };
}

function adoptFile(
  { url, sha256, path: found, unpacked, executable, authorized, byPget }: RecordedFetch,
  { taken }: Surroundings,
): Proposal {
  const urls = [url];
  if (sha256 === undefined) return { kind: 'none', why: 'only parts of it were asked for', urls };
  const isKept = found !== undefined && !isPassing(found);
  // What answers for pget copies to wherever the code wants it.
  const path = byPget === true && !isKept ? pgetPlace(url, unpacked === true) : found;
  if (path === undefined)
    return { kind: 'none', why: 'no file holds it: the code keeps it in memory, or changed it', urls };
  if (isPassing(path))
    return { kind: 'none', why: `it went to ${path}, where every container begins with nothing`, urls };
  if (taken.has(path)) return { kind: 'known', urls };
  const isChecked = byPget === true || /\/hub\/checkpoints\/[^/]+$/.test(path);
  const notes = [...(isChecked ? [] : [GUARD]), ...(authorized === true ? [AUTHORIZED] : [])];
  return {
    kind: 'file',
    file: {
      url,
      path,
      sha256,
      ...(executable === true ? { mode: '0755' } : {}),
      ...(unpacked === true ? { unpack: true as const } : {}),
      ...(byPget === true ? { answers: 'pget' as const } : {}),
    },
    urls,
    ...(notes.length === 0 ? {} : { note: notes.join('; ') }),
  };
}
