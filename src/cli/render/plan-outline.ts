import type { Json } from '../../canonical.ts';
import { printable } from '../../errors.ts';
import type { Change, Family, Plan } from '../../plan/diff/schema.generated.ts';
import { formatBytes } from '../hosts/format.ts';

/** One change, in words; every text is on one line and safe to print. */
export interface Row {
  readonly mark: Mark;
  readonly subject: string;
  /** `1.26.4 → 2.0.0`, or the one version there is. */
  readonly versions: string;
  /** Empty when nothing has to be fetched, or nobody knows. */
  readonly size: string;
  readonly reason: string;
  readonly risks: readonly string[];
  readonly change: Change;
}

export interface Section {
  readonly title: string;
  /** `3 changed, 1 added`. */
  readonly counts: string;
  readonly rows: readonly Row[];
  /** Rows that say little by themselves, when there are many. */
  readonly folded: readonly Row[];
}

/** A plan as all renderers tell it: what alarms, then what changes by family, then what it costs. */
export interface Outline {
  readonly headline: string;
  readonly alarms: readonly Row[];
  readonly sections: readonly Section[];
  /** Layers, bytes, sizes: one line each. */
  readonly consequences: readonly string[];
  readonly holds: readonly string[];
  readonly notes: readonly string[];
}

export type Mark = '+' | '-' | '~' | '!' | '>' | '.';

export const MARK_WORDS: Readonly<Record<Mark, string>> = {
  '+': 'added',
  '-': 'removed',
  '~': 'changed',
  '!': 'same version, other bytes',
  '>': 'same bytes from elsewhere',
  '.': 'other facts, same bytes',
};

const MARKS: Readonly<Record<Change['kind'], Mark>> = {
  added: '+',
  removed: '-',
  changed: '~',
  'other-bytes': '!',
  moved: '>',
  'hash-computed': '>',
  detail: '.',
};

const TITLES: readonly (readonly [Family, string])[] = [
  ['asked', 'What is asked'],
  ['base', 'Base'],
  ['interpreter', 'Interpreter'],
  ['accelerator', 'Accelerator'],
  ['python', 'Python packages'],
  ['system', 'Debian packages'],
  ['files', 'Files'],
  ['weights', 'Weights'],
  ['steps', 'Steps'],
  ['runtime', 'Runtime'],
  ['image', 'Image configuration'],
  ['holds', 'Holds'],
  ['tools', 'Tools of the build'],
  ['seals', 'Seals'],
  ['lock', 'Lock'],
];

/** A section with more rows than this shows only those that somebody would look for. */
const FOLD_ABOVE = 12;

export function outlineOf(plan: Plan): Outline {
  const platforms = new Set(plan.changes.flatMap(({ platform }) => (platform === null ? [] : [platform])));
  const sections = TITLES.flatMap(([family, title]) =>
    [null, ...platforms].flatMap((platform): readonly Section[] => {
      const changes = plan.changes.filter((change) => change.family === family && change.platform === platform);
      if (changes.length === 0) return [];
      const suffix = platform === null || platforms.size < 2 ? '' : ` for ${platform}`;
      return [sectionOf(`${title}${suffix}`, changes)];
    }),
  );
  return {
    headline: headlineOf(plan),
    alarms: plan.changes.filter(isAlarming).map(rowOf),
    sections,
    consequences: consequencesOf(plan),
    holds: plan.holds.map(({ subject, value, since, until, reason, state }) =>
      line(
        `${subject} ${value ?? ''} ${HOLD_STATES[state]} since ${since}${until === undefined ? '' : ` until ${until}`}: ${reason}`,
      ),
    ),
    notes: plan.notes.map(line),
  };
}

/** Text from anywhere on one line, without what could move a cursor or turn the reading direction. */
export function line(text: string): string {
  return printable(text).replace(/\s+/g, ' ').trim();
}

const HOLD_STATES = { held: 'held', expired: 'no longer held (over)', absent: 'held, but not locked,' } as const;

function headlineOf({ changes, summary, before }: Plan): string {
  if (changes.length === 0) return 'No changes.';
  const parts = [
    [summary.added, 'to add'],
    [summary.changed, 'to change'],
    [summary.removed, 'to remove'],
    [summary.otherBytes, 'with other bytes'],
    [summary.moved, 'from elsewhere'],
    [summary.details, 'with other facts'],
  ] as const;
  const counts = parts.filter(([count], index) => count > 0 || index < 3).map(([count, words]) => `${count} ${words}`);
  return `${before === null ? 'First lock: ' : ''}${counts.join(', ')}.`;
}

