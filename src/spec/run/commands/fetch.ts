import { posix } from 'node:path';
import { type Invocation, notRead, type Outcome, type Rule, type RunState, splitOptions } from '../run-state.ts';
import { formatOf, placeArchive } from './archives.ts';

const CURL_FLAGS = [
  '-L',
  '--location',
  '-s',
  '--silent',
  '-S',
  '--show-error',
  '-f',
  '--fail',
  '-#',
  '--progress-bar',
  '-O',
  '--remote-name',
  '-J',
  '-v',
  '-k',
  '--insecure',
  '--compressed',
  '--create-dirs',
  '-4',
  '-6',
  '-N',
  '--globoff',
  '-g',
  '--retry-all-errors',
  '--retry-connrefused',
  '--no-progress-meter',
  '--http1.1',
  '--http2',
  '--tlsv1.2',
  '--tlsv1.3',
  '--ipv4',
  '--ipv6',
  '--no-buffer',
  '--fail-with-body',
];
const CURL_VALUES = [
  '-o',
  '--output',
  '--retry',
  '--retry-delay',
  '--retry-max-time',
  '--connect-timeout',
  '-m',
  '--max-time',
  '--proto',
  '--output-dir',
  '-C',
  '--continue-at',
  '-A',
  '--user-agent',
];
const WGET_FLAGS = [
  '-q',
  '--quiet',
  '-nv',
  '--no-verbose',
  '-c',
  '--continue',
  '--no-check-certificate',
  '--show-progress',
  '-nc',
  '--no-clobber',
  '-v',
  '--content-disposition',
  '-4',
  '-6',
  '--no-cookies',
  '--retry-connrefused',
  '--no-hsts',
  '--https-only',
  '--no-proxy',
  '-nd',
  '--no-directories',
  '-N',
  '--timestamping',
];
const WGET_VALUES = [
  '-O',
  '--output-document',
  '-P',
  '--directory-prefix',
  '-t',
  '--tries',
  '-T',
  '--timeout',
  '--progress',
  '-U',
  '--user-agent',
  '--waitretry',
  '--max-redirect',
  '--read-timeout',
  '--connect-timeout',
  '--dns-timeout',
  '--limit-rate',
  '-w',
  '--wait',
  '--secure-protocol',
];

export interface Fetch {
  readonly url: string;
  /** Absent: standard output. */
  readonly path?: string;
}

