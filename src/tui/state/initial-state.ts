import type { Plan } from '../../plan/diff/schema.generated.ts';
import type { Holds, ReviewState, Size } from './review-state.ts';
import { buildRows, QUIET_FAMILIES } from './rows.ts';

/** The review of a plan before the first key. */
export function initialState(options: {
  readonly title: string;
  readonly plan: Plan;
  readonly size: Size;
  /** Where a plan is saved unless another path is typed. */
  readonly savePath: string;
}): ReviewState {
  const holds: Holds = new Map();
  const decisions = { accepted: new Set<string>(), holds };
  const view = { plan: options.plan, decisions, filter: '', sort: 'name' as const };
  const families = buildRows({ ...view, folded: new Set() }).flatMap((row) => (row.kind === 'family' ? [row] : []));
  const folded = new Set(
    families.filter(({ changes }) => changes.some(({ family }) => QUIET_FAMILIES.has(family))).map(({ id }) => id),
  );
  const rows = buildRows({ ...view, folded });
  return {
    ...options,
    ...view,
    solvedHolds: holds,
    undo: [],
    redo: [],
    request: undefined,
    requests: 0,
    progress: undefined,
    moved: new Set(),
    search: '',
    folded,
    rows,
    cursor: Math.max(
      0,
      rows.findIndex((row) => row.kind === 'change'),
    ),
    top: 0,
    wanted: undefined,
    pane: 'list',
    storyTop: 0,
    mode: { kind: 'browse' },
    notice: undefined,
    outcome: undefined,
  };
}
