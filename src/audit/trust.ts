import { readFile } from 'node:fs/promises';
import type { Context } from '../context.ts';
import type { ErrorCode } from '../error-codes.ts';
import { CogplanError, isCogplanError } from '../errors.ts';
import type { PackageRecord } from '../formats/debian/package-record.ts';
import type { Platform } from '../lock/platform.ts';
import type { Archive, File, Lock } from '../lock/schema.generated.ts';
import { builtInKeys } from '../plan/tables/debian-keys/trusted-keys.ts';
import { type TrustedKey, verifyClearSigned, verifyDetached } from '../sources/apt/clear-signed.ts';
import { openIndex, packagesPath } from '../sources/apt/find-archive.ts';
import type { PackagesIndex } from '../sources/apt/packages-index.ts';
import { readTrustedKeys } from '../sources/apt/read-keys.ts';
import { checkReleaseFile, parseReleaseFile } from '../sources/apt/release-file.ts';

export interface TrustRequest {
  readonly lock: Lock;
  readonly platform: Platform;
  /** Keys that may sign an archive; default: those that ship with cogplan, or the one that the lock names. */
  readonly keysOf?: (archive: Archive) => Promise<readonly TrustedKey[]>;
}

export interface TrustProblem {
  readonly subject: string;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface TrustReport {
  readonly clean: boolean;
  readonly archives: readonly Pick<Archive, 'url' | 'suite' | 'component' | 'date' | 'signers'>[];
  /** How many .debs were traced to a signature, those of the sandbox included. */
  readonly proved: number;
  readonly problems: readonly TrustProblem[];
}

interface LockedFile {
  readonly name: string;
  readonly version: string;
  readonly file: File;
}

/**
 * Retraces, from the store alone, why each .deb of a lock is trusted: a pinned key signed the Release file, which names the
 * Packages index by hash, which names the .deb by hash. Time is that of the lock: what has expired since then was good
 * then. Every break is a finding, with the code that the same break has when locking.
 */
export async function replayTrust(context: Context, request: TrustRequest): Promise<TrustReport> {
  const { lock, platform } = request;
  const target = lock.targets[platform];
  if (target === undefined) {
    throw new CogplanError('COGPLAN_PLATFORM_NOT_LOCKED', `the lock holds no target for ${platform}`, {
      subject: platform,
    });
  }
  const architecture = platform.slice(platform.indexOf('/') + 1);
  const problems: TrustProblem[] = [];
  const indexes: PackagesIndex[] = [];
  const attempt = async (subject: string, work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      if (!isCogplanError(error)) throw error;
      problems.push({ subject, code: error.code, message: error.message });
      return false;
    }
  };
  try {
    for (const archive of target.system.archives) {
      await attempt(`${archive.url} ${archive.suite}`, async () => {
        await replayArchive(context, archive, { architecture, keys: await keysFor(context, archive, request) });
        indexes.push(await openIndex(context, archive, architecture));
      });
    }
    const tools = lock.tools.filter(({ host, file }) => host === platform && file.url.endsWith('.deb'));
    const toolchain: readonly LockedFile[] = target.toolchain?.packages ?? [];
    let proved = 0;
    for (const item of [...target.system.packages, ...toolchain]) {
      if (await attempt(item.name, () => replayPackage(context, item, indexes))) proved++;
    }
    // Tools are fetched where they are needed.
    for (const item of tools) {
      if (await attempt(item.name, () => replayPackage(context, item, indexes, { optional: true }))) proved++;
    }
    const archives = target.system.archives.map(({ url, suite, component, date, signers }) => ({
      url,
      suite,
      component,
      date,
      signers,
    }));
    return { clean: problems.length === 0, archives, proved, problems };
  } finally {
    for (const index of indexes) index.close();
  }
}

async function keysFor(
  context: Context,
  archive: Archive,
  { keysOf }: Pick<TrustRequest, 'keysOf'>,
): Promise<readonly TrustedKey[]> {
  if (archive.key !== undefined) {
    const what = `the key of ${archive.url}`;
    return readTrustedKeys(await readStored(context, archive.key, what), what);
  }
  if (keysOf !== undefined) return keysOf(archive);
  return builtInKeys(archive);
}

async function replayArchive(
  context: Context,
  archive: Archive,
  { architecture, keys }: { readonly architecture: string; readonly keys: readonly TrustedKey[] },
): Promise<void> {
  const { suite, inRelease, signature, packages } = archive;
  const what = inRelease.url;
  const now = new Date(archive.date);
  const body = await readStored(context, inRelease, what);
  // The signature is made minutes after the date that it covers.
  const at = new Date(now.getTime() + DAY);
  const signed =
    signature === undefined
      ? await verifyClearSigned(body.toString('utf8'), { keys, now: at, what })
      : {
          text: body.toString('utf8'),
          signers: await verifyDetached(body, await readStored(context, signature, signature.url), {
            keys,
            now: at,
            what,
          }),
        };
  const release = parseReleaseFile(signed.text, what);
  checkReleaseFile(release, { suite, now, notBefore: now, what });
  if (release.date.getTime() !== now.getTime() || signed.signers.join() !== archive.signers.join()) {
    throw new CogplanError(
      'COGPLAN_ARCHIVE_MISMATCH',
      `${what} is not of the date or the signers that the lock names`,
      {
        subject: what,
      },
    );
  }
  const path = packagesPath(archive, architecture);
  const listed = release.files.get(path);
  if (listed?.sha256 !== packages.sha256 || listed.size !== packages.size) {
    throw new CogplanError('COGPLAN_HASH_MISMATCH', `${what} names another ${path} than the lock`, {
      subject: path,
      data: { expected: packages.sha256, actual: listed?.sha256 },
    });
  }
}

const DAY = 86_400_000;

async function replayPackage(
  context: Context,
  item: LockedFile,
  indexes: readonly PackagesIndex[],
  { optional = false }: { readonly optional?: boolean } = {},
): Promise<void> {
  const { name, version, file } = item;
  const what = `${name} ${version}`;
  const records = indexes.flatMap((index) => index.named(name)).filter((record) => record.version === version);
  if (records.length === 0) {
    throw new CogplanError('COGPLAN_ARCHIVE_MISMATCH', `no signed index of the lock lists ${what}`, { subject: name });
  }
  if (!records.some((record: PackageRecord) => record.file.sha256 === file.sha256 && record.file.size === file.size)) {
    throw new CogplanError('COGPLAN_HASH_MISMATCH', `the signed index names another file for ${what}`, {
      subject: name,
      data: { expected: records[0]?.file.sha256, actual: file.sha256 },
    });
  }
  if (optional && (await context.store.stat(file.sha256)) === undefined) return;
  await context.store.verified(file.sha256, file.size, what);
}

async function readStored(context: Context, file: File, what: string): Promise<Buffer> {
  return readFile(await context.store.verified(file.sha256, file.size, what));
}
