import { parseControl } from '../../formats/debian/control.ts';
import type { BaseTree } from './base-tree.ts';

/** One archive that `apt` of a base is told of (sources.list(5)). */
export interface AptSource {
  readonly url: string;
  readonly suite: string;
  readonly components: readonly string[];
  readonly signedBy: SignedBy;
  readonly architectures: readonly string[];
}

/** Whose signatures count. */
export type SignedBy =
  /** Every key that apt trusts for all archives. */
  | { readonly kind: 'any' }
  /** Those in key files of the base. */
  | { readonly kind: 'files'; readonly paths: readonly string[] }
  /** Those of them with these fingerprints. */
  | { readonly kind: 'fingerprints'; readonly fingerprints: readonly string[] }
  /** A key that the list of archives holds itself. */
  | { readonly kind: 'inline'; readonly path: string; readonly armored: string };

const MAX_FILE = 1024 * 1024;
const LISTS = '/etc/apt/sources.list.d';

/** The archives that the lists of a base name, as they stand; what is off, a source archive, or no HTTP is left out. COGPLAN_CONTROL_INVALID. */
export function aptSources(tree: BaseTree, architecture: string): readonly AptSource[] {
  const names = [...tree.list(LISTS)].sort();
  const text = (path: string): string => tree.read(path, MAX_FILE)?.toString('utf8') ?? '';
  const ending = (end: string): readonly string[] =>
    names.filter((name) => name.endsWith(end)).map((name) => `${LISTS}/${name}`);
  const lists = ['/etc/apt/sources.list', ...ending('.list')];
  return [
    ...lists.flatMap((path) => text(path).split('\n').flatMap(parseLine)),
    ...ending('.sources').flatMap((path) => parseStanzas(text(path), path)),
  ]
    .filter(({ url }) => /^https?:\/\/[^/@]+(?:\/|$)/.test(url))
    .filter(({ architectures }) => architectures.length === 0 || architectures.includes(architecture))
    .map((source) => ({ ...source, suite: source.suite.replaceAll('$(ARCH)', architecture) }));
}

/** `deb [option=value …] URL SUITE COMPONENT…` */
function parseLine(raw: string): readonly AptSource[] {
  const match = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)$/.exec(raw.replace(/#.*$/, '').trim());
  if (match === null) return [];
  const [, options = '', url = '', suite = '', components = ''] = match;
  const option = (name: string): string | undefined =>
    options
      .split(/\s+/)
      .find((item) => item.toLowerCase().startsWith(`${name}=`))
      ?.slice(name.length + 1);
  return [
    {
      url: url.replace(/\/+$/, ''),
      suite,
      components: words(components),
      signedBy: signedByWords((option('signed-by') ?? '').split(',')),
      architectures: option('arch')?.split(',') ?? [],
    },
  ];
}

function parseStanzas(text: string, path: string): readonly AptSource[] {
  return parseControl(text, `${path} of the base`).flatMap((fields) => {
    if (!words(fields.get('types')).includes('deb') || /^(?:no|false|off|0)$/i.test(fields.get('enabled') ?? ''))
      return [];
    return words(fields.get('uris')).flatMap((url) =>
      words(fields.get('suites')).map((suite) => ({
        url: url.replace(/\/+$/, ''),
        suite,
        components: words(fields.get('components')),
        signedBy: signedByField(fields.get('signed-by') ?? '', path),
        architectures: words(fields.get('architectures')),
      })),
    );
  });
}

/** A key in the list itself stands in continuation lines, empty ones as a dot. */
function signedByField(value: string, path: string): SignedBy {
  if (!value.includes('-----BEGIN PGP')) return signedByWords(value.split(/[\s,]+/));
  const lines = value.split('\n').map((line) => line.trim());
  return { kind: 'inline', path, armored: `${lines.map((line) => (line === '.' ? '' : line)).join('\n')}\n` };
}

function signedByWords(raw: readonly string[]): SignedBy {
  const values = raw.map((word) => word.trim()).filter((word) => word !== '');
  const paths = values.filter((word) => word.startsWith('/'));
  if (paths.length > 0) return { kind: 'files', paths };
  const fingerprints = values.map((word) => word.replace(/!$/, '').toUpperCase());
  return fingerprints.length > 0 ? { kind: 'fingerprints', fingerprints } : { kind: 'any' };
}

function words(text: string | undefined): readonly string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}
