import type { Change, Plan } from '../../plan/diff/schema.generated.ts';
import { type Command, commandOf } from './commands.ts';
import { accept, hold, redo, refused, solved, toggle, undecidedCount, undo } from './decide.ts';
import { helpLines } from './help.ts';
import { typedText } from './key-name.ts';
import { layoutOf } from './layout.ts';
import { keepCursor, moveTo, search, select, step } from './move.ts';
import { decisionOn, type Mode, type Outcome, type ReviewState, type Size, type Sort } from './review-state.ts';
import { buildRows, type Row, worstRisk } from './rows.ts';
import { storyLines } from './story.ts';

export type Action =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'command'; readonly command: Command }
  /** Puts the cursor on a change. */
  | { readonly kind: 'select'; readonly id: string }
  | { readonly kind: 'save'; readonly path: string }
  | { readonly kind: 'resize'; readonly size: Size }
  | { readonly kind: 'progress'; readonly number: number; readonly text: string }
  | { readonly kind: 'solved'; readonly number: number; readonly plan: Plan }
  | { readonly kind: 'refused'; readonly number: number; readonly text: string; readonly chain: readonly string[] };

/** The next state. Pure; after an outcome nothing changes any more. */
export function reduce(state: ReviewState, action: Action): ReviewState {
  if (state.outcome !== undefined) return state;
  return keepView(state, act(state, action));
}

function act(state: ReviewState, action: Action): ReviewState {
  switch (action.kind) {
    case 'key':
      return press(state, action.key);
    case 'command':
      return run(state, action.command);
    case 'select':
      return select(state, action.id);
    case 'save':
      return finish(state, { kind: 'save', plan: state.plan, holds: state.decisions.holds, path: action.path });
    case 'resize':
      return { ...state, size: action.size };
    case 'progress':
      return state.request?.number === action.number ? { ...state, progress: action.text } : state;
    case 'solved':
      return solved(state, action.number, action.plan);
    case 'refused':
      return refused(state, action.number, action);
  }
}

function press(state: ReviewState, key: string): ReviewState {
  const { mode } = state;
  if (key === 'ctrl-c') return run(state, 'interrupt');
  switch (mode.kind) {
    case 'browse': {
      const command = commandOf(key);
      return command === undefined ? state : run(state, command);
    }
    case 'entry':
      return pressInEntry(state, mode, key);
    case 'confirm':
      return pressInConfirm(state, mode, key);
    case 'help':
      return pressInHelp(state, mode, key);
  }
}

function run(state: ReviewState, command: Command): ReviewState {
  if (command === 'interrupt') return { ...state, outcome: { kind: 'interrupt' } };
  const inStory = state.pane === 'story' ? scrollStory(state, command) : undefined;
  if (inStory !== undefined) return inStory;
  const page = Math.max(1, layoutOf(state.size).bodyHeight - 1);
  switch (command) {
    case 'up':
      return moveTo(state, state.cursor - 1);
    case 'down':
      return moveTo(state, state.cursor + 1);
    case 'page-up':
      return moveTo(state, state.cursor - page);
    case 'page-down':
      return moveTo(state, state.cursor + page);
    case 'top':
      return moveTo(state, 0);
    case 'bottom':
      return moveTo(state, state.rows.length - 1);
    case 'next-family':
      return step(state, 1, (row) => row.kind === 'family');
    case 'previous-family':
      return step(state, -1, (row) => row.kind === 'family');
    case 'next-risk':
      return step(state, 1, risky);
    case 'previous-risk':
      return step(state, -1, risky);
    case 'next-undecided':
      return step(state, 1, (row) => row.kind === 'change' && decisionOn(state, row.change) === 'undecided');
    case 'switch-pane':
      return { ...state, pane: state.pane === 'list' ? 'story' : 'list' };
    case 'toggle-fold':
      return current(state)?.kind === 'change' ? { ...state, pane: 'story' } : fold(state, 'toggle');
    case 'fold':
      return fold(state, 'fold');
    case 'unfold':
      return fold(state, 'unfold');
    case 'fold-all':
      return foldAll(state);
    case 'filter':
      return enter(state, 'filter', state.filter);
    case 'search':
      return enter(state, 'search', '');
    case 'search-next':
      return search(state, 1);
    case 'search-previous':
      return search(state, -1);
    case 'sort':
      return { ...state, sort: NEXT_SORT[state.sort], notice: told(`Sorted by ${NEXT_SORT[state.sort]}`) };
    case 'reason':
      return toReason(state);
    case 'accept':
      return onRow(state, accept, 'next');
    case 'hold':
      return onRow(state, hold, 'stay');
    case 'toggle': {
      const row = current(state);
      return row?.kind === 'change' ? toggle(state, row.change) : fold(state, 'toggle');
    }
    case 'accept-family':
      return accept(state, familyChanges(state));
    case 'hold-family':
      return hold(state, familyChanges(state));
    case 'accept-all':
      return accept(
        state,
        state.plan.changes.filter((change) => decisionOn(state, change) === 'undecided'),
      );
    case 'undo':
      return undo(state);
    case 'redo':
      return redo(state);
    case 'write':
      return write(state);
    case 'save':
      return state.request === undefined ? enter(state, 'save', state.savePath) : waiting(state);
    case 'leave':
      return leave(state);
    case 'back':
      return back(state);
    case 'help':
      return { ...state, mode: { kind: 'help', top: 0 } };
  }
}

