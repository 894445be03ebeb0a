import { posix } from 'node:path';
import type { Where } from '../errors.ts';
import { patternOf } from './chosen.ts';
import { isProjectWeight } from './project-weights.ts';
import { listSourceTree } from './source-tree.ts';
import type { WeightSet } from './spec.ts';

/** Bytes from which on a file may be weights. */
const LARGE = 10 * 1024 * 1024;
const TOOLS = /^(?:\.cog|\.git|__pycache__)/;
const CODE = /\.(?:py|ipynb)$/;
const NO_WEIGHTS =
  /\.(?:py|ipynb|whl|jpg|jpeg|png|webp|svg|gif|avif|heic|mp4|mov|avi|wmv|mkv|mp3|wav|ogg|flac|aac|m4a|webm|log)$/;

/**
 * The files of the source that are weights by the rule of `cog build --separate-weights`, as one set at their places: files of 10 MiB and more that
 * are neither code nor media, and all that lies beside such a file where no code does. A large file beside code, which Cog leaves with it, is taken by
 * itself. Undefined when there are none. Errors: those of listing the source. https://github.com/replicate/cog, pkg/weights
 */
export async function separateWeights(
  directory: string,
  weights: readonly WeightSet[],
  where: Where,
): Promise<WeightSet | undefined> {
  const isWeight = isProjectWeight(weights);
  const files = (await listSourceTree(directory)).flatMap((entry) =>
    entry.type === 'file' && !isWeight(entry.path) ? [entry] : [],
  );
  const withCode = new Set(files.filter(({ path }) => CODE.test(path)).flatMap(({ path }) => foldersAbove(path)));
  const large = files.filter(({ path, size }) => size >= LARGE && !TOOLS.test(path) && !NO_WEIGHTS.test(path));
  const folders = new Set(
    large.map(({ path }) => posix.dirname(path)).filter((folder) => folder !== '.' && !withCode.has(folder)),
  );
  const alone = new Set(large.map(({ path }) => path));
  const taken = files.filter(({ path }) => alone.has(path) || foldersAbove(path).some((folder) => folders.has(folder)));
  if (taken.length === 0) return undefined;
  const include = taken.map(({ path }) => patternOf(path));
  const names = new Set(weights.map(({ name }) => name));
  const name = ['source', 'source-weights'].find((item) => !names.has(item)) ?? 'separate-source-weights';
  return { name, target: '/src', place: 'image', sources: [{ uri: '.', include, exclude: [], where }], where };
}

function foldersAbove(path: string): readonly string[] {
  const folders: string[] = [];
  for (let folder = posix.dirname(path); folder !== '.'; folder = posix.dirname(folder)) folders.push(folder);
  return folders;
}
