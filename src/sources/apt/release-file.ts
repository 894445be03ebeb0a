import { isSha256, type Sha256 } from '../../digest.ts';
import { CogplanError } from '../../errors.ts';
import { parseSingleControl, requireField } from '../../formats/debian/control.ts';

export interface ReleaseFile {
  readonly codename: string;
  readonly suite: string;
  readonly date: Date;
  readonly validUntil: Date | undefined;
  readonly byHash: boolean;
  /** Nothing is taken from it that is not only there, or asked for: backports. https://wiki.debian.org/DebianRepository/Format#NotAutomatic_and_ButAutomaticUpgrades */
  readonly notAutomatic: boolean;
  /** By path below the suite's directory. */
  readonly files: ReadonlyMap<string, { readonly sha256: Sha256; readonly size: number }>;
}

/** The text of a Release file. Only its SHA256 table counts; weaker ones are not read. */
export function parseReleaseFile(text: string, what: string): ReleaseFile {
  const fields = parseSingleControl(text, what);
  const validUntil = fields.get('valid-until');
  return {
    codename: fields.get('codename') ?? '',
    suite: fields.get('suite') ?? '',
    date: parseDate(requireField(fields, 'Date', what), what),
    validUntil: validUntil === undefined ? undefined : parseDate(validUntil, what),
    byHash: fields.get('acquire-by-hash') === 'yes',
    notAutomatic: fields.get('notautomatic') === 'yes',
    files: parseTable(requireField(fields, 'SHA256', what), what),
  };
}

export interface ReleaseChecks {
  /** `bookworm-security`: the codename, or the suite's name, must be this. A flat archive (`/`) has neither. */
  readonly suite: string;
  readonly now: Date;
  /** Date of the Release that was accepted last. */
  readonly notBefore: Date | undefined;
  readonly what: string;
}

/** Right suite, not expired, not older than what was seen before. */
export function checkReleaseFile(release: ReleaseFile, { suite, now, notBefore, what }: ReleaseChecks): void {
  if (!suite.endsWith('/') && release.codename !== suite && release.suite !== suite) {
    throw new CogplanError(
      'COGPLAN_ARCHIVE_MISMATCH',
      `${what} is for ${release.codename || release.suite}, not for ${suite}`,
      {
        subject: what,
      },
    );
  }
  if (release.validUntil !== undefined && release.validUntil < now) {
    throw new CogplanError('COGPLAN_ARCHIVE_EXPIRED', `${what} was valid until ${release.validUntil.toISOString()}`, {
      subject: what,
      hint: 'The mirror is out of date, or this clock is wrong; security updates may be withheld.',
    });
  }
  if (notBefore !== undefined && release.date < notBefore) {
    throw new CogplanError(
      'COGPLAN_ARCHIVE_ROLLBACK',
      `${what} is of ${release.date.toISOString()}, older than the ${notBefore.toISOString()} of the lock`,
      { subject: what, hint: 'The mirror is out of date, or replays an old state; ask another one.' },
    );
  }
}

function parseTable(text: string, what: string): ReleaseFile['files'] {
  const files = new Map<string, { readonly sha256: Sha256; readonly size: number }>();
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const [hash = '', size = '', path = '', ...rest] = line.trim().split(/\s+/);
    if (!isSha256(hash) || !/^\d{1,12}$/.test(size) || path === '' || rest.length > 0) {
      throw new CogplanError(
        'COGPLAN_CONTROL_INVALID',
        `${what}: cannot read the SHA256 line ${JSON.stringify(line)}`,
        {
          subject: what,
        },
      );
    }
    files.set(path.replace(/^\.\//, ''), { sha256: hash, size: Number(size) });
  }
  return files;
}

const DATE = /^[A-Z][a-z]{2}, {1,2}\d{1,2} [A-Z][a-z]{2} \d{4} \d{1,2}:\d{2}:\d{2} (?:UTC|GMT|\+0000)$/;

function parseDate(text: string, what: string): Date {
  const date = new Date(DATE.test(text) ? Date.parse(text) : Number.NaN);
  if (Number.isNaN(date.getTime())) {
    throw new CogplanError('COGPLAN_CONTROL_INVALID', `${what}: cannot read the date ${JSON.stringify(text)}`, {
      subject: what,
    });
  }
  return date;
}