function pressInEntry(state: ReviewState, mode: Extract<Mode, { kind: 'entry' }>, key: string): ReviewState {
  const typed = (text: string): ReviewState => ({
    ...state,
    ...(mode.purpose === 'filter' ? { filter: text } : {}),
    mode: { ...mode, text },
  });
  if (key === 'backspace') return typed([...mode.text].slice(0, -1).join(''));
  if (key === 'ctrl-u') return typed('');
  if (key === 'escape') {
    return { ...state, mode: { kind: 'browse' }, ...(mode.purpose === 'filter' ? { filter: mode.before } : {}) };
  }
  if (key === 'enter') {
    const done: ReviewState = { ...state, mode: { kind: 'browse' } };
    if (mode.purpose === 'filter') return done;
    if (mode.purpose === 'search') return search({ ...done, search: mode.text }, 1);
    if (mode.text.trim() === '') return done;
    return finish(done, { kind: 'save', plan: state.plan, holds: state.decisions.holds, path: mode.text.trim() });
  }
  const text = typedText(key);
  return text === undefined || mode.text.length >= 1024 ? state : typed(mode.text + text);
}

function pressInConfirm(state: ReviewState, mode: Extract<Mode, { kind: 'confirm' }>, key: string): ReviewState {
  if (key === 'y' || key === 'Y') {
    if (mode.action === 'leave') return finish(state, { kind: 'leave' });
    return finish(state, { kind: 'write', plan: state.plan, holds: state.decisions.holds });
  }
  if (key === 'n' || key === 'N' || key === 'escape' || key === 'q') return { ...state, mode: { kind: 'browse' } };
  return state;
}

function pressInHelp(state: ReviewState, mode: Extract<Mode, { kind: 'help' }>, key: string): ReviewState {
  const { bodyHeight, width } = layoutOf(state.size);
  const last = Math.max(0, helpLines(width).length - bodyHeight);
  const to = (top: number): ReviewState => ({
    ...state,
    mode: { kind: 'help', top: Math.max(0, Math.min(last, top)) },
  });
  switch (commandOf(key)) {
    case 'up':
      return to(mode.top - 1);
    case 'down':
      return to(mode.top + 1);
    case 'page-up':
      return to(mode.top - bodyHeight);
    case 'page-down':
    case 'toggle':
      return to(mode.top + bodyHeight);
    case 'top':
      return to(0);
    case 'bottom':
      return to(last);
    default:
      return { ...state, mode: { kind: 'browse' } };
  }
}

function scrollStory(state: ReviewState, command: Command): ReviewState | undefined {
  const { bodyHeight, storyWidth } = layoutOf(state.size);
  const last = (): number => Math.max(0, storyLines(state, storyWidth).length - bodyHeight);
  const to = (top: number): ReviewState => ({ ...state, storyTop: Math.max(0, Math.min(last(), top)) });
  switch (command) {
    case 'up':
      return to(state.storyTop - 1);
    case 'down':
      return to(state.storyTop + 1);
    case 'page-up':
      return to(state.storyTop - bodyHeight);
    case 'page-down':
      return to(state.storyTop + bodyHeight);
    case 'top':
      return to(0);
    case 'bottom':
      return to(last());
    case 'toggle-fold':
    case 'fold':
    case 'back':
      return { ...state, pane: 'list' };
    default:
      return undefined;
  }
}

