import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { compareBytes } from '../../canonical.ts';
import { CogplanError } from '../../errors.ts';
import {
  type CogWeights,
  parseCogWeightsLock,
  sameSource,
  WEIGHTS_LOCK,
} from '../../formats/weights/cog-weights-lock.ts';
import type { WeightSet as LockedSet, WeightSource as LockedSource } from '../../lock/schema.generated.ts';
import type { WeightSet, WeightSource } from '../../spec/spec.ts';

const MOST_BYTES = 256 * 1024 * 1024;

/** The entries of the weights.lock beside cog.yaml; none without one. Errors: COGPLAN_WEIGHTS_LOCK_INVALID, COGPLAN_TOO_LARGE. */
export function readCogWeights(directory: string): readonly CogWeights[] {
  const path = join(directory, WEIGHTS_LOCK);
  const info = statSync(path, { throwIfNoEntry: false });
  if (info?.isFile() !== true) return [];
  if (info.size > MOST_BYTES) {
    throw new CogplanError('COGPLAN_TOO_LARGE', `${WEIGHTS_LOCK} has ${info.size} bytes`, { subject: WEIGHTS_LOCK });
  }
  return parseCogWeightsLock(readFileSync(path, 'utf8'));
}

/** The entry that was made from the same sources. */
export function entryOf(entries: readonly CogWeights[], set: WeightSet): CogWeights | undefined {
  return entries.find(
    ({ name, sources }) =>
      name === set.name &&
      sources.length === set.sources.length &&
      set.sources.every((source, index) => sameSource(source, sources[index] ?? { uri: '' })),
  );
}

/** What that entry pins of a source: the commit or the ETag that it was read at. */
export function pinOf(entry: CogWeights | undefined, source: WeightSource): LockedSource | undefined {
  const known = entry?.sources.find((item) => sameSource(item, source));
  return known === undefined ? undefined : { uri: source.uri, fingerprint: known.fingerprint };
}

/** Holds what was resolved against Cog's record. Error: COGPLAN_WEIGHTS_LOCK_DIFFERS, naming the first path by both hashes. */
export function checkEntry(entry: CogWeights, set: LockedSet): void {
  if (entry.setDigest === set.setDigest) return;
  const theirs = new Map(entry.files.map(({ path, digest }) => [path, digest.replace(/^sha256:/, '')]));
  const ours = new Map(set.files.map(({ path, file }) => [path, file.sha256 as string]));
  const path = [...new Set([...theirs.keys(), ...ours.keys()])]
    .sort(compareBytes)
    .find((item) => theirs.get(item) !== ours.get(item));
  const told = (hash: string | undefined): string => (hash === undefined ? 'no such file' : `sha256 ${hash}`);
  const difference =
    path === undefined
      ? `set digest ${entry.setDigest} there, ${set.setDigest} now`
      : `${path}: ${told(theirs.get(path))} there, ${told(ours.get(path))} now`;
  throw new CogplanError(
    'COGPLAN_WEIGHTS_LOCK_DIFFERS',
    `weights "${set.name}" are not those of ${WEIGHTS_LOCK}: ${difference}`,
    {
      subject: set.name,
      where: { file: WEIGHTS_LOCK },
      hint: `Put the recorded files back, or take these: remove the entry from ${WEIGHTS_LOCK}, lock, and run \`cogplan weights export\`.`,
      data: { path, expected: entry.setDigest, actual: set.setDigest },
    },
  );
}
