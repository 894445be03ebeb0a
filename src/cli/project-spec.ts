import type { Lock } from '../lock/schema.generated.ts';
import { readSpec } from '../spec/read-spec.ts';
import type { Spec } from '../spec/spec.ts';
import { readLockFile } from './project-lock.ts';

/**
 * Reads the project's configuration: from the file that `--file` names, else from the one that the lock was made from. So a lock of another file than cog.yaml is
 * applied without naming that file again.
 */
export async function readProjectSpec(
  directory: string,
  { file, lock }: { readonly file?: string | undefined; readonly lock?: Lock | undefined } = {},
): Promise<Spec> {
  const locked = lock?.asked.image?.file;
  const chosen = file ?? (typeof locked === 'string' ? locked : undefined);
  return readSpec(directory, chosen === undefined ? {} : { file: chosen });
}

/** The same for what runs before the lock is looked at; one that cannot be read says nothing here. */
export async function readUnlockedSpec(directory: string, file: string | undefined): Promise<Spec> {
  const lock = file === undefined ? await readLockFile(directory).catch(() => undefined) : undefined;
  return readProjectSpec(directory, { file, lock });
}