function write(state: ReviewState): ReviewState {
  if (state.request !== undefined) return waiting(state);
  const open = undecidedCount(state);
  if (open === 0) return finish(state, { kind: 'write', plan: state.plan, holds: state.decisions.holds });
  const question = `Write the lock? ${open === 1 ? '1 change is' : `${open} changes are`} undecided and will be taken (y/n)`;
  return { ...state, mode: { kind: 'confirm', action: 'write', question } };
}

function leave(state: ReviewState): ReviewState {
  if (state.undo.length === 0) return finish(state, { kind: 'leave' });
  return {
    ...state,
    mode: { kind: 'confirm', action: 'leave', question: 'Leave, and forget the decisions? Nothing is written (y/n)' },
  };
}

function back(state: ReviewState): ReviewState {
  if (state.filter !== '') return { ...state, filter: '', notice: told('Filter cleared') };
  return { ...state, notice: undefined };
}

function finish(state: ReviewState, outcome: Outcome): ReviewState {
  if (state.request !== undefined && outcome.kind !== 'leave') return waiting(state);
  return { ...state, outcome };
}

function waiting(state: ReviewState): ReviewState {
  return {
    ...state,
    mode: { kind: 'browse' },
    notice: told('Wait: the plan is being resolved again; undo (u) takes the hold back'),
  };
}

function enter(state: ReviewState, purpose: 'filter' | 'search' | 'save', text: string): ReviewState {
  return { ...state, pane: 'list', mode: { kind: 'entry', purpose, text, before: text } };
}

function onRow(
  state: ReviewState,
  decide: (state: ReviewState, changes: readonly Change[]) => ReviewState,
  then: 'next' | 'stay',
): ReviewState {
  const row = current(state);
  if (row === undefined) return state;
  if (row.kind === 'family') return decide(state, row.changes);
  const decided = decide(state, [row.change]);
  return then === 'next' ? moveTo(decided, decided.cursor + 1) : decided;
}

function familyChanges(state: ReviewState): readonly Change[] {
  const row = current(state);
  if (row === undefined) return [];
  if (row.kind === 'family') return row.changes;
  return state.rows.flatMap((other) => (other.kind === 'family' && other.id === row.familyId ? other.changes : []));
}

function toReason(state: ReviewState): ReviewState {
  const row = current(state);
  if (row?.kind !== 'change') return state;
  const names = [...row.change.reasons.flatMap(({ by }) => by ?? []), ...[...row.change.via].reverse()];
  for (const name of names) {
    const change = state.plan.changes.find(
      ({ id, subject, platform }) =>
        subject === name && id !== row.id && (platform === row.change.platform || platform === null),
    );
    if (change !== undefined) return select(state, change.id);
  }
  const [reason] = names;
  return {
    ...state,
    notice: told(reason === undefined ? 'No other change is the reason' : `${reason} did not change`),
  };
}

function fold(state: ReviewState, to: 'fold' | 'unfold' | 'toggle'): ReviewState {
  const row = current(state);
  if (row === undefined) return state;
  const id = row.kind === 'family' ? row.id : row.familyId;
  const folded = new Set(state.folded);
  if (to === 'fold' || (to === 'toggle' && !folded.has(id))) folded.add(id);
  else folded.delete(id);
  return { ...state, folded };
}

function foldAll(state: ReviewState): ReviewState {
  const ids = state.rows.flatMap((row) => (row.kind === 'family' ? [row.id] : []));
  return { ...state, folded: ids.every((id) => state.folded.has(id)) ? new Set() : new Set(ids) };
}

/** Derives the rows anew when what they are made of changed, and keeps the cursor on its line and on the screen. */
function keepView(before: ReviewState, after: ReviewState): ReviewState {
  const same =
    before.plan === after.plan &&
    before.decisions.holds === after.decisions.holds &&
    before.filter === after.filter &&
    before.sort === after.sort &&
    before.folded === after.folded;
  return keepCursor(before, same ? after : { ...after, rows: buildRows(after) });
}

function current(state: ReviewState): Row | undefined {
  return state.rows[state.cursor];
}

function risky(row: Row): boolean {
  return row.kind === 'change' && worstRisk(row.change) !== undefined;
}

function told(text: string): ReviewState['notice'] {
  return { level: 'info', text, chain: [] };
}

const NEXT_SORT: Record<Sort, Sort> = { name: 'size', size: 'risk', risk: 'name' };
