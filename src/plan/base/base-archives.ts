import type { Context } from '../../context.ts';
import { parseControl } from '../../formats/debian/control.ts';
import type { BaseFacts } from '../../lock/schema.generated.ts';
import { readTrustedKeys } from '../../sources/apt/read-keys.ts';
import { type ArchiveSource, DEBIAN, debianSources } from '../system/archive-sources.ts';
import type { BaseTree } from './base-tree.ts';

interface AptSource {
  readonly url: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** Paths of the key files that may sign it; absent: those that apt trusts for all. */
  readonly signedBy: string | undefined;
  readonly architectures: readonly string[];
}

const MAX_FILE = 1024 * 1024;
const TRUSTED = '/etc/apt/trusted.gpg.d';
const DEBIAN_SUITES = /^(?:bullseye|bookworm|trixie|forky)$/;

/**
 * The archives that `apt` of a base would ask (sources.list(5)), with the keys that the base itself trusts for them. A base of Debian gets Debian's own
 * archives with the keys that cogplan brings. What names no key of the base is left out. Errors: COGPLAN_ARCHIVE_KEY.
 */
export async function baseArchives(
  context: Context,
  tree: BaseTree,
  { facts, architecture }: { readonly facts: BaseFacts; readonly architecture: string },
): Promise<readonly ArchiveSource[]> {
  if (facts.distribution === 'debian' && facts.suite !== undefined && DEBIAN_SUITES.test(facts.suite))
    return debianSources(DEBIAN, facts.suite);
  const wanted = aptSources(tree).filter(
    ({ architectures }) => architectures.length === 0 || architectures.includes(architecture),
  );
  const sources: ArchiveSource[] = [];
  for (const { url, suite, components, signedBy } of wanted) {
    const key = await readKeys(context, tree, signedBy === undefined ? trustedFiles(tree) : [signedBy]);
    if (key === undefined) continue;
    for (const component of suite.endsWith('/') ? [''] : components)
      if (!sources.some((other) => other.url === url && other.suite === suite && other.component === component))
        sources.push({ url, suite, component, ...key });
  }
  return sources;
}

async function readKeys(
  context: Context,
  tree: BaseTree,
  paths: readonly string[],
): Promise<Pick<ArchiveSource, 'keys' | 'key'> | undefined> {
  const files = paths.flatMap((path) => {
    const bytes = tree.read(path, MAX_FILE);
    return bytes === undefined || bytes.length === 0 ? [] : [{ path, bytes }];
  });
  const keys = (
    await Promise.all(files.map(({ path, bytes }) => readTrustedKeys(bytes, `${path} of the base`)))
  ).flat();
  const [first, ...others] = files;
  if (first === undefined || keys.length === 0) return undefined;
  if (others.length > 0) return { keys };
  const { sha256, size } = await context.store.put(first.bytes);
  return { keys, key: { url: `base:${first.path}`, sha256, size } };
}

function trustedFiles(tree: BaseTree): readonly string[] {
  const names = tree.list(TRUSTED).filter((name) => /\.(?:gpg|asc)$/.test(name));
  return names.sort().map((name) => `${TRUSTED}/${name}`);
}

function aptSources(tree: BaseTree): readonly AptSource[] {
  const directory = '/etc/apt/sources.list.d';
  const names = [...tree.list(directory)].sort();
  const text = (path: string): string => tree.read(path, MAX_FILE)?.toString('utf8') ?? '';
  const lists = [
    '/etc/apt/sources.list',
    ...names.filter((name) => name.endsWith('.list')).map((name) => `${directory}/${name}`),
  ];
  const deb822 = names.filter((name) => name.endsWith('.sources')).map((name) => `${directory}/${name}`);
  return [
    ...lists.flatMap((path) => text(path).split('\n').flatMap(parseLine)),
    ...deb822.flatMap((path) => parseStanzas(text(path), path)),
  ].filter(({ url }) => /^https?:\/\/[^/@]+(?:\/|$)/.test(url));
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
      signedBy: option('signed-by'),
      architectures: option('arch')?.split(',') ?? [],
    },
  ];
}

function parseStanzas(text: string, path: string): readonly AptSource[] {
  return parseControl(text, `${path} of the base`).flatMap((fields) => {
    if (!words(fields.get('types')).includes('deb') || /^(?:no|false)$/i.test(fields.get('enabled') ?? '')) return [];
    const signedBy = fields.get('signed-by')?.trim();
    return words(fields.get('uris')).flatMap((url) =>
      words(fields.get('suites')).map((suite) => ({
        url: url.replace(/\/+$/, ''),
        suite,
        components: words(fields.get('components')),
        signedBy: signedBy?.startsWith('/') === true ? signedBy : undefined,
        architectures: words(fields.get('architectures')),
      })),
    );
  });
}

function words(text: string | undefined): readonly string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}
