import { asSha256, fromDigest, type Sha256 } from '../digest.ts';
import { lockedFiles } from '../lock/check-lock.ts';
import type { Lock } from '../lock/schema.generated.ts';
import { exportBlobs, importBlobs } from '../store/transfer.ts';
import { formatBytes } from './hosts/format.ts';
import { readAnyLock } from './read-any-lock.ts';
import { type CommonOptions, print, printJson, withSession } from './session.ts';

interface ExportOptions extends CommonOptions {
  readonly all?: boolean;
}

interface NamedBlob {
  readonly sha256: Sha256;
  readonly size?: number;
  readonly what: string;
}

export async function exportVerb([name = '.', file = '']: readonly string[], options: ExportOptions): Promise<number> {
  return withSession(options, async ({ context, json }) => {
    const lock = await readAnyLock(context, name);
    const blobs = options.all === true ? everything(lock) : sealed(lock);
    const result = await exportBlobs(context.store, blobs, file);
    if (json) printJson({ file, ...result });
    else print(`Wrote ${file}: ${result.blobs} blobs, ${formatBytes(result.bytes)}.`);
    return 0;
  });
}

export async function importVerb([file = '']: readonly string[], options: CommonOptions): Promise<number> {
  return withSession(options, async ({ context, json }) => {
    const blobs = await importBlobs(context.store, file);
    if (json) printJson({ blobs });
    else print(`Took ${blobs.length} blobs, ${formatBytes(blobs.reduce((sum, { size }) => sum + size, 0))}.`);
    return 0;
  });
}

/** What the lock's maker made and no server has: wheels that were built, trees they were built from, and layers of steps. */
function sealed(lock: Lock): readonly NamedBlob[] {
  const files = everything(lock).filter(({ url }) => /^(?:built|git\+[a-z]+|project):/.test(url));
  const steps = Object.values(lock.targets).flatMap(({ seals }) => seals.filter(({ family }) => family === 'steps'));
  return [
    ...files,
    ...steps.map(({ layer, diffId, size }) => ({ sha256: asSha256(fromDigest(diffId)), size, what: `layer ${layer}` })),
  ];
}

function everything(lock: Lock): readonly (NamedBlob & { readonly url: string })[] {
  return [...lockedFiles(lock)].map(({ file, what }) => ({
    sha256: file.sha256,
    size: file.size,
    url: file.url,
    what,
  }));
}
