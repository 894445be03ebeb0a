import { keepCurrentSeals } from '../apply/seals.ts';
import { info, warn } from '../events.ts';
import type { Platform } from '../lock/platform.ts';
import type { Lock } from '../lock/schema.generated.ts';
import { staleKeys } from '../plan/check.ts';
import { compareLocks, type LockChange } from '../plan/diff/compare-locks.ts';
import { resolveLock } from '../plan/resolve.ts';
import { bundledSdk } from '../sources/bundled-runtime.ts';
import { readSpec } from '../spec/read-spec.ts';
import type { Notice } from '../spec/spec.ts';
import { LOCK_FILE, readLockFile, withProject, writeLockFile } from './project-lock.ts';
import {
  type CommonOptions,
  platformOf,
  print,
  printJson,
  projectDirectory,
  type Session,
  withSession,
} from './session.ts';

interface LockOptions extends CommonOptions {
  readonly check?: boolean;
  readonly upgrade?: boolean;
  readonly refresh?: boolean;
  readonly platform?: string;
}

export async function lockVerb(argument: readonly string[], options: LockOptions): Promise<number> {
  const directory = projectDirectory(argument);
  return withSession(options, async (session) => {
    if (options.check) return checkLock(session, directory);
    return withProject(session.context, directory, () => updateLock(session, directory, options));
  });
}

async function checkLock({ host, json }: Session, directory: string): Promise<number> {
  const spec = await readSpec(directory);
  const lock = await readLockFile(directory);
  const stale = lock === undefined ? [] : staleKeys(lock, { spec, sdk: bundledSdk() });
  const current = lock !== undefined && stale.length === 0;
  if (json) {
    printJson({ current, present: lock !== undefined, stale });
  } else if (lock === undefined) {
    print(`${LOCK_FILE} is missing: run \`cogplan lock\``);
  } else if (current) {
    info(host, 'lock.current', `${LOCK_FILE} is in step with ${spec.file}`);
  } else {
    for (const { family, key, before, after } of stale) {
      print(`${family}: ${key} is ${told(after)}, but was ${told(before)} when the lock was made`);
    }
    print('Run `cogplan lock` to bring the lock in step.');
  }
  return current ? 0 : 2;
}

async function updateLock({ context, host, json }: Session, directory: string, options: LockOptions): Promise<number> {
  const spec = await readSpec(directory);
  for (const notice of spec.notices) (notice.level === 'warn' ? warn : info)(host, notice.code, noticeText(notice));
  const previous = await readLockFile(directory);
  const platform = lockPlatform(previous, options);
  const mode = options.upgrade ? 'upgrade' : options.refresh ? 'refresh' : 'keep';
  const resolved = await resolveLock(context, {
    spec,
    platform,
    previous,
    options: { mode, asOf: previous?.asOf ?? null },
  });
  const lock = keepCurrentSeals(resolved);
  const changes = compareLocks(previous, lock);
  if (previous !== undefined && changes.length > 0 && options.yes !== true && !json) {
    for (const line of changeLines(changes)) info(host, 'lock.change', line);
    const answer = await host.ask({
      code: 'lock.write',
      text: `Write ${LOCK_FILE}?`,
      choices: ['yes', 'no'],
      fallback: 'yes',
    });
    if (answer === 'no') return 3;
  }
  const changed = await writeLockFile(directory, lock);
  const target = lock.targets[platform];
  if (json) {
    printJson({ changed, lock: `${directory}/${LOCK_FILE}`, targets: Object.keys(lock.targets), changes });
  } else if (!changed) {
    print(`${LOCK_FILE} is up to date.`);
  } else if (target !== undefined) {
    print(
      `Wrote ${LOCK_FILE}: Python ${target.interpreter.version}, ${target.system.packages.length} Debian packages, ` +
        `${target.python.packages.length} wheels for ${platform}.`,
    );
  }
  return 0;
}

/** An existing lock's only platform, unless another is named. */
function lockPlatform(previous: Lock | undefined, options: LockOptions): Platform {
  const locked = Object.keys(previous?.targets ?? {});
  return platformOf(
    options.platform === undefined && locked.length === 1 && locked[0] !== undefined
      ? { platform: locked[0] }
      : options,
  );
}

const MARKS = { added: '+', removed: '-', changed: '~', 'same-version-other-bytes': '!' } as const;

function changeLines(changes: readonly LockChange[]): string[] {
  return changes.map(({ family, kind, subject, from, to }) => {
    const versions = kind === 'added' ? to : kind === 'removed' ? from : `${from} → ${to}`;
    const note = kind === 'same-version-other-bytes' ? ' (same version, other bytes)' : '';
    return `${MARKS[kind]} ${family}: ${subject} ${versions}${note}`;
  });
}

function told(value: unknown): string {
  if (value === undefined) return 'not set';
  const text = JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function noticeText({ text, where }: Notice): string {
  return `${where.file}${where.line === undefined ? '' : `:${where.line}`}: ${text}`;
}