/** What one `curl` or `wget` fetches; a text says why that cannot be told. */
export function readFetches(state: RunState, { name, words, output }: Invocation): readonly Fetch[] | string {
  const curl = name === 'curl';
  // `-nv`, `-nc` and `-nd` are one option of wget's, not two letters.
  const plain = words.filter((word) => curl || !['-nv', '-nc', '-nd'].includes(word));
  const given = splitOptions(plain, curl ? CURL_FLAGS : WGET_FLAGS, curl ? CURL_VALUES : WGET_VALUES);
  if (given.unknown !== undefined) return `${name} with ${given.unknown}`;
  const outputs = curl
    ? [...(given.values.get('-o') ?? []), ...(given.values.get('--output') ?? [])]
    : [...(given.values.get('-O') ?? []), ...(given.values.get('--output-document') ?? [])];
  const folder = (
    curl ? given.values.get('--output-dir') : (given.values.get('-P') ?? given.values.get('--directory-prefix'))
  )?.at(-1);
  const urls = given.operands.map((url) => (/^[a-z]+:\/\//i.test(url) ? url : `http://${url}`));
  if (urls.length === 0) return `${name} without a URL`;
  const odd = urls.find((url) => !URL.canParse(url) || /["'\s<>]/.test(url));
  if (odd !== undefined) return `${odd} is not a URL`;
  if (urls.some((url) => !/^https?:\/\//i.test(url))) return 'only http and https are fetched';
  if (urls.some((url) => /[{}[\]]/.test(url)) && curl) return 'curl expands braces and brackets of a URL';
  const remote = given.flags.has('-O') || given.flags.has('--remote-name');
  if (curl && !remote && outputs.length === 0) {
    if (output === undefined || output.append)
      return urls.length === 1 ? [{ url: urls[0] ?? '' }] : 'what it prints goes nowhere';
    return urls.length === 1 ? [{ url: urls[0] ?? '', path: state.resolve(output.path) }] : 'several URLs for one file';
  }
  if (output !== undefined) return 'its messages go to a file';
  if (outputs.includes('-')) return urls.length === 1 ? [{ url: urls[0] ?? '' }] : 'several URLs for one output';
  if (outputs.length > 0) {
    // wget appends all of its URLs to the one file; curl takes one name for each.
    if (curl ? outputs.length !== urls.length : urls.length !== 1)
      return `${urls.length} URLs for ${outputs.length} files`;
    return urls.map((url, index) => ({ url, path: state.resolve(posix.join(folder ?? '', outputs[index] ?? '')) }));
  }
  const fetches: Fetch[] = [];
  for (const url of urls) {
    const name = posix.basename(url.replace(/^[a-z]+:\/\/[^/]*/i, '').replace(/[?#].*$/, ''));
    if (name === '' || name === '/' || (!curl && /\?/.test(url))) return 'the server names the file';
    fetches.push({ url, path: state.resolve(posix.join(folder ?? '', decodeName(name))) });
  }
  return fetches;
}

/** `curl` and `wget` to files. */
export const fetchFiles: Rule = (state, invocation): Outcome => {
  const fetches = readFetches(state, invocation);
  if (typeof fetches === 'string') return notRead(fetches);
  const named = fetches.flatMap(({ url, path }) => (path === undefined ? [] : [{ url, path }]));
  if (named.length !== fetches.length) return notRead('what it prints goes nowhere');
  const placed: string[] = [];
  for (const { url, path: asked } of named) {
    const path = freePath(state, invocation, asked);
    if (path === undefined) continue;
    if (path.endsWith('/') || state.isDirectory(path)) return notRead(`${path} is a directory`);
    state.place({ path, kind: 'file', url: url.replace(/#.*$/, '') });
    placed.push(path);
  }
  return placed.length === 0
    ? { class: 'none', why: 'it leaves alone what is there' }
    : { class: 'file', why: placed.map((path) => `locked by hash, placed at ${path}`).join('; ') };
};

/** Where a file goes when another one is there: wget counts, or leaves it alone; undefined for that. */
function freePath(state: RunState, { name, words }: Invocation, path: string): string | undefined {
  if (name !== 'wget' || state.at(path) === undefined) return path;
  const isNamed = words.some((word) => /^(?:-[a-zA-Z]*O|--output-document)/.test(word));
  if (words.some((word) => ['-nc', '--no-clobber', '-c', '--continue'].includes(word))) return undefined;
  if (isNamed || words.some((word) => ['-N', '--timestamping'].includes(word))) return path;
  for (let number = 1; ; number++) if (state.at(`${path}.${number}`) === undefined) return `${path}.${number}`;
}

const ARIA_VALUES = [
  '-o',
  '--out',
  '-d',
  '--dir',
  '-x',
  '--max-connection-per-server',
  '-s',
  '--split',
  '-k',
  '-j',
  '-m',
].concat([
  '--min-split-size',
  '--console-log-level',
  '--max-tries',
  '--retry-wait',
  '--summary-interval',
  '--file-allocation',
]);

/** `aria2c -x 16 -d DIR -o NAME URL`. */
export const aria: Rule = (state, { words, output }) => {
  const { unknown, values, operands } = splitOptions(words, ['-c', '--continue', '-q', '--quiet'], ARIA_VALUES);
  const [url, ...more] = operands;
  if (unknown !== undefined || output !== undefined || url === undefined || more.length > 0)
    return notRead(`aria2c with ${unknown ?? 'other operands'}`);
  const folder = (values.get('-d') ?? values.get('--dir'))?.at(-1) ?? '';
  const name = (values.get('-o') ?? values.get('--out'))?.at(-1);
  return fetchFiles(state, {
    name: 'wget',
    words: name === undefined ? ['-P', folder === '' ? '.' : folder, url] : ['-O', posix.join(folder, name), url],
    assignments: [],
  });
};

/** How it fetches, which makes no difference to what is fetched. */
const PGET_VALUED = ['-c', '--concurrency', '-r', '--retries', '-m', '--chunk-size', '--minimum-chunk-size'].concat([
  '--max-chunks',
  '--connect-timeout',
  '--max-conn-per-host',
  '--log-level',
  '--pid-file',
]);

/** `pget URL PLACE`, and with `-x` an archive by its name. */
export const pget: Rule = (state, { words, output }) => {
  const flags = ['-f', '--force', '-x', '--extract', '-v', '--verbose'];
  const given = splitOptions(words, flags, PGET_VALUED);
  const [url = '', place, ...more] = given.operands;
  if (given.unknown !== undefined || output !== undefined || place === undefined || more.length > 0)
    return notRead(`pget with ${given.unknown ?? 'other operands'}`);
  if (!given.flags.has('-x') && !given.flags.has('--extract'))
    return fetchFiles(state, { name: 'wget', words: ['-O', place, url], assignments: [] });
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) return notRead(`${url} is not a URL`);
  const format = formatOf(url);
  return format === undefined
    ? notRead('the kind of archive is not known from its name')
    : placeArchive(state, { url, directory: place, format, strip: 0 });
};

function decodeName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
