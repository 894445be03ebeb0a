import { compareBytes } from '../../canonical.ts';
import { sha256 } from '../../digest.ts';
import type { Lock, PythonPackage, SystemPackage, Target } from '../schema.generated.ts';
import { formatLock } from '../write-lock.ts';
import type { ExportInput } from './export-input.ts';
import { dependenciesOf } from './pylock.ts';

/** Something that is in the image, as bills of materials name it. */
export interface BillItem {
  /** Unique in the bill: family and name. */
  readonly id: string;
  readonly kind: 'library' | 'application' | 'file';
  readonly name: string;
  readonly version: string | undefined;
  /** https://github.com/package-url/purl-spec */
  readonly purl: string | undefined;
  readonly url: string | undefined;
  readonly sha256: string | undefined;
  /** Ids of the items it needs. */
  readonly depends: readonly string[];
}

export interface Bill {
  readonly items: readonly BillItem[];
  /** The newest date that the lock holds of its inputs, RFC 3339: a bill of a lock says no other time. */
  readonly date: string;
  /** sha256 of the lock's text and the platform. */
  readonly identity: string;
}

/** Everything that a target brings into the image, in byte-wise order of ids. */
export function billOf({ lock, platform, target }: ExportInput): Bill {
  const items = [...interpreter(target), ...debs(target), ...wheels(target), ...files(target)];
  return {
    items: items.sort((a, b) => compareBytes(a.id, b.id)),
    date: newestDate(lock, target),
    identity: sha256(`${platform}\n${formatLock(lock)}`),
  };
}

function interpreter({ interpreter: { provider, version, file } }: Target): readonly BillItem[] {
  if (provider !== 'standalone' || file === undefined) return [];
  const purl = `pkg:generic/cpython@${version}?checksum=sha256:${file.sha256}&download_url=${encodeURIComponent(file.url)}`;
  return [
    {
      id: 'interpreter/cpython',
      kind: 'application',
      name: 'cpython',
      version,
      purl,
      url: file.url,
      sha256: file.sha256,
      depends: [],
    },
  ];
}

function debs({ system, base }: Target): readonly BillItem[] {
  const names = new Set(system.packages.map((item) => item.name));
  const suite = 'suite' in base ? base.suite : undefined;
  return system.packages.map((item: SystemPackage) => ({
    id: `system/${item.name}`,
    kind: 'library',
    name: item.name,
    version: item.version,
    purl: `pkg:deb/debian/${encodeURIComponent(item.name)}@${encodeURIComponent(item.version)}?arch=${item.architecture}${suite === undefined ? '' : `&distro=${suite}`}`,
    url: item.file.url,
    sha256: item.file.sha256,
    depends: item.depends.filter((name) => names.has(name)).map((name) => `system/${name}`),
  }));
}

function wheels({ python, runtime }: Target): readonly BillItem[] {
  return [...wheelsOf('python', python.packages), ...wheelsOf('runtime', [runtime.sdk, ...runtime.server])];
}

function wheelsOf(family: string, packages: readonly PythonPackage[]): readonly BillItem[] {
  const names = new Set(packages.map((item) => item.name));
  return packages.map((item) => ({
    id: `${family}/${item.name}`,
    kind: 'library',
    name: item.name,
    version: item.version,
    purl: `pkg:pypi/${encodeURIComponent(item.name)}@${encodeURIComponent(item.version)}${qualifiers(item)}`,
    url: item.built === undefined ? item.file.url : item.built.source.file.url,
    sha256: item.file.sha256,
    depends: dependenciesOf(item, names).map((name) => `${family}/${name}`),
  }));
}

function qualifiers({ index, built }: PythonPackage): string {
  if (built?.source.kind === 'git') return `?vcs_url=${encodeURIComponent(built.source.file.url)}`;
  return index === undefined || index.startsWith('https://pypi.org/')
    ? ''
    : `?repository_url=${encodeURIComponent(index)}`;
}

function files({ files: placed }: Target): readonly BillItem[] {
  return placed.flatMap(({ path, file, git, order }) => {
    if (file === undefined && git === undefined) return [];
    return {
      id: `files/${String(order).padStart(4, '0')}${path}`,
      kind: 'file' as const,
      name: path,
      version: git?.commit,
      purl: undefined,
      url: file?.url ?? (git === undefined ? undefined : `git+${git.url}@${git.commit}`),
      sha256: file?.sha256,
      depends: [],
    };
  });
}

function newestDate(lock: Lock, target: Target): string {
  const dates = [lock.asOf ?? '', ...target.system.archives.map((archive) => archive.date)];
  const newest = dates.sort(compareBytes).at(-1) ?? '';
  return newest === '' ? '1980-01-01T00:00:01Z' : newest.replace(/\.[0-9]+Z$/, 'Z');
}
