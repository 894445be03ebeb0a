import { compareBytes } from '../../canonical.ts';
import type { Change, Risk } from '../../plan/diff/schema.generated.ts';
import { plainText } from './plain-text.ts';
import { type ReviewState, reviewedChanges } from './review-state.ts';

export interface FamilyRow {
  readonly kind: 'family';
  /** `python`, or `python@linux/amd64` where the plan has several targets. */
  readonly id: string;
  readonly title: string;
  readonly folded: boolean;
  /** Its changes that pass the filter, in order. */
  readonly changes: readonly Change[];
  /** Growth of its artifacts, in bytes. */
  readonly bytes: number;
}

export interface ChangeRow {
  readonly kind: 'change';
  readonly id: string;
  readonly familyId: string;
  readonly change: Change;
}

export type Row = FamilyRow | ChangeRow;

const ORDER: readonly string[] = [
  'asked',
  'base',
  'interpreter',
  'accelerator',
  'system',
  'python',
  'files',
  'weights',
  'steps',
  'runtime',
  'image',
  'holds',
  'tools',
  'seals',
  'lock',
] satisfies Change['family'][];

/** Families that follow from others; folded until somebody looks. */
export const QUIET_FAMILIES: ReadonlySet<string> = new Set(['tools', 'seals', 'lock']);

const RISK_LEVELS = { high: 3, medium: 2, low: 1 } as const;

type View = Pick<ReviewState, 'plan' | 'decisions' | 'filter' | 'sort' | 'folded'>;

/** The lines of the list: families in a fixed order, each with its changes unless folded. */
export function buildRows(view: View): readonly Row[] {
  const several = new Set(view.plan.changes.flatMap(({ platform }) => platform ?? [])).size > 1;
  const wanted = filterOf(view.filter);
  const families = new Map<string, { family: string; platform: string | null; changes: Change[] }>();
  for (const change of reviewedChanges(view)) {
    if (!wanted(change)) continue;
    const id = several && change.platform !== null ? `${change.family}@${change.platform}` : change.family;
    const family = families.get(id);
    if (family === undefined) families.set(id, { family: change.family, platform: change.platform, changes: [change] });
    else family.changes.push(change);
  }
  const compare = COMPARE[view.sort];
  return [...families]
    .sort(([, a], [, b]) => rank(a.family) - rank(b.family) || compareBytes(a.platform ?? '', b.platform ?? ''))
    .flatMap(([id, { family, platform, changes }]): Row[] => {
      const folded = view.folded.has(id);
      const row: FamilyRow = {
        kind: 'family',
        id,
        title: several && platform !== null ? `${family} ${platform}` : family,
        folded,
        changes: changes.sort(compare),
        bytes: changes.reduce((sum, change) => sum + bytesOf(change), 0),
      };
      if (folded) return [row];
      return [row, ...changes.map((change): Row => ({ kind: 'change', id: change.id, familyId: id, change }))];
    });
}

/** How much larger the artifact becomes, in bytes; negative when smaller. */
export function bytesOf({ from, to }: Change): number {
  return (to?.size ?? 0) - (from?.size ?? 0);
}

/** The worst of a change's risks. */
export function worstRisk({ risks }: Change): Risk | undefined {
  return risks.reduce<Risk | undefined>(
    (worst, risk) => (worst === undefined || RISK_LEVELS[risk.level] > RISK_LEVELS[worst.level] ? risk : worst),
    undefined,
  );
}

/** Whether a change contains a text, in any of the words shown for it; letter case does not matter. */
export function contains(change: Change, text: string): boolean {
  return haystack(change).includes(text.toLowerCase());
}

function rank(family: string): number {
  const index = ORDER.indexOf(family);
  return index === -1 ? ORDER.length : index;
}

function byName(a: Change, b: Change): number {
  return compareBytes(a.subject, b.subject) || compareBytes(a.id, b.id);
}

function riskLevel(change: Change): number {
  const risk = worstRisk(change);
  return risk === undefined ? 0 : RISK_LEVELS[risk.level];
}

const COMPARE: Record<ReviewState['sort'], (a: Change, b: Change) => number> = {
  name: byName,
  size: (a, b) => Math.abs(bytesOf(b)) - Math.abs(bytesOf(a)) || byName(a, b),
  risk: (a, b) => riskLevel(b) - riskLevel(a) || byName(a, b),
};

function filterOf(filter: string): (change: Change) => boolean {
  const text = filter.trim();
  if (text === '' || text === '!') return () => true;
  if (text.startsWith('!')) return (change) => !contains(change, text.slice(1));
  return (change) => contains(change, text);
}

const haystacks = new WeakMap<Change, string>();

function haystack(change: Change): string {
  const known = haystacks.get(change);
  if (known !== undefined) return known;
  const { family, subject, kind, from, to, risks, reasons } = change;
  const text = plainText(
    [
      family,
      subject,
      kind,
      from?.value ?? '',
      to?.value ?? '',
      ...risks.flatMap((risk) => ['risk', risk.kind]),
      ...reasons.map((reason) => reason.kind),
    ].join(' '),
  ).toLowerCase();
  haystacks.set(change, text);
  return text;
}
