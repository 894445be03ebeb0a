import { posix } from 'node:path';
import type { Fetch } from '../formats/python/source/fetches.ts';
import { hubCacheName, parseHubUri } from '../formats/weights/hub-uri.ts';
import type { FileAddition, WeightsAddition } from './add-to-project.ts';
import type { Spec } from './spec.ts';

/** What becomes of one fetch of the model: an entry of cogplan.yaml, or why there can be none. */
export type Adoption =
  | { readonly kind: 'weights'; readonly weights: WeightsAddition; readonly fetches: readonly Fetch[] }
  | { readonly kind: 'file'; readonly file: FileAddition; readonly fetches: readonly Fetch[]; readonly note?: string }
  /** Declared already. */
  | { readonly kind: 'known'; readonly fetches: readonly Fetch[] }
  | { readonly kind: 'none'; readonly why: string; readonly fetches: readonly Fetch[] };

/** What a project declares already, as its settings and configuration say. */
export function surroundingsOf({ environment, weights, settings }: Spec): Surroundings {
  return {
    environment: new Map(environment.map(({ name, value }) => [name, value])),
    taken: new Set([...weights.map(({ target }) => target), ...(settings.values.files ?? []).map(({ path }) => path)]),
  };
}

export interface Surroundings {
  /** Variables of the project's own `environment:`. */
  readonly environment: ReadonlyMap<string, string>;
  /** Targets of weights and paths of files that the project declares already. */
  readonly taken: ReadonlySet<string>;
}

/** Where repositories of the hub lie when the project names no place of its own. */
export const HF_HOME = '/opt/huggingface';
const TORCH_HOME = '/root/.cache/torch';

/**
 * Where the bytes of each fetch have to lie so that the code finds them: repositories of the hub in the layout of its libraries' cache, files
 * under the path that the code names. One repository is adopted once, with what all its fetches name together.
 */
export function adoptFetches(fetches: readonly Fetch[], surroundings: Surroundings): readonly Adoption[] {
  const repositories = new Map<string, Fetch[]>();
  const others: Adoption[] = [];
  for (const fetch of fetches) {
    const source = fetch.kind === 'hub' ? hubSource(fetch) : undefined;
    if (typeof source === 'string') repositories.set(source, [...(repositories.get(source) ?? []), fetch]);
    else others.push(source === undefined ? adoptFile(fetch, surroundings) : none(fetch, source.why));
  }
  const seen = new Set<string>();
  const hubs = [...repositories].map(([source, from]) => adoptRepository(source, from, { ...surroundings, seen }));
  return [...hubs, ...others];
}

/** `hf://owner/name@revision` of a fetch, or why it has none. */
function hubSource({ value, options }: Fetch): string | { readonly why: string } {
  if (value === undefined) return { why: 'the code does not tell which repository it is' };
  const { revision, repo_type: type, local_dir: local, cache_dir: cache, words = [] } = options;
  if (local !== undefined)
    return { why: `it is written to ${String(local)}, which is no cache: declare it under weights` };
  if (cache !== undefined) return { why: `it is kept in ${String(cache)}, and not where HF_HOME points` };
  if (words.length > 0) return { why: 'it is fetched by a program with options of its own' };
  if (type === 'space') return { why: 'spaces are no repositories of weights' };
  const repository = `${type === 'dataset' ? 'datasets/' : ''}${value}`;
  const source = `hf://${repository}${typeof revision === 'string' ? `@${revision}` : ''}`;
  return parseHubUri(source) === undefined ? { why: `${value} names no owner and repository` } : source;
}

function adoptRepository(
  source: string,
  fetches: readonly Fetch[],
  { environment, taken, seen }: Surroundings & { readonly seen: Set<string> },
): Adoption {
  const repository = parseHubUri(source)?.repository ?? '';
  const target = `${environment.get('HF_HOME') ?? HF_HOME}/hub/${hubCacheName(repository)}`;
  if (taken.has(target)) return { kind: 'known', fetches };
  if (seen.has(target)) return { kind: 'none', why: 'the code takes the repository at two revisions', fetches };
  seen.add(target);
  const include = fetches.map(namedFile);
  const isWhole = include.some((path) => path === undefined);
  return {
    kind: 'weights',
    weights: {
      name: repositoryName(repository),
      source,
      target,
      ...(isWhole ? {} : { include: [...new Set(include.flatMap((path) => path ?? []))] }),
      layout: 'hub-cache',
    },
    fetches,
  };
}

/** What the weights of a repository are called. */
export function repositoryName(repository: string): string {
  return hubCacheName(repository)
    .replace(/^models--/, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}

/** The one file that a call takes from a repository, as a pattern; undefined for the whole. */
function namedFile({ call, options }: Fetch): string | undefined {
  const { filename, subfolder } = options;
  if (call !== 'hf_hub_download' || typeof filename !== 'string') return undefined;
  return `/${typeof subfolder === 'string' ? `${subfolder}/` : ''}${filename}`;
}

const GUARD = 'the code has to leave it alone when it is there';

function adoptFile(fetch: Fetch, { environment, taken }: Surroundings): Adoption {
  const { kind, value, call, options } = fetch;
  if (kind === 'torch-hub') return none(fetch, 'torch.hub runs code of the repository: clone it in build.run instead');
  if (kind === 'named') return none(fetch, 'only the library knows what this name stands for');
  if (value === undefined) return none(fetch, 'the code does not tell the address');
  if (!/^https?:\/\//.test(value) || !URL.canParse(value)) return none(fetch, 'it is no http or https address');
  const name = posix.basename(new URL(value).pathname);
  const text = (key: string): string | undefined => {
    const option = options[key];
    return typeof option === 'string' ? option : undefined;
  };
  const path = destination(call, name, {
    text,
    words: options.words,
    torch: environment.get('TORCH_HOME') ?? TORCH_HOME,
  });
  if (path === undefined) return none(fetch, 'the code does not tell where it is written to');
  const file = { url: value, path: posix.resolve('/src', path.path) };
  if (taken.has(file.path)) return { kind: 'known', fetches: [fetch] };
  return { kind: 'file', file, fetches: [fetch], ...(path.isGuarded ? {} : { note: GUARD }) };
}

interface Named {
  readonly text: (key: string) => string | undefined;
  readonly words: string | readonly string[] | undefined;
  readonly torch: string;
}

/** Where a call writes what it fetches, and whether it looks there first. */
function destination(
  call: string,
  name: string,
  { text, words, torch }: Named,
): { readonly path: string; readonly isGuarded: boolean } | undefined {
  if (name === '') return undefined;
  switch (call) {
    case 'load_state_dict_from_url':
    case 'load_url': {
      const folder = text('model_dir') ?? text('destination') ?? `${torch}/hub/checkpoints`;
      return { path: `${folder}/${text('file_name') ?? name}`, isGuarded: true };
    }
    case 'load_file_from_url': {
      const folder = text('model_dir') ?? text('destination') ?? `${torch}/hub/checkpoints`;
      return { path: `${folder}/${text('file_name') ?? name}`, isGuarded: true };
    }
    case 'urlretrieve':
    case 'download_url_to_file': {
      const path = text('filename') ?? text('dst') ?? text('destination');
      return path === undefined ? undefined : { path, isGuarded: false };
    }
    case 'pget':
      return typeof words === 'object' && words.length === 1 && words[0] !== undefined && !words[0].startsWith('-')
        ? { path: words[0], isGuarded: false }
        : undefined;
    default:
      return undefined;
  }
}

function none(fetch: Fetch, why: string): Adoption {
  return { kind: 'none', why, fetches: [fetch] };
}
