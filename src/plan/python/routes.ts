import { bug } from '../../errors.ts';
import type { UvIndexes } from '../../sources/uv/uv-environment.ts';

/** An index that some packages come from, and no others. */
export interface IndexRule {
  /** May hold credentials. */
  readonly url: string;
  /** Normalised names, `*` standing for any characters: `acme-*`. */
  readonly packages: readonly string[];
  /** The packages come from nowhere else; otherwise the index is asked first. */
  readonly only: boolean;
  /** The next index stands in when this one cannot be reached, and that is told. */
  readonly replaceable?: boolean;
}

/** Where packages come from: what the requirements name, and rules that go before. */
export interface Sources extends UvIndexes {
  readonly rules?: readonly IndexRule[];
  /** Folders of the project that hold wheels: `./wheels`; their files belong to every project. */
  readonly folders?: { readonly directory: string; readonly paths: readonly string[] };
  /** Nothing but pages of links and folders is asked. */
  readonly noIndex?: boolean;
}

export interface Route {
  /** In the order in which they are asked; the first that has what is wanted decides. May hold credentials. */
  readonly indexes: readonly string[];
  /** The files of all of them are taken together. */
  readonly merged: boolean;
  /** A rule says so: that other indexes have the name too is no news. */
  readonly onPurpose: boolean;
}

/**
 * The packages that PyTorch builds and keeps on its own index. The index also carries old copies of packages that they need:
 * for all of those the index that the rest comes from goes first.
 */
export const TORCH_FAMILY: readonly string[] = [
  'fbgemm-gpu',
  'functorch',
  'pytorch-triton',
  'torch',
  'torchao',
  'torchaudio',
  'torchcodec',
  'torchdata',
  'torchrec',
  'torchtext',
  'torchvision',
  'triton',
  'xformers',
];

/** Those whose build decides about CUDA: the newest version elsewhere is no substitute. */
const TORCH_CORE: readonly string[] = ['torch', 'torchaudio', 'torchtext', 'torchvision'];

/** Which indexes are asked for a normalised name, and in what order. */
export function routeOf(sources: Sources, name: string): Route {
  if (sources.noIndex === true) return { indexes: [], merged: false, onPurpose: false };
  const rules = (sources.rules ?? []).filter(({ packages }) => packages.some((pattern) => matches(pattern, name)));
  const exact = rules.filter(({ packages }) => packages.includes(name));
  const chosen = exact.length > 0 ? exact : rules;
  const only = chosen.filter((rule) => rule.only).map((rule) => rule.url);
  if (only.length > 0) return { indexes: unique(only), merged: false, onPurpose: true };
  const preferred = chosen.map((rule) => rule.url);
  const isTorch = TORCH_FAMILY.includes(name);
  const torchIndexes = sources.extra.filter(isTorchIndex);
  const extra = sources.extra.filter((url) => !isTorchIndex(url));
  const order = isTorch
    ? [...preferred, ...torchIndexes, ...extra, sources.primary]
    : [...preferred, ...extra, sources.primary, ...torchIndexes];
  return {
    indexes: unique(order),
    merged: isTorch && !TORCH_CORE.includes(name) && preferred.length + torchIndexes.length > 0,
    onPurpose: preferred.length > 0 || torchIndexes.length > 0,
  };
}

/** Every place that may be asked, without rules' restrictions, in order of preference. */
export function allSources({
  extra,
  primary,
  findLinks,
  rules = [],
  folders,
  noIndex = false,
}: Sources): readonly string[] {
  const indexes = noIndex ? [] : [...rules.map((rule) => rule.url), ...extra, primary];
  return unique([...indexes, ...findLinks, ...(folders?.paths ?? [])]);
}

/** Whether one plain index answers every question, so that a resolver can ask it itself. */
export function isSingleIndex({ extra, findLinks, rules = [], folders, noIndex = false }: Sources): boolean {
  return extra.length === 0 && findLinks.length === 0 && rules.length === 0 && folders === undefined && !noIndex;
}

/** PyTorch's own indexes and mirrors of them keep the path `/whl/cu118`, whatever the host. */
export function isTorchIndex(url: string): boolean {
  if (!URL.canParse(url)) throw bug('an index has no URL');
  const { hostname, pathname } = new URL(url);
  return (
    /(?:^|\.)pytorch\.org$/.test(hostname) ||
    /\/whl(?:\/(?:nightly|test))?\/(?:cpu|cu\d+|rocm[\d.]+|xpu)\/?$/.test(pathname)
  );
}

function matches(pattern: string, name: string): boolean {
  if (!pattern.includes('*')) return pattern === name;
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(name);
}

function unique(urls: readonly string[]): readonly string[] {
  return [...new Set(urls)];
}
