/** A version as https://packaging.python.org/en/latest/specifications/version-specifiers/ defines it (PEP 440). */
export interface Version {
  readonly epoch: number;
  readonly release: readonly number[];
  readonly pre?: { readonly phase: 'a' | 'b' | 'rc'; readonly number: number };
  readonly post?: number;
  readonly dev?: number;
  /** Lower-case segments, numbers without leading zeros. */
  readonly local?: readonly string[];
}

const MAX_LENGTH = 256;
const DIGITS = /^[0-9]+$/;

const VERSION = new RegExp(
  [
    '^v?',
    '(?:(?<epoch>[0-9]+)!)?',
    '(?<release>[0-9]+(?:\\.[0-9]+)*)',
    '(?:[-_.]?(?<phase>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?<pre>[0-9]+)?)?',
    '(?:-(?<implicitPost>[0-9]+)|(?<hasPost>[-_.]?(?:post|rev|r)[-_.]?(?<post>[0-9]+)?))?',
    '(?<hasDev>[-_.]?dev[-_.]?(?<dev>[0-9]+)?)?',
    '(?:\\+(?<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?$',
  ].join(''),
  'i',
);

const PHASES: Readonly<Record<string, 'a' | 'b' | 'rc'>> = {
  a: 'a',
  alpha: 'a',
  b: 'b',
  beta: 'b',
  c: 'rc',
  rc: 'rc',
  pre: 'rc',
  preview: 'rc',
};

/** Undefined for text that is no version: indexes hold such files, and a caller skips them. */
export function parseVersion(text: string): Version | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const groups = VERSION.exec(text.trim())?.groups;
  if (groups?.release === undefined) return undefined;
  const phase = groups.phase === undefined ? undefined : PHASES[groups.phase.toLowerCase()];
  const post = groups.implicitPost ?? (groups.hasPost === undefined ? undefined : (groups.post ?? '0'));
  const version: Version = {
    epoch: Number(groups.epoch ?? 0),
    release: groups.release.split('.').map(Number),
    ...(phase === undefined ? {} : { pre: { phase, number: Number(groups.pre ?? 0) } }),
    ...(post === undefined ? {} : { post: Number(post) }),
    ...(groups.hasDev === undefined ? {} : { dev: Number(groups.dev ?? 0) }),
    ...(groups.local === undefined ? {} : { local: groups.local.split(/[-_.]/).map(normalizeLocalSegment) }),
  };
  const numbers = [version.epoch, ...version.release, version.pre?.number, version.post, version.dev];
  return numbers.every((number) => number === undefined || Number.isSafeInteger(number)) ? version : undefined;
}

/** The normal form: `1.0.RC1` gives `1.0rc1`. */
export function formatVersion(version: Version): string {
  return version.local === undefined ? formatPublic(version) : `${formatPublic(version)}+${version.local.join('.')}`;
}

/** The normal form without a local part. */
export function formatPublic(version: Version): string {
  return [
    version.epoch === 0 ? '' : `${version.epoch}!`,
    version.release.join('.'),
    version.pre === undefined ? '' : `${version.pre.phase}${version.pre.number}`,
    version.post === undefined ? '' : `.post${version.post}`,
    version.dev === undefined ? '' : `.dev${version.dev}`,
  ].join('');
}

export function isPrerelease(version: Version): boolean {
  return version.pre !== undefined || version.dev !== undefined;
}

export function withoutLocal(version: Version): Version {
  const { local: _local, ...rest } = version;
  return rest;
}

/** Epoch and release only. */
export function baseVersion(version: Version): Version {
  return { epoch: version.epoch, release: version.release };
}

export function compareVersions(a: Version, b: Version): number {
  return (
    a.epoch - b.epoch ||
    compareRelease(a.release, b.release) ||
    comparePre(a, b) ||
    (a.post ?? -1) - (b.post ?? -1) ||
    compareOrdered(a.dev ?? Number.POSITIVE_INFINITY, b.dev ?? Number.POSITIVE_INFINITY) ||
    compareLocal(a.local, b.local)
  );
}

/** Releases compare as if the shorter one were padded with zeros. */
export function compareRelease(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function comparePre(a: Version, b: Version): number {
  return preRank(a) - preRank(b) || (a.pre?.number ?? 0) - (b.pre?.number ?? 0);
}

// 1.0.dev1 comes before 1.0a1, which comes before 1.0; 1.0.post1.dev1 is no pre-release of 1.0.
function preRank(version: Version): number {
  if (version.pre !== undefined) return { a: 1, b: 2, rc: 3 }[version.pre.phase];
  return version.post === undefined && version.dev !== undefined ? 0 : 4;
}

function compareLocal(a: Version['local'], b: Version['local']): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const difference = compareLocalSegments(a[index] ?? '', b[index] ?? '');
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

// Numbers sort after words. They may be date-time stamps beyond what a double holds.
function compareLocalSegments(a: string, b: string): number {
  const [aIsNumber, bIsNumber] = [DIGITS.test(a), DIGITS.test(b)];
  if (aIsNumber !== bIsNumber) return aIsNumber ? 1 : -1;
  return aIsNumber ? compareOrdered(BigInt(a), BigInt(b)) : compareOrdered(a, b);
}

function compareOrdered<T extends number | bigint | string>(a: T, b: T): number {
  return a < b ? -1 : Number(a > b);
}

function normalizeLocalSegment(text: string): string {
  return DIGITS.test(text) ? BigInt(text).toString() : text.toLowerCase();
}
