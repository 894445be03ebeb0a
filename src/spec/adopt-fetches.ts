import { posix } from 'node:path';
import { sha256 } from '../digest.ts';
import type { Fetch } from '../formats/python/source/fetches.ts';
import { hubCacheName, parseHubUri } from '../formats/weights/hub-uri.ts';
import type { FileAddition, WeightsAddition } from './add-to-project.ts';
import { ruleFor } from './run/rules.ts';
import { RunState } from './run/run-state.ts';
import type { Spec } from './spec.ts';

/** What becomes of one fetch of the model: an entry of cogplan.yaml, or why there can be none. */
export type Adoption =
  | {
      readonly kind: 'weights';
      readonly weights: WeightsAddition;
      readonly fetches: readonly Fetch[];
      readonly note?: string;
    }
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
  const repositories = new Map<string, { readonly place: HubPlace; readonly fetches: Fetch[] }>();
  const others: Adoption[] = [];
  for (const fetch of fetches) {
    const place = fetch.kind === 'hub' ? hubPlace(fetch, surroundings) : undefined;
    if (place === undefined) others.push(adoptFile(fetch, surroundings));
    else if ('why' in place) others.push(none(fetch, place.why));
    else {
      const key = `${place.source} ${place.target}`;
      const known = repositories.get(key) ?? { place, fetches: [] };
      known.fetches.push(fetch);
      repositories.set(key, known);
    }
  }
  const seen = new Map<string, string>();
  const hubs = [...repositories.values()].map(({ place, fetches: from }) =>
    adoptRepository(place, from, { ...surroundings, seen }),
  );
  return [...hubs, ...apart([...hubs, ...others]).slice(hubs.length)];
}

/** No two sets of weights may lie in each other: the later one of two is left to a person. */
function apart(adoptions: readonly Adoption[]): readonly Adoption[] {
  const targets: string[] = [];
  return adoptions.map((adoption): Adoption => {
    if (adoption.kind !== 'weights') return adoption;
    const { target } = adoption.weights;
    const other = targets.find((known) => `${known}/`.startsWith(`${target}/`) || `${target}/`.startsWith(`${known}/`));
    targets.push(target);
    if (other === undefined) return adoption;
    return { kind: 'none', why: `other weights go to ${other}: name them in one set`, fetches: adoption.fetches };
  });
}

/** Where a repository comes from and where it has to lie, or why that cannot be told. */
interface HubPlace {
  readonly source: string;
  readonly target: string;
  /** Laid out as a cache. */
  readonly isCache: boolean;
}

function hubPlace({ value, call, options }: Fetch, { environment }: Surroundings): HubPlace | { readonly why: string } {
  if (value === undefined) return { why: 'the code does not tell which repository it is' };
  const given = call === 'hf' || call === 'huggingface-cli' ? hubOptions(options.words) : options;
  if (given === undefined) return { why: 'it is fetched by a program with options of its own' };
  const unread = unreadOf(options).find((name) => !HARMLESS.has(name));
  if (unread !== undefined) return { why: `${unread}: only running the code would tell` };
  const { revision, repo_type: type, local_dir: local } = given;
  const cache = call === 'SentenceTransformer' ? (given.cache_folder ?? given.cache_dir) : given.cache_dir;
  if (/hf_hub_download$/.test(call) && typeof given.filename !== 'string')
    return { why: 'the code does not tell which file it is' };
  if (type === 'space') return { why: 'spaces are no repositories of weights' };
  const name = call === 'SentenceTransformer' && !value.includes('/') ? `sentence-transformers/${value}` : value;
  const repository = `${type === 'dataset' ? 'datasets/' : ''}${name}`;
  const source = `hf://${repository}${typeof revision === 'string' ? `@${revision}` : ''}`;
  if (parseHubUri(source) === undefined) return { why: `${value} names no owner and repository` };
  const own = local ?? cache;
  if (own === undefined) {
    const home = environment.get('HF_HOME') ?? HF_HOME;
    return { source, target: `${home}/hub/${hubCacheName(repository)}`, isCache: true };
  }
  if (typeof own !== 'string' || own === '' || own.startsWith('~')) return { why: `where it is kept is not told` };
  if (options.moved !== undefined && !own.startsWith('/')) return { why: MOVED };
  const folder = posix.resolve('/src', typeof options.cwd === 'string' ? options.cwd : '', own);
  if (isPassing(folder)) return { why: `it is kept in ${folder}, where every container begins with nothing` };
  return local === undefined
    ? { source, target: posix.join(folder, hubCacheName(repository)), isCache: true }
    : { source, target: folder, isCache: false };
}

const MOVED = 'it is fetched in a folder that the code does not tell';
/** Which of a repository's files are taken, and where to, is told by others. */
const HARMLESS = new Set(
  'token use_auth_token torch_dtype dtype device device_map quantization_config trust_remote_code vae unet scheduler text_encoder controlnet tokenizer feature_extractor safety_checker config max_workers attn_implementation'.split(
    ' ',
  ),
);

