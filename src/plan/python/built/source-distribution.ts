import type { Context } from '../../../context.ts';
import { normalizeName } from '../../../formats/python/name.ts';
import { formatVersion, parseVersion } from '../../../formats/python/version.ts';
import { parseWheelFilename } from '../../../formats/python/wheel-filename.ts';
import { rankWheel, type TagRanks } from '../../../formats/python/wheel-tags.ts';
import type { BuiltSource } from '../../../lock/schema.generated.ts';
import type { IndexFile } from '../../../sources/pypi/index-file.ts';

export interface SourceDistribution {
  /** Normalised. */
  readonly version: string;
  readonly file: IndexFile;
}

const SUFFIX = /\.(?:tar\.(?:gz|bz2|xz|zst)|tgz|tbz2?|txz|tar|zip)$/i;

/**
 * The source distributions of a project by version, of those that an index lists: the tar of a version before its zip. https://packaging.python.org/en/latest/specifications/source-distribution-format/#source-distribution-file-name
 */
export function sourceDistributions(name: string, files: readonly IndexFile[]): readonly SourceDistribution[] {
  const found = new Map<string, IndexFile>();
  for (const file of files) {
    const version = sourceVersion(name, file.filename);
    if (version === undefined) continue;
    const before = found.get(version);
    if (before === undefined || (/\.zip$/i.test(before.filename) && !/\.zip$/i.test(file.filename)))
      found.set(version, file);
  }
  return [...found].map(([version, file]) => ({ version, file }));
}

/** The version that a source distribution's file name tells; names of old may hold dashes of their own. */
export function sourceVersion(name: string, filename: string): string | undefined {
  if (!SUFFIX.test(filename)) return undefined;
  const stem = filename.replace(SUFFIX, '');
  for (let dash = stem.indexOf('-'); dash > 0; dash = stem.indexOf('-', dash + 1)) {
    if (normalizeName(stem.slice(0, dash)) !== name) continue;
    const version = parseVersion(stem.slice(dash + 1));
    if (version !== undefined) return formatVersion(version);
  }
  return undefined;
}

/** Versions of which a wheel fits the target. */
export function versionsWithWheel(files: readonly IndexFile[], ranks: TagRanks): ReadonlySet<string> {
  const versions = new Set<string>();
  for (const { filename } of files) {
    const wheel = parseWheelFilename(filename);
    if (wheel !== undefined && rankWheel(wheel, ranks) !== undefined) versions.add(formatVersion(wheel.version));
  }
  return versions;
}

/** The source in the store, as the lock names it. */
export async function fetchSourceDistribution(
  context: Context,
  file: IndexFile,
  credentialed: string,
): Promise<BuiltSource> {
  const { sha256, size } = file;
  if (sha256 !== undefined && size !== undefined && (await context.store.stat(sha256))?.size === size) {
    return { kind: 'archive', file: { url: file.url, sha256, size } };
  }
  const { body } = await context.http.stream(credentialed, { signal: context.signal });
  const stored = await context.store.put(body, sha256 === undefined ? {} : { sha256 });
  const computed = sha256 === undefined ? { computed: true as const } : {};
  return { kind: 'archive', file: { url: file.url, sha256: stored.sha256, size: stored.size, ...computed } };
}
