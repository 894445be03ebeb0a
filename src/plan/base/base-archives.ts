import type { Context } from '../../context.ts';
import { isCogplanError } from '../../errors.ts';
import { warn } from '../../events.ts';
import type { BaseFacts } from '../../lock/schema.generated.ts';
import type { TrustedKey } from '../../sources/apt/clear-signed.ts';
import { readTrustedKeys } from '../../sources/apt/read-keys.ts';
import { type ArchiveSource, DEBIAN, debianSources } from '../system/archive-sources.ts';
import { isUbuntuArchive, ubuntuKeysFor } from '../tables/debian-keys/trusted-keys.ts';
import { type AptSource, aptSources, type SignedBy } from './apt-sources.ts';
import type { BaseTree } from './base-tree.ts';

const MAX_FILE = 1024 * 1024;
const TRUSTED = '/etc/apt/trusted.gpg.d';
const COMMON_RING = '/etc/apt/trusted.gpg';
const DEBIAN_SUITES = /^(?:bullseye|bookworm|trixie|forky)$/;
const DEBIAN_HOST = /^https?:\/\/(?:[a-z0-9-]+\.)*debian\.org\//;
/** Where past states of Ubuntu's archive are; `ports` has none. */
const UBUNTU_SNAPSHOT = 'https://snapshot.ubuntu.com/ubuntu';

/**
 * The archives that `apt` of a base would ask, with the keys that count for them. Debian's own are those of the base's suite, and Ubuntu's are those that the base names, both with the
 * keys that cogplan brings; for all others, and where Ubuntu signs with newer keys, the base's own keys count, and enter the store. What names no
 * key of the base is left out. Errors: COGPLAN_ARCHIVE_KEY, COGPLAN_CONTROL_INVALID.
 */
export async function baseArchives(
  context: Context,
  tree: BaseTree,
  { facts, architecture }: { readonly facts: BaseFacts; readonly architecture: string },
): Promise<readonly ArchiveSource[]> {
  const isDebian = facts.distribution === 'debian' && facts.suite !== undefined && DEBIAN_SUITES.test(facts.suite);
  const sources: ArchiveSource[] = isDebian ? [...debianSources(DEBIAN, facts.suite ?? '')] : [];
  for (const named of aptSources(tree, architecture)) {
    const source =
      isDebian && DEBIAN_HOST.test(`${named.url}/`) ? debianNamed(named) : await keyed(context, tree, named);
    if (source === undefined) continue;
    for (const component of source.suite.endsWith('/') ? [''] : named.components) {
      const isKnown = sources.some(
        (other) => other.url === source.url && other.suite === source.suite && other.component === component,
      );
      if (!isKnown) sources.push({ ...source, component });
    }
  }
  return sources;
}

type Keyed = Omit<ArchiveSource, 'component'>;

/** A mirror of Debian's, or Debian itself, by its main name; of a suite that cogplan has keys for. */
function debianNamed({ url, suite }: AptSource): Keyed | undefined {
  const [name = ''] = suite.split('-');
  if (!DEBIAN_SUITES.test(name)) return undefined;
  const isSecurity = /\/debian-security$/.test(url);
  return isSecurity === suite.endsWith('-security')
    ? { ...DEBIAN[isSecurity ? 'security' : 'main'], suite }
    : undefined;
}

async function keyed(context: Context, tree: BaseTree, source: AptSource): Promise<Keyed | undefined> {
  const { url, suite, signedBy } = source;
  const own = await keysOf(context, tree, signedBy);
  if (isUbuntuArchive(url)) {
    const builtIn = ubuntuKeysFor();
    const known = new Set(builtIn.map(({ fingerprint }) => fingerprint));
    const newer = own?.keys.some((key) => isArchiveKey(key) && !known.has(key.fingerprint)) === true;
    const snapshot = url.includes('ports') ? {} : { snapshot: UBUNTU_SNAPSHOT };
    // A ring that was renewed after these keys were taken: what the base trusts counts.
    return newer ? { url, suite, ...own, ...snapshot } : { url, suite, keys: builtIn, ...snapshot };
  }
  return own === undefined ? undefined : { url, suite, ...own };
}

/** Rings hold keys of other archives, and of installation images, too. */
function isArchiveKey({ user }: TrustedKey): boolean {
  return user?.startsWith('Ubuntu Archive Automatic Signing Key') === true;
}

async function keysOf(
  context: Context,
  tree: BaseTree,
  signedBy: SignedBy,
): Promise<Pick<ArchiveSource, 'keys' | 'key'> | undefined> {
  switch (signedBy.kind) {
    case 'inline': {
      const bytes = Buffer.from(signedBy.armored, 'utf8');
      return keysIn(context, [{ path: signedBy.path, bytes }], () => true);
    }
    case 'files':
      return keysIn(context, filesAt(tree, signedBy.paths), () => true);
    case 'any':
      return keysIn(context, filesAt(tree, commonRings(tree)), () => true);
    case 'fingerprints': {
      const { fingerprints } = signedBy;
      return keysIn(context, filesAt(tree, commonRings(tree)), (key) => fingerprints.includes(key.fingerprint));
    }
  }
}

interface KeyFile {
  readonly path: string;
  readonly bytes: Buffer;
}

/**
 * The keys of files, and for the lock the file or, of several, one with all the keys. Like apt, passes over a file that holds none as long as another has
 * some.
 */
async function keysIn(
  context: Context,
  files: readonly KeyFile[],
  counts: (key: TrustedKey) => boolean,
): Promise<Pick<ArchiveSource, 'keys' | 'key'> | undefined> {
  const keys: TrustedKey[] = [];
  const used: KeyFile[] = [];
  let failure: unknown;
  for (const file of files) {
    try {
      const found = (await readTrustedKeys(file.bytes, `${file.path} of the base`)).filter(counts);
      if (found.length > 0) used.push(file);
      keys.push(...found);
    } catch (error) {
      if (!isCogplanError(error, 'COGPLAN_ARCHIVE_KEY')) throw error;
      failure ??= error;
      warn(context.host, 'base.key', `${file.path} of the base is left aside: ${error.message}`);
    }
  }
  const [first, ...others] = used;
  if (first === undefined) {
    if (failure !== undefined) throw failure;
    return undefined;
  }
  const isAlone = others.length === 0 && !first.path.endsWith('.sources');
  const bytes = isAlone ? first.bytes : Buffer.from(keys.map(({ armored }) => armored).join(''), 'utf8');
  const { sha256, size } = await context.store.put(bytes);
  return { keys, key: { url: `base:${first.path}`, sha256, size } };
}

function filesAt(tree: BaseTree, paths: readonly string[]): readonly KeyFile[] {
  return paths.flatMap((path) => {
    const bytes = tree.read(path, MAX_FILE);
    return bytes === undefined || bytes.length === 0 ? [] : [{ path, bytes }];
  });
}

function commonRings(tree: BaseTree): readonly string[] {
  const names = tree.list(TRUSTED).filter((name) => /\.(?:gpg|asc)$/.test(name));
  return [COMMON_RING, ...names.sort().map((name) => `${TRUSTED}/${name}`)];
}
