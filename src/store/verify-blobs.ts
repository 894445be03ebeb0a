import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { compareBytes } from '../canonical.ts';
import { isSha256, type Sha256 } from '../digest.ts';
import type { Layout } from './layout.ts';
import type { Stamps } from './stamps.ts';
import type { StoreProblem } from './store.ts';

/** Reads every blob again, whatever its stamp says. */
export async function verifyBlobs(
  input: {
    readonly layout: Layout;
    readonly stamps: Stamps;
    readonly reread: (sha256: Sha256, onBytes: (count: number) => void) => Promise<string>;
  },
  onProgress: (doneBytes: number, totalBytes: number) => void = () => {},
): Promise<readonly StoreProblem[]> {
  const problems: StoreProblem[] = [];
  const blobs: { readonly sha256: Sha256; readonly size: number }[] = [];
  for (const name of (await readdir(input.layout.blobs)).sort(compareBytes)) {
    const found = await lstat(join(input.layout.blobs, name)).catch(() => undefined);
    if (found === undefined) continue;
    if (isSha256(name)) blobs.push({ sha256: name, size: found.size });
    else problems.push({ sha256: name, problem: 'stray', detail: 'the name is not a sha256' });
  }
  const total = blobs.reduce((sum, blob) => sum + blob.size, 0);
  let done = 0;
  for (const { sha256, size } of blobs) {
    const knownSize = input.stamps.knownSize(sha256);
    try {
      const actual = await input.reread(sha256, (count) => {
        done += count;
        onProgress(done, total);
      });
      if (actual === sha256) continue;
      problems.push(
        knownSize !== undefined && knownSize !== size
          ? { sha256, problem: 'size-mismatch', detail: `${size} bytes, was ${knownSize}; sha256 ${actual}` }
          : { sha256, problem: 'hash-mismatch', detail: `sha256 ${actual}` },
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      problems.push({ sha256, problem: 'unreadable', detail: (error as Error).message });
    }
  }
  return problems;
}
