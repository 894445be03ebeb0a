import { compareBytes } from '../../canonical.ts';
import type { WheelFilename } from './wheel-filename.ts';

/** What decides which wheels an interpreter can use: CPython on Linux with glibc. */
export interface WheelEnvironment {
  /** CPython's version; only the first two numbers count: `3.11.2`. */
  readonly version: string;
  readonly platform: 'linux/amd64' | 'linux/arm64';
  /** glibc's version, such as `2.36`. */
  readonly glibc: string;
}

const MACHINES = { 'linux/amd64': 'x86_64', 'linux/arm64': 'aarch64' } as const;

/** The oldest glibc that manylinux names, by machine. */
const OLDEST_GLIBC_MINOR = { x86_64: 5, aarch64: 17 } as const;

/** https://peps.python.org/pep-0600/#legacy-manylinux-tags */
const LEGACY_ALIASES: ReadonlyMap<number, string> = new Map([
  [17, 'manylinux2014'],
  [12, 'manylinux2010'],
  [5, 'manylinux1'],
]);

/**
 * Every tag that CPython on this environment accepts, best first, in the order of `packaging.tags`, which pip goes by. The
 * plain `linux_…` tag comes after all manylinux tags, as in uv: what it promises about the base is the least.
 * https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/
 */
export function compatibleTags(environment: WheelEnvironment): readonly string[] {
  const [major, minor] = numbers(environment.version);
  const platforms = platformTags(environment);
  const interpreter = `cp${major}${minor}`;
  const abi = major === 3 && minor < 8 ? `${interpreter}m` : interpreter;
  const tags: string[] = [];
  const add = (python: string, abiTag: string): void => {
    for (const platform of platforms) tags.push(`${python}-${abiTag}-${platform}`);
  };

  add(interpreter, abi);
  add(interpreter, 'abi3');
  add(interpreter, 'none');
  for (let older = minor - 1; older > 1; older--) add(`cp${major}${older}`, 'abi3');

  const generic = [`py${major}${minor}`, `py${major}`];
  for (let older = minor - 1; older >= 0; older--) generic.push(`py${major}${older}`);
  for (const python of generic) add(python, 'none');
  for (const python of [interpreter, ...generic]) tags.push(`${python}-none-any`);
  return tags;
}

/** Rank of each tag: smaller is better. Computed once per environment, then looked up per file. */
export type TagRanks = ReadonlyMap<string, number>;

export function rankTags(environment: WheelEnvironment): TagRanks {
  return new Map(compatibleTags(environment).map((tag, rank) => [tag, rank]));
}

/** What the choice needs to know of a wheel's file name. */
export type RankedWheel = Pick<
  WheelFilename,
  'filename' | 'build' | 'pythonTags' | 'abiTags' | 'platformTags' | 'variant'
>;

/**
 * The one file of a version that is installed: best tag first, then the highest build number, then the byte-wise
 * smallest file name so that the order of an index means nothing. `undefined` when no file fits.
 */
export function chooseWheel<T extends RankedWheel>(files: readonly T[], ranks: TagRanks): T | undefined {
  let best: { readonly file: T; readonly rank: number } | undefined;
  for (const file of files) {
    const rank = rankWheel(file, ranks);
    if (rank === undefined) continue;
    if (best === undefined || rank < best.rank || (rank === best.rank && isPreferred(file, best.file))) {
      best = { file, rank };
    }
  }
  return best?.file;
}

/** Rank of the best of a wheel's tags; `undefined` when none fits, and for every wheel variant. */
export function rankWheel(file: RankedWheel, ranks: TagRanks): number | undefined {
  if (file.variant !== undefined) return undefined;
  let best: number | undefined;
  for (const python of file.pythonTags) {
    for (const abi of file.abiTags) {
      for (const platform of file.platformTags) {
        const rank = ranks.get(`${python}-${abi}-${platform}`.toLowerCase());
        if (rank !== undefined && (best === undefined || rank < best)) best = rank;
      }
    }
  }
  return best;
}

function isPreferred(candidate: RankedWheel, current: RankedWheel): boolean {
  const order = compareBuilds(candidate.build, current.build);
  if (order !== 0) return order > 0;
  return compareBytes(candidate.filename, current.filename) < 0;
}

function compareBuilds(a: WheelFilename['build'], b: WheelFilename['build']): number {
  const difference = (a?.number ?? -1) - (b?.number ?? -1);
  return difference !== 0 ? difference : compareBytes(a?.suffix ?? '', b?.suffix ?? '');
}

function platformTags(environment: WheelEnvironment): readonly string[] {
  const machine = MACHINES[environment.platform];
  const [major, newest] = numbers(environment.glibc);
  if (major !== 2) throw new RangeError(`glibc ${environment.glibc} has no manylinux tags`);
  const tags: string[] = [];
  for (let minor = newest; minor >= OLDEST_GLIBC_MINOR[machine]; minor--) {
    tags.push(`manylinux_2_${minor}_${machine}`);
    const alias = LEGACY_ALIASES.get(minor);
    if (alias !== undefined) tags.push(`${alias}_${machine}`);
  }
  tags.push(`linux_${machine}`);
  return tags;
}

function numbers(version: string): readonly [number, number] {
  const match = /^(\d+)\.(\d+)/.exec(version);
  if (match === null) throw new RangeError(`not a version: ${version}`);
  return [Number(match[1]), Number(match[2])];
}