function unreadOf({ unread }: Fetch['options']): readonly string[] {
  return typeof unread === 'object' ? unread : [];
}

/** Options of `hf download`, as far as they are those that a call of the library has. */
function hubOptions(words: string | readonly string[] | undefined): Readonly<Record<string, string>> | undefined {
  const [verb, ...rest] = typeof words === 'object' ? words : [];
  if (verb !== 'download') return undefined;
  const options: Record<string, string> = {};
  for (let index = 0; index < rest.length; index += 2) {
    const name = /^--(local-dir|revision|repo-type|cache-dir)$/.exec(rest[index] ?? '')?.[1];
    const value = rest[index + 1];
    if (name === undefined || value === undefined || value.startsWith('-')) return undefined;
    options[name.replace('-', '_')] = value;
  }
  return options;
}

function adoptRepository(
  { source, target, isCache }: HubPlace,
  fetches: readonly Fetch[],
  { taken, seen }: Surroundings & { readonly seen: Map<string, string> },
): Adoption {
  const repository = parseHubUri(source)?.repository ?? '';
  if (taken.has(target)) return { kind: 'known', fetches };
  const before = [...seen].find(
    ([other]) => `${other}/`.startsWith(`${target}/`) || `${target}/`.startsWith(`${other}/`),
  );
  if (before !== undefined) {
    const why =
      before[1] === repository
        ? 'the code takes the repository at two revisions'
        : `${before[1]} goes to the same place`;
    return { kind: 'none', why, fetches };
  }
  seen.set(target, repository);
  const include = fetches.map(namedFiles);
  const isWhole = include.some((paths) => paths === undefined);
  const [exclude, ...others] = fetches.map(({ options }) => patterns(options.ignore_patterns));
  return {
    kind: 'weights',
    weights: {
      name: repositoryName(repository),
      source,
      target,
      ...(isWhole ? {} : { include: [...new Set(include.flatMap((paths) => paths ?? []))] }),
      ...(exclude === undefined || others.length > 0 ? {} : { exclude }),
      ...(isCache ? { layout: 'hub-cache' as const } : {}),
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

/** What a call takes from a repository, as patterns; undefined for the whole. */
function namedFiles({ call, options }: Fetch): readonly string[] | undefined {
  const { filename, subfolder } = options;
  if (call === 'snapshot_download') return patterns(options.allow_patterns);
  if (!/hf_hub_download$/.test(call) || typeof filename !== 'string') return undefined;
  return [`/${typeof subfolder === 'string' ? `${subfolder}/` : ''}${filename}`];
}

/** Patterns of the library, where `*` goes through folders too, as those of .gitignore. */
function patterns(option: string | readonly string[] | undefined): readonly string[] | undefined {
  const all = typeof option === 'string' ? [option] : option;
  if (all === undefined || all.length === 0 || all.some((pattern) => /[!\\]/.test(pattern))) return undefined;
  return all.map((pattern) => (pattern.includes('*') || pattern.endsWith('/') ? pattern : `/${pattern}`));
}

const GUARD = 'the code has to leave it alone when it is there';

function adoptFile(fetch: Fetch, { environment, taken }: Surroundings): Adoption {
  const { kind, value, call, options } = fetch;
  if (kind === 'torch-hub') return none(fetch, 'torch.hub runs code of the repository: clone it in build.run instead');
  if (call.startsWith('gdown.'))
    return none(fetch, 'Google Drive names no files by address: put it on another host, or into the project');
  if (kind === 'named')
    return none(fetch, 'only the library knows what this name stands for: `cogplan predict --record` finds it');
  if (value === undefined) return none(fetch, 'the code does not tell the address');
  const bucket = /^(?:s3|gs):\/\//.test(value)
    ? bucketSet(value, options.destination, options.moved !== undefined)
    : undefined;
  if (bucket !== undefined) {
    if (taken.has(bucket.target)) return { kind: 'known', fetches: [fetch] };
    return { kind: 'weights', weights: bucket, fetches: [fetch], note: GUARD };
  }
  if (!/^https?:\/\//.test(value) || !URL.canParse(value)) return none(fetch, 'it is no http or https address');
  const name = posix.basename(new URL(value).pathname);
  const text = (key: string): string | undefined => {
    const option = options[key];
    return typeof option === 'string' ? option : undefined;
  };
  const path = destination(call, name, {
    url: value,
    text,
    words: options.words,
    torch: environment.get('TORCH_HOME') ?? TORCH_HOME,
  });
  if (path === undefined) return none(fetch, 'the code does not tell where it is written to');
  // A pget that is called by its own path is not the one that answers.
  const isAnswered = call === 'pget' && options.program === undefined;
  const unread = unreadOf(options).find((name) => DECIDES.has(name));
  if (unread !== undefined) return none(fetch, `${unread}: only running the code would tell`);
  if (path.path.startsWith(UNKNOWN_FOLDER) || (options.moved !== undefined && !path.path.startsWith('/')))
    return none(fetch, MOVED);
  const asked = posix.resolve('/src', path.path);
  const file = {
    url: value,
    path: isAnswered && isPassing(asked) ? pgetPlace(value, path.unpack === true) : asked,
    ...(path.unpack === true ? { unpack: true as const } : {}),
    ...(isAnswered ? { answers: 'pget' as const } : {}),
  };
  if (isPassing(file.path)) return none(fetch, `it goes to ${file.path}, where every container begins with nothing`);
  if (taken.has(file.path)) return { kind: 'known', fetches: [fetch] };
  return { kind: 'file', file, fetches: [fetch], ...(path.isGuarded || isAnswered ? {} : { note: GUARD }) };
}

function isPassing(path: string): boolean {
  return /^\/(?:tmp|var\/tmp|run|dev|proc)(?:\/|$)/.test(path) || path === '/';
}

/** Where something lies that pget is answered with, when the code wants it where every container begins with nothing: under its own name, apart from others of that name. */
export function pgetPlace(url: string, isArchive: boolean): string {
  const folder = posix.join('/opt/pget', sha256(url).slice(0, 12));
  const name = posix.basename(new URL(url).pathname).replace(/[^\w.+-]/g, '_');
  return isArchive ? folder : posix.join(folder, /\w/.test(name) ? name : 'file');
}

/** What tells where a file is written to. */
const DECIDES = new Set(
  'other words,other arguments,destination,filename,dst,out,fname,model_dir,file_name,cache_dir,cache_subdir,root,save_dir,extract,untar'.split(
    ',',
  ),
);

/** One object of a bucket, where the code keeps it under its own name. */
function bucketSet(
  url: string,
  destination: string | readonly string[] | undefined,
  isMoved: boolean,
): WeightsAddition | undefined {
  if (typeof destination !== 'string' || (isMoved && !destination.startsWith('/'))) return undefined;
  const path = posix.resolve('/src', destination);
  const target = posix.dirname(path);
  if (posix.basename(path) !== posix.basename(url) || isPassing(path) || target === '/' || target === '/src')
    return undefined;
  return { name: repositoryName(url.replace(/^\w+:\/\//, '')), source: url, target };
}

interface Named {
  readonly url: string;
  readonly text: (key: string) => string | undefined;
  readonly words: string | readonly string[] | undefined;
  readonly torch: string;
}

interface Destination {
  readonly path: string;
  /** The code looks there first. */
  readonly isGuarded: boolean;
  readonly unpack?: boolean;
}

/** Where a call writes what it fetches. */
function destination(call: string, name: string, { url, text, words, torch }: Named): Destination | undefined {
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
    case 'wget.download': {
      const path = text('out') ?? text('destination') ?? name;
      return path.endsWith('/') ? undefined : { path, isGuarded: false };
    }
    case 'get_file': {
      // Keras unpacks in ways that differ by its version.
      const file = text('fname') ?? name;
      const folder = `${text('cache_dir') ?? '/root/.keras'}/${text('cache_subdir') ?? 'datasets'}`;
      return text('extract') !== undefined || text('untar') !== undefined || /[/\\]/.test(file)
        ? undefined
        : { path: `${folder}/${file}`, isGuarded: true };
    }
    case 'pget':
    case 'wget':
    case 'curl':
    case 'aria2c':
      return typeof words === 'object'
        ? byProgram(call, { url, words, cwd: text('cwd'), moved: text('moved') })
        : undefined;
    default:
      return undefined;
  }
}

/** Stands for the folder of a program where it is not known. */
const UNKNOWN_FOLDER = '/\uFFFC';

/** What a line of the program would put where, read as lines of build.run are. */
function byProgram(
  name: string,
  {
    url,
    words,
    cwd,
    moved,
  }: {
    readonly url: string;
    readonly words: readonly string[];
    readonly cwd: string | undefined;
    readonly moved: string | undefined;
  },
): Destination | undefined {
  const state = new RunState();
  state.cwd = moved === undefined ? posix.resolve('/src', cwd ?? '') : UNKNOWN_FOLDER;
  const invocation = { name, words: name === 'pget' ? [url, ...words] : [...words, url], assignments: [] };
  const outcome = ruleFor(name)?.(state, invocation);
  const [placement, ...more] = state.placements;
  if (outcome?.class !== 'file' || placement?.url === undefined || more.length > 0) return undefined;
  return { path: placement.path, isGuarded: false, unpack: placement.unpack !== undefined };
}

function none(fetch: Fetch, why: string): Adoption {
  return { kind: 'none', why, fetches: [fetch] };
}
