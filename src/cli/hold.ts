import { compareBytes } from '../canonical.ts';
import { CogplanError } from '../errors.ts';
import { normalizeName } from '../formats/python/name.ts';
import type { Hold, Lock } from '../lock/schema.generated.ts';
import { heldBackOf } from '../plan/diff/diff-locks.ts';
import { parseHoldSubject } from '../plan/holds.ts';
import { LOCK_FILE, requireLockFile, withProject, writeLockFile } from './project-lock.ts';
import { line } from './render/plan-outline.ts';
import { type CommonOptions, print, printJson, projectDirectory, withSession } from './session.ts';

interface HoldOptions extends CommonOptions {
  readonly because: string;
  readonly until?: string;
}

/** `cogplan hold NAME --because REASON`: the locked version stays, whatever later locks would take. */
export async function holdVerb(argument: readonly string[], options: HoldOptions): Promise<number> {
  const [name = '', ...rest] = argument;
  const directory = projectDirectory(rest);
  if (options.because.trim() === '')
    throw usage('--because', '--because wants a reason', 'Say why: it is shown in each plan.');
  if (options.until !== undefined && !isDate(options.until)) {
    throw usage(options.until, `--until ${options.until} is no date`, 'Give a day, such as 2027-01-31.');
  }
  return withSession({ ...options, directory }, ({ context, json }) =>
    withProject(context, directory, async () => {
      const lock = await requireLockFile(directory);
      const subject = subjectOf(lock, name);
      const hold: Hold = {
        subject,
        reason: line(options.because),
        since: context.now().toISOString().slice(0, 10),
        ...(options.until === undefined ? {} : { until: options.until }),
      };
      const holds = [...lock.holds.filter((item) => item.subject !== subject), hold];
      await writeLockFile(directory, { ...lock, holds: sorted(holds) });
      if (json) printJson({ hold });
      else print(`Held ${subject} ${heldBackOf(hold, lock).value ?? ''} in ${LOCK_FILE}: ${hold.reason}`);
      return 0;
    }),
  );
}

/** `cogplan unhold NAME`: later locks may move it again. */
export async function unholdVerb(argument: readonly string[], options: CommonOptions): Promise<number> {
  const [name = '', ...rest] = argument;
  const directory = projectDirectory(rest);
  return withSession({ ...options, directory }, ({ context, json }) =>
    withProject(context, directory, async () => {
      const lock = await requireLockFile(directory);
      const hold = lock.holds.find(
        ({ subject }) =>
          subject === name ||
          subject.slice(subject.indexOf('/') + 1) === name ||
          subject === `python/${normalizeName(name)}`,
      );
      if (hold === undefined) throw usage(name, `${name} is not held`, 'See `cogplan holds`.');
      await writeLockFile(directory, { ...lock, holds: lock.holds.filter((item) => item !== hold) });
      if (json) printJson({ unheld: hold });
      else print(`${hold.subject} is no longer held.`);
      return 0;
    }),
  );
}

/** `cogplan holds`: what is held, and why. */
export async function holdsVerb(argument: readonly string[], options: CommonOptions): Promise<number> {
  const directory = projectDirectory(argument);
  return withSession(options, async ({ context, json }) => {
    const lock = await requireLockFile(directory);
    const holds = lock.holds.map((hold) => heldBackOf(hold, lock, context.now().toISOString()));
    if (json) printJson({ holds });
    else if (holds.length === 0) print('Nothing is held.');
    for (const { subject, value, since, until, reason, state } of json ? [] : holds) {
      const end = until === undefined ? '' : ` until ${until}`;
      print(
        line(
          `${subject} ${value ?? '(not locked)'}, since ${since}${end}${state === 'expired' ? ' (over)' : ''}: ${reason}`,
        ),
      );
    }
    return 0;
  });
}

/** `numpy` or `python/numpy`, as holds name it; it must be locked. */
function subjectOf(lock: Lock, name: string): string {
  const targets = Object.values(lock.targets);
  if (name.includes('/')) {
    parseHoldSubject(name);
    const hold: Hold = { subject: name, reason: '', since: '' };
    if (heldBackOf(hold, lock).value !== null) return name;
    throw usage(name, `${name} is not locked`, 'See `cogplan tree` for what is.');
  }
  const python = targets.some((target) => target.python.packages.some((item) => item.name === normalizeName(name)));
  const system = targets.some((target) => target.system.packages.some((item) => item.name === name));
  if (python && system) {
    throw usage(
      name,
      `${name} is a Python and a Debian package`,
      `Say python/${normalizeName(name)} or system/${name}.`,
    );
  }
  if (python) return `python/${normalizeName(name)}`;
  if (system) return `system/${name}`;
  throw usage(name, `no locked package is called ${name}`, 'See `cogplan tree` for the names there are.');
}

function sorted(holds: readonly Hold[]): Hold[] {
  return [...holds].sort((a, b) => compareBytes(a.subject, b.subject));
}

function isDate(text: string): boolean {
  return (
    /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) && new Date(text).toISOString().startsWith(text)
  );
}

function usage(subject: string, message: string, hint: string): CogplanError {
  return new CogplanError('COGPLAN_USAGE', message, { subject, hint });
}
