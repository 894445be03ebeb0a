import { sha256 } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { readDpkgStatus } from '../../formats/debian/dpkg-status.ts';
import type { PackageFacts } from '../../formats/debian/package-record.ts';
import type { BaseFacts, Interpreter } from '../../lock/schema.generated.ts';
import type { BaseTree } from './base-tree.ts';

export interface ProbeInput {
  readonly tree: BaseTree;
  /** Its name in messages. */
  readonly image: string;
  /** `KEY=VALUE` of its config. */
  readonly env: readonly string[];
  /** `amd64`. */
  readonly architecture: string;
  /** The minor version that is asked for: `3.10`. */
  readonly python: string;
}

export interface ProbedBase {
  readonly facts: BaseFacts;
  /** Of a base with a dpkg database. */
  readonly installed: readonly PackageFacts[];
  /** The interpreter of that minor version, when the base has one. */
  readonly interpreter: Pick<Interpreter, 'version' | 'path' | 'modules'> | undefined;
  /** Minor versions that it has on its PATH. */
  readonly pythons: readonly string[];
}

const TRIPLETS: Readonly<Record<string, string>> = { amd64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const MAX_STATUS = 64 * 1024 * 1024;
const MAX_SMALL = 1024 * 1024;
const MAX_LIBC = 16 * 1024 * 1024;
/** Bundles of certificates: of Debian and its kin, of Fedora's, of SUSE, and of Alpine's. */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];
const INITS = ['/sbin/tini', '/usr/bin/tini', '/usr/local/bin/tini', '/tini', '/usr/bin/dumb-init'];

/**
 * What locking and building on a base need to know of it: distribution, glibc, whether /usr is merged, the package database, the
 * interpreter. Fails with COGPLAN_BASE_UNUSABLE for a base without glibc: no wheel of the platform fits one.
 */
export function probeBase(input: ProbeInput): ProbedBase {
  const { tree, image, architecture, python } = input;
  const release = readRelease(tree);
  const status = readStatus(tree);
  const installed = status === undefined ? [] : readDpkgStatus(status.toString('utf8'), architecture, image);
  const paths = searchPath(input.env);
  const init = INITS.find((path) => isProgram(tree, path));
  const certificates = BUNDLES.find((path) => isFilled(tree, path));
  const facts: BaseFacts = {
    distribution: release.get('ID') ?? 'unknown',
    release: release.get('VERSION_ID') ?? '',
    ...(release.has('VERSION_CODENAME') ? { suite: release.get('VERSION_CODENAME') ?? '' } : {}),
    glibc: findGlibc(tree, architecture, image),
    mergedUsr: /^\/?usr\/bin\/?$/.test(tree.linkAt('/bin') ?? ''),
    ...(status === undefined ? {} : { packages: sha256(status) }),
    ...(init === undefined ? {} : { init }),
    ...(paths.some((path) => isProgram(tree, `${path}/python`)) ? { python: true as const } : {}),
    ...(certificates === undefined ? {} : { certificates }),
  };
  const pythons = paths.flatMap((path) =>
    tree.list(path).flatMap((name) => /^python(3\.\d+)$/.exec(name)?.slice(1, 2) ?? []),
  );
  return {
    facts,
    installed,
    interpreter: findInterpreter(input, paths, installed),
    pythons: [...new Set(pythons)].sort(),
  };

  function findInterpreter(
    { env }: ProbeInput,
    directories: readonly string[],
    packages: readonly PackageFacts[],
  ): ProbedBase['interpreter'] {
    const directory = directories.find((path) => isProgram(tree, `${path}/python${python}`));
    if (directory === undefined) return undefined;
    const prefix = directory.replace(/\/s?bin$/, '') || '/usr';
    const version = patchVersion({ tree, env, prefix, python, packages });
    if (version === undefined) return undefined;
    return { version, path: `${directory}/python${python}`, modules: modulesOf(prefix, python, packages.length > 0) };
  }
}

