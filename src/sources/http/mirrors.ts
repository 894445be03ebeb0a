import { CogplanError } from '../../errors.ts';

/** URL prefixes asked for, and where they are asked instead; the longest one that fits counts. */
export type Mirrors = readonly { readonly from: string; readonly to: string }[];

/** Reads COGPLAN_MIRRORS: a JSON object of prefixes, or `from=to,from=to`. */
export function parseMirrors(text: string | undefined): Mirrors {
  if (text === undefined || text.trim() === '') return [];
  const pairs = text.trim().startsWith('{') ? parseObject(text) : text.split(',').map(parsePair);
  for (const url of pairs.flat()) {
    if (!/^https?:\/\/[^/]+\//.test(`${url}/`) || !URL.canParse(url)) throw invalid(`not an HTTP URL: ${url}`);
  }
  return pairs.map(([from, to]) => ({ from, to })).sort((a, b) => b.from.length - a.from.length);
}

/** The URL to ask, and whether a mirror was taken. */
export function toMirror(mirrors: Mirrors, url: string): { readonly url: string; readonly mirrored: boolean } {
  const mirror = mirrors.find(({ from }) => hasPrefix(url, from));
  if (mirror === undefined) return { url, mirrored: false };
  return { url: mirror.to + url.slice(mirror.from.length), mirrored: true };
}

/** The URL that a mirror's URL stands for: what may be recorded. */
export function fromMirror(mirrors: Mirrors, url: string): string {
  const candidates = mirrors.map(({ from, to }) => ({ from, to: withoutUserInfo(to) }));
  const mirror = candidates
    .filter(({ to }) => hasPrefix(url, to))
    .sort((a, b) => b.to.length - a.to.length)
    .at(0);
  return mirror === undefined ? url : mirror.from + url.slice(mirror.to.length);
}

function withoutUserInfo(url: string): string {
  return url.replace(/^(https?:\/\/)[^/@]*@/, '$1');
}

/** Whole path segments only: `https://a.example` is no prefix of `https://a.example.net`. */
function hasPrefix(url: string, prefix: string): boolean {
  if (!url.startsWith(prefix)) return false;
  return prefix.endsWith('/') || url.length === prefix.length || '/?'.includes(url.charAt(prefix.length));
}

function parseObject(text: string): readonly (readonly [string, string])[] {
  let entries: readonly (readonly [string, unknown])[];
  try {
    entries = Object.entries(JSON.parse(text) as Readonly<Record<string, unknown>>);
  } catch (cause) {
    throw invalid('it looks like JSON but is not', cause);
  }
  return entries.map(([from, to]) => {
    if (typeof to !== 'string') throw invalid(`the mirror of ${from} is not a string`);
    return [from, to];
  });
}

function parsePair(pair: string): readonly [string, string] {
  const at = pair.indexOf('=http');
  if (at === -1) throw invalid(`not of the form from=to: ${pair}`);
  return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}

function invalid(reason: string, cause?: unknown): CogplanError {
  return new CogplanError('COGPLAN_MIRRORS_INVALID', `COGPLAN_MIRRORS: ${reason}`, {
    subject: 'COGPLAN_MIRRORS',
    hint: 'Write {"https://from.example/": "https://to.example/"} or https://from.example/=https://to.example/.',
    cause,
  });
}
