import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ignore from 'ignore';
import { isProjectWeight } from './project-weights.ts';
import { listSourceTree } from './source-tree.ts';
import type { Notice, Spec } from './spec.ts';

/** Bytes from which on a file of the source is worth a word. */
const LARGE = 100_000_000;

/**
 * Warns of files of this size that would lie in the source layer, which moves with every edit, and says which of them Git does not keep: another clone of the
 * project lacks those. Errors: those of listing the source.
 */
export async function largeFileNotices({
  directory,
  weights,
}: Pick<Spec, 'directory' | 'weights'>): Promise<readonly Notice[]> {
  const isWeight = isProjectWeight(weights);
  const large = (await listSourceTree(directory)).filter(
    (entry) => entry.type === 'file' && entry.size >= LARGE && !isWeight(entry.path),
  );
  if (large.length === 0) return [];
  const unkept = ignore({ ignorecase: false }).add(readText(join(directory, '.gitignore')));
  return large.map((entry) => ({
    level: 'warn',
    code: 'lock.large-file',
    text:
      `${entry.type === 'file' ? Math.round(entry.size / 1_000_000) : 0} MB in the source layer, which every edit of the project writes anew: ` +
      `\`cogplan add weights ${entry.path}\` gives it a layer of its own, ` +
      '`cogplan lock --separate-weights` all of its kind, .dockerignore leaves it out' +
      (unkept.ignores(entry.path) ? '; .gitignore names it, so other clones of the project do not have it' : ''),
    where: { file: entry.path },
  }));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
