import type { Change, Plan } from '../../plan/diff/schema.generated.ts';
import type { Row } from './rows.ts';

/** `follows`: nothing to decide, it comes with other changes. */
export type Decision = 'undecided' | 'accepted' | 'held' | 'follows';
export type Sort = 'name' | 'size' | 'risk';

/** Changes that keep what the old lock has, by id, each as it was proposed when it was held. */
export type Holds = ReadonlyMap<string, Change>;

export interface Decisions {
  /** Fingerprints of accepted changes: a change that a new plan words differently is undecided again. */
  readonly accepted: ReadonlySet<string>;
  readonly holds: Holds;
}

/** Decisions as they were, with the plan that belongs to them when it is known. */
export interface Snapshot extends Decisions {
  readonly plan: Plan | undefined;
}

/** A resolution under way in the background. An answer counts only while its number is the current one. */
export interface Request {
  readonly number: number;
  readonly holds: Holds;
  /** What the decision that caused it held; given up when the holds are impossible. */
  readonly added: readonly string[];
}

export interface Notice {
  readonly level: 'info' | 'bad';
  readonly text: string;
  /** Why, link by link; shown in the story until the next decision. */
  readonly chain: readonly string[];
}

export type Mode =
  | { readonly kind: 'browse' }
  | {
      readonly kind: 'entry';
      readonly purpose: 'filter' | 'search' | 'save';
      readonly text: string;
      readonly before: string;
    }
  | { readonly kind: 'confirm'; readonly action: 'write' | 'leave'; readonly question: string }
  | { readonly kind: 'help'; readonly top: number };

/** How the review ended. What it asks for is done by the caller: the review itself writes nothing. */
export type Outcome =
  | { readonly kind: 'write'; readonly plan: Plan; readonly holds: Holds }
  | { readonly kind: 'save'; readonly plan: Plan; readonly holds: Holds; readonly path: string }
  | { readonly kind: 'leave' }
  | { readonly kind: 'interrupt' };

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** All of the review. `rows` is derived from the plan, the holds and the view, and kept because thousands may be in it. */
export interface ReviewState {
  readonly title: string;
  readonly plan: Plan;
  /** The holds that `plan` respects; the same object as `decisions.holds` unless a request is under way. */
  readonly solvedHolds: Holds;
  readonly decisions: Decisions;
  readonly undo: readonly Snapshot[];
  readonly redo: readonly Snapshot[];
  readonly request: Request | undefined;
  readonly requests: number;
  /** What the work in the background says it does. */
  readonly progress: string | undefined;
  /** Ids of changes that the last resolution gave otherwise than the one before. */
  readonly moved: ReadonlySet<string>;
  readonly filter: string;
  readonly search: string;
  readonly sort: Sort;
  readonly folded: ReadonlySet<string>;
  readonly rows: readonly Row[];
  readonly cursor: number;
  /** First row on the screen. */
  readonly top: number;
  /** A change to put the cursor on once its line is there. */
  readonly wanted: string | undefined;
  readonly pane: 'list' | 'story';
  /** First line of the story on the screen. */
  readonly storyTop: number;
  readonly mode: Mode;
  readonly notice: Notice | undefined;
  readonly savePath: string;
  readonly size: Size;
  readonly outcome: Outcome | undefined;
}

const fingerprints = new WeakMap<Change, string>();

/** What of a change a decision is about: when it differs, the decision was about something else. */
export function fingerprint(change: Change): string {
  const known = fingerprints.get(change);
  if (known !== undefined) return known;
  const { id, kind, from, to } = change;
  const print = [id, kind, from?.value, from?.sha256, to?.value, to?.sha256].join('\0');
  fingerprints.set(change, print);
  return print;
}

/** Families that nobody decides on by themselves. */
const FOLLOWING: ReadonlySet<string> = new Set(['holds', 'tools', 'seals', 'lock']);

export function decisionOn({ decisions }: Pick<ReviewState, 'decisions'>, change: Change): Decision {
  if (decisions.holds.has(change.id)) return 'held';
  if (FOLLOWING.has(change.family)) return 'follows';
  return decisions.accepted.has(fingerprint(change)) ? 'accepted' : 'undecided';
}

/** Changes to decide on: those of the plan, and those that a hold has made disappear from it. */
export function reviewedChanges({ plan, decisions }: Pick<ReviewState, 'plan' | 'decisions'>): readonly Change[] {
  if (decisions.holds.size === 0) return plan.changes;
  const present = new Set(plan.changes.map(({ id }) => id));
  return [...plan.changes, ...[...decisions.holds.values()].filter(({ id }) => !present.has(id))];
}
