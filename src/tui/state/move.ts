import { layoutOf } from './layout.ts';
import type { ReviewState } from './review-state.ts';
import { contains, type Row } from './rows.ts';

/** Puts the cursor on a line, or on the nearest there is. */
export function moveTo(state: ReviewState, index: number): ReviewState {
  const cursor = Math.max(0, Math.min(state.rows.length - 1, index));
  return cursor === state.cursor ? state : { ...state, cursor, storyTop: 0 };
}

/** To the next line of a kind, in a direction; stays where there is none. */
export function step(state: ReviewState, direction: 1 | -1, wanted: (row: Row) => boolean): ReviewState {
  for (let index = state.cursor + direction; ; index += direction) {
    const row = state.rows[index];
    if (row === undefined) return state;
    if (wanted(row)) return moveTo(state, index);
  }
}

/** To the next change that contains the text searched for, round the end. */
export function search(state: ReviewState, direction: 1 | -1): ReviewState {
  const { rows, search: text } = state;
  if (text.trim() === '') return state;
  for (let distance = 1; distance <= rows.length; distance++) {
    const index = (((state.cursor + direction * distance) % rows.length) + rows.length) % rows.length;
    const row = rows[index];
    if (row?.kind === 'change' && contains(row.change, text)) return { ...moveTo(state, index), notice: undefined };
  }
  return { ...state, notice: { level: 'info', text: `Nothing here contains "${text}"`, chain: [] } };
}

/** Puts the cursor on a change, unfolding its family and clearing a filter that hides it. */
export function select(state: ReviewState, id: string): ReviewState {
  const shown = state.rows.findIndex((row) => row.kind === 'change' && row.id === id);
  if (shown !== -1) return moveTo(state, shown);
  const family = state.rows.find((row) => row.kind === 'family' && row.changes.some((change) => change.id === id));
  const folded = new Set(state.folded);
  if (family !== undefined) folded.delete(family.id);
  return {
    ...state,
    folded: family === undefined ? new Set() : folded,
    filter: family === undefined ? '' : state.filter,
    wanted: id,
  };
}

/** After a step: the cursor stays on the line it was on when lines moved, and on the screen in any case. */
export function keepCursor(before: ReviewState, after: ReviewState): ReviewState {
  const { bodyHeight } = layoutOf(after.size);
  const cursor = after.rows === before.rows ? after.cursor : cursorIn(before, after);
  const lastTop = Math.max(0, after.rows.length - bodyHeight);
  const top = Math.max(0, Math.min(lastTop, Math.max(cursor - bodyHeight + 1, Math.min(after.top, cursor))));
  if (cursor === after.cursor && top === after.top && after.wanted === undefined) return after;
  return { ...after, cursor, top, wanted: undefined };
}

function cursorIn(before: ReviewState, { rows, wanted }: ReviewState): number {
  if (wanted !== undefined) {
    const index = rows.findIndex((row) => row.kind === 'change' && row.id === wanted);
    if (index !== -1) return index;
  }
  const row = before.rows[before.cursor];
  if (row !== undefined) {
    const same = rows.findIndex((other) => other.kind === row.kind && other.id === row.id);
    if (same !== -1) return same;
    const family = row.kind === 'change' ? rows.findIndex((other) => other.id === row.familyId) : -1;
    if (family !== -1) return family;
  }
  return Math.max(0, Math.min(rows.length - 1, before.cursor));
}