function sectionOf(title: string, changes: readonly Change[]): Section {
  const counts = Object.entries(MARK_WORDS)
    .map(([mark, word]) => [changes.filter(({ kind }) => MARKS[kind] === mark).length, word] as const)
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(', ');
  const sorted = [...changes].sort((a, b) => rank(a) - rank(b));
  // Seals follow their layers, which are told of by themselves.
  const fold = changes.length > FOLD_ABOVE || changes.every(({ family }) => family === 'seals');
  return {
    title,
    counts,
    rows: sorted.filter((change) => !fold || isNotable(change)).map(rowOf),
    folded: sorted.filter((change) => fold && !isNotable(change)).map(rowOf),
  };
}

/** What deserves a line even in a long list: what somebody asked, or should look at. */
function isNotable({ kind, reasons, risks, via }: Change): boolean {
  if (kind === 'detail') return false;
  return (
    kind === 'other-bytes' ||
    risks.some(({ level }) => level !== 'low') ||
    (reasons.some((reason) => reason.kind === 'asked' || reason.kind === 'hold') && via.length < 2)
  );
}

function isAlarming({ kind, risks }: Change): boolean {
  return kind === 'other-bytes' || risks.some(({ level }) => level === 'high');
}

const LEVELS = ['high', 'medium', 'low'];

function rank({ kind, risks, via }: Change): number {
  const level = LEVELS.indexOf(risks[0]?.level ?? '');
  return (kind === 'detail' ? 100 : 0) + (level < 0 ? 10 : level) + (via.length > 1 ? 1 : 0) * 5;
}

function rowOf(change: Change): Row {
  const { kind, from, to, reasons, risks, subject, family } = change;
  return {
    mark: MARKS[kind],
    subject: line(subject),
    versions: versionsOf(change),
    size: change.fetch === undefined || change.fetch === 0 ? '' : formatBytes(change.fetch),
    reason: line(reasons.map(({ text }) => text).join('; ')),
    risks: risks.map(({ text }) => line(text)),
    change: { ...change, subject, family, from, to },
  };
}

function versionsOf({ kind, family, from, to, details }: Change): string {
  if (kind === 'detail') return line(details.map(({ field }) => field).join(', '));
  const [only] = details;
  if (details.length === 1 && Array.isArray(only?.from) && Array.isArray(only.to)) {
    const moved = listChange(only.from, only.to);
    if (moved !== '') return moved;
  }
  const [old, now] = [shorten(family, from?.value), shorten(family, to?.value)];
  if (kind === 'other-bytes' && from?.sha256 !== undefined && to?.sha256 !== undefined) {
    return `${now} (${from.sha256.slice(0, 12)} → ${to.sha256.slice(0, 12)})`;
  }
  if (old === undefined || now === undefined) return now ?? old ?? '';
  return old === now ? now : `${old} → ${now}`;
}

/** What came to a list and what went; empty when only the order moved. */
function listChange(from: readonly Json[], to: readonly Json[]): string {
  const [old, now] = [from.map(oneLine), to.map(oneLine)];
  const gone = old.filter((item) => !now.includes(item)).map((item) => `without ${item}`);
  const come = now.filter((item) => !old.includes(item)).map((item) => `with ${item}`);
  return line([...gone, ...come].join(', '));
}

function oneLine(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function shorten(family: Family, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const text = line(family === 'seals' ? value.replace(/^sha256:/, '').slice(0, 12) : value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function consequencesOf({ changes, summary, layers }: Plan): readonly string[] {
  if (changes.length === 0) return [];
  const lines: string[] = [];
  if (summary.layersMoved !== null && summary.layersMoved > 0) {
    const names = layers.map(({ layer, kind }) => (kind === 'rebuilt' ? layer : `${layer} (${kind})`));
    lines.push(`Layers: ${summary.layersMoved} move, ${summary.layersKept ?? 0} stay: ${names.join(', ')}`);
  }
  if (summary.fetch !== null && summary.fetch.files > 0) {
    lines.push(
      `To fetch: ${summary.fetch.files} ${summary.fetch.files === 1 ? 'file' : 'files'}, ${formatBytes(summary.fetch.bytes)}`,
    );
  }
  if (summary.image !== null && summary.image.before !== summary.image.after) {
    const tell = (bytes: number | null): string => (bytes === null ? 'known once applied' : formatBytes(bytes));
    lines.push(`Image: ${tell(summary.image.before)} → ${tell(summary.image.after)}`);
  }
  return lines.map(line);
}
