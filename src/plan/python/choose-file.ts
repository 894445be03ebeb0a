import type { Context } from '../../context.ts';
import { type Sha256, toDigest } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { warn } from '../../events.ts';
import { parseWheelFilename } from '../../formats/python/wheel-filename.ts';
import { chooseWheel, type RankedWheel, type TagRanks } from '../../formats/python/wheel-tags.ts';
import type { PythonPackage } from '../../lock/schema.generated.ts';
import type { CompiledFile, CompiledPackage } from '../../sources/uv/pylock.ts';
import type { Root } from './roots.ts';

export interface ChosenFile extends RankedWheel {
  readonly url: string;
  readonly sha256: Sha256 | undefined;
  readonly size: number | undefined;
}

export interface ChoiceInput {
  readonly ranks: TagRanks;
  /** The roots that name this package. */
  readonly roots: readonly Root[];
  /** The same package in the lock before, when it is to be kept. */
  readonly previous: PythonPackage | undefined;
}

/**
 * The one wheel of a resolved package. The file of the lock before stays when the index still lists its hash; a file that
 * kept its name and changed its bytes is told loudly.
 */
export function chooseFile(context: Context, item: CompiledPackage, input: ChoiceInput): ChosenFile {
  const usable = item.files.flatMap((file) => readFile(file));
  const allowed = new Set(input.roots.flatMap((root) => root.hashes));
  const named = usable.filter((file) => file.sha256 !== undefined && allowed.has(toDigest(file.sha256)));
  // A hash that the index does not tell is computed from the bytes, and compared then.
  const silent = usable.filter((file) => file.sha256 === undefined);
  const candidates = allowed.size === 0 ? usable : named.length > 0 ? named : silent;
  const chosen = keptFile(context, candidates, { ...input, item }) ?? chooseWheel(candidates, input.ranks);
  if (chosen !== undefined) return chosen;
  if (chooseWheel(usable, input.ranks) === undefined) {
    throw new CogplanError('COGPLAN_NO_WHEEL', `${item.name} ${item.version} has no wheel that fits the target`, {
      subject: item.name,
      where: input.roots[0]?.where,
      hint: 'Choose another version, or a package index that has a wheel for the target.',
    });
  }
  throw hashRefused(item, input.roots, usable);
}

/** Holds a hash that was computed, for want of one on the index, against those that requirements name. Another one is COGPLAN_WHEEL_HASH_REFUSED. */
export function checkComputedHash(
  item: CompiledPackage,
  roots: readonly Root[],
  file: { readonly filename: string; readonly sha256: Sha256 },
): void {
  const allowed = roots.flatMap((root) => root.hashes);
  if (allowed.length > 0 && !allowed.includes(toDigest(file.sha256))) throw hashRefused(item, roots, [file]);
}

function hashRefused(
  { name, version }: CompiledPackage,
  roots: readonly Root[],
  found: readonly { readonly filename: string; readonly sha256: Sha256 | undefined }[],
): CogplanError {
  return new CogplanError(
    'COGPLAN_WHEEL_HASH_REFUSED',
    `no wheel of ${name} ${version} for the target has a hash that its requirement allows`,
    {
      subject: name,
      where: roots.find((root) => root.hashes.length > 0)?.where,
      hint: 'Either the files on the index were replaced, or the hashes are those of other files: compare them.',
      data: {
        found: found.map(({ filename, sha256 }) => ({ filename, sha256 })),
        allowed: [...new Set(roots.flatMap((root) => root.hashes))],
      },
    },
  );
}

function keptFile(
  context: Context,
  candidates: readonly ChosenFile[],
  { item, previous }: ChoiceInput & { readonly item: CompiledPackage },
): ChosenFile | undefined {
  if (previous === undefined || previous.version !== item.version) return undefined;
  const kept = candidates.find((file) => file.sha256 === previous.file.sha256);
  if (kept !== undefined) return kept;
  const replaced = candidates.find((file) => file.url === previous.file.url && file.sha256 !== undefined);
  if (replaced !== undefined) {
    warn(
      context.host,
      'COGPLAN_WHEEL_REPLACED',
      `${replaced.filename} has other bytes than the locked file of the same name and version`,
      { filename: replaced.filename, locked: previous.file.sha256, found: replaced.sha256 },
    );
  }
  return undefined;
}

function readFile({ url, filename, sha256, size }: CompiledFile): readonly ChosenFile[] {
  const wheel = parseWheelFilename(filename);
  return wheel === undefined ? [] : [{ ...wheel, url, sha256, size }];
}