function patchVersion(input: {
  readonly tree: BaseTree;
  readonly env: readonly string[];
  readonly prefix: string;
  readonly python: string;
  readonly packages: readonly PackageFacts[];
}): string | undefined {
  const { tree, env, prefix, python, packages } = input;
  const exact = new RegExp(`^(?:\\d+:)?(${python.replace('.', '\\.')}\\.\\d+)`);
  const names = [`python${python}-minimal`, `python${python}`];
  const packaged = prefix === '/usr' ? packages.find(({ name }) => names.includes(name)) : undefined;
  const header = tree.read(`${prefix}/include/python${python}/patchlevel.h`, MAX_SMALL)?.toString('latin1');
  const conda = tree.list(`${prefix}/conda-meta`).find((name) => /^python-3\.\d+\.\d+-.*\.json$/.test(name));
  const candidates = [
    packaged?.version,
    /^#define PY_VERSION\s+"([^"]+)"/m.exec(header ?? '')?.[1],
    conda?.slice('python-'.length),
    env.find((entry) => entry.startsWith('PYTHON_VERSION='))?.slice('PYTHON_VERSION='.length),
  ];
  for (const candidate of candidates) {
    const version = exact.exec(candidate ?? '')?.[1];
    if (version !== undefined) return version;
  }
  return undefined;
}

/** Where pip of such an interpreter installs: apart from the distribution's own packages where the interpreter is the distribution's. */
function modulesOf(prefix: string, python: string, isDebian: boolean): string {
  if (prefix !== '/usr') return `${prefix.slice(1)}/lib/python${python}/site-packages`;
  return `usr/local/lib/python${python}/${isDebian ? 'dist' : 'site'}-packages`;
}

/** https://www.freedesktop.org/software/systemd/man/latest/os-release.html */
function readRelease(tree: BaseTree): ReadonlyMap<string, string> {
  const text = (tree.read('/etc/os-release', MAX_SMALL) ?? tree.read('/usr/lib/os-release', MAX_SMALL))?.toString(
    'utf8',
  );
  const values = new Map<string, string>();
  for (const line of (text ?? '').split('\n')) {
    const [, name = '', value = ''] = /^([A-Z_]+)=(.*)$/.exec(line.trim()) ?? [];
    // A name of a release, and nothing that would need quoting.
    const plain = value.replace(/^(["'])(.*)\1$/, '$2');
    if (name !== '' && /^[A-Za-z0-9._-]{1,64}$/.test(plain)) values.set(name, plain);
  }
  return values;
}

function readStatus(tree: BaseTree): Buffer | undefined {
  const status = tree.read('/var/lib/dpkg/status', MAX_STATUS);
  if (status !== undefined && status.length > 0) return status;
  // Distroless images have a file for each package instead.
  const parts = tree
    .list('/var/lib/dpkg/status.d')
    .filter((name) => !name.endsWith('.md5sums'))
    .sort()
    .flatMap((name) => tree.read(`/var/lib/dpkg/status.d/${name}`, MAX_SMALL) ?? []);
  return parts.length === 0 ? undefined : Buffer.from(parts.map((part) => part.toString('utf8').trim()).join('\n\n'));
}

function findGlibc(tree: BaseTree, architecture: string, image: string): string {
  const triplet = TRIPLETS[architecture] ?? '';
  const places = [`/usr/lib/${triplet}`, `/lib/${triplet}`, '/lib64', '/usr/lib64', '/usr/lib', '/lib'];
  for (const place of places) {
    const text = tree.read(`${place}/libc.so.6`, MAX_LIBC)?.toString('latin1');
    const version = /GNU C Library [^\n]*version (\d+\.\d+)/.exec(text ?? '')?.[1];
    if (version !== undefined) return version;
  }
  const isMusl = tree.list('/lib').some((name) => name.startsWith('ld-musl-'));
  throw new CogplanError(
    'COGPLAN_BASE_UNUSABLE',
    `${image} cannot be built on: it has ${isMusl ? 'musl' : 'no C library'}`,
    {
      subject: image,
      hint: 'Choose a base with glibc, such as Debian, Ubuntu or one of NVIDIA’s: Python wheels are built for it.',
    },
  );
}

function searchPath(env: readonly string[]): readonly string[] {
  const own = env.find((entry) => entry.startsWith('PATH='))?.slice('PATH='.length);
  const parts = `${own ?? ''}:${DEFAULT_PATH}`.split(':').filter((part) => part.startsWith('/'));
  return [...new Set(parts.map((part) => part.replace(/\/+$/, '')))];
}

function isFilled(tree: BaseTree, path: string): boolean {
  const node = tree.find(path);
  return node?.type === 'file' && node.size > 0;
}

function isProgram(tree: BaseTree, path: string): boolean {
  const node = tree.find(path);
  return node?.type === 'file' && (node.mode & 0o111) !== 0;
}
