import type { Platform } from '../../lock/platform.ts';

/** How a release of pget names its programs. */
interface Naming {
  /** First version that is named so. */
  readonly since: readonly [number, number, number];
  readonly programs: Readonly<Partial<Record<Platform, string>>>;
  /** A file of the release that lists the sha256 of each program. */
  readonly list?: string;
}

/**
 * https://github.com/replicate/pget, its releases: first one program, then one for each processor, with a list of hashes. The hashes themselves are taken when a lock is made: this
 * table has none. GitHub does not look at the case of a name.
 */
const NAMINGS: readonly Naming[] = [
  {
    since: [0, 5, 6],
    programs: { 'linux/amd64': 'pget_linux_x86_64', 'linux/arm64': 'pget_linux_arm64' },
    list: 'checksums.txt',
  },
  { since: [0, 0, 1], programs: { 'linux/amd64': 'pget' } },
];

/** Versions that were seen released: what `latest` may have meant. */
export const PGET_VERSIONS = [
  ...['0.0.1', '0.0.2', '0.0.3', '0.1.1', '0.2.0', '0.2.1', '0.3.0', '0.3.2', '0.5.6', '0.6.0', '0.6.1', '0.6.2'],
  ...['0.7.0', '0.8.1', '0.8.2', '0.9.0', '0.9.1', '0.10.2', '0.11.0'],
] as const;

export interface PgetRelease {
  /** `latest` or a version without `v`. */
  readonly version: string;
  readonly program: string;
  /** Address of the release's folder, without a trailing slash. */
  readonly folder: string;
}

const RELEASE =
  /^(https:\/\/github\.com\/replicate\/pget\/releases\/(?:(latest)\/download|download\/v(\d+\.\d+\.\d+[^/]*)))\/([^/?#]+)$/;

/** Reads the address of a program of a pget release; undefined for any other address. */
export function pgetRelease(url: string): PgetRelease | undefined {
  const [, folder, latest, version, program] = RELEASE.exec(url) ?? [];
  if (folder === undefined || program === undefined) return undefined;
  return { version: latest ?? version ?? '', program, folder };
}

/** What a release calls its program for a platform; undefined when it has none. */
export function pgetProgram(version: string, platform: Platform): string | undefined {
  return namingOf(version)?.programs[platform];
}

/** Address of the release's own list of hashes, if it has one. */
export function pgetHashList({ version, folder }: PgetRelease): string | undefined {
  const list = namingOf(version)?.list;
  return list === undefined ? undefined : `${folder}/${list}`;
}

/** The sha256 that a list has for a program. */
export function listedHash(list: string, program: string): string | undefined {
  for (const line of list.split(/\r?\n/)) {
    const [, hash, name] = /^([0-9a-f]{64})[ \t]+\*?(\S+)$/i.exec(line.trim()) ?? [];
    if (name?.toLowerCase() === program.toLowerCase()) return hash?.toLowerCase();
  }
  return undefined;
}

function namingOf(version: string): Naming | undefined {
  if (version === 'latest') return NAMINGS[0];
  const numbers = version.split(/[.-]/).slice(0, 3).map(Number);
  return NAMINGS.find(({ since }) => {
    const at = since.findIndex((part, index) => part !== (numbers[index] ?? 0));
    return at === -1 || (numbers[at] ?? 0) > (since[at] ?? 0);
  });
}
