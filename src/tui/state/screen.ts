import type { Change } from '../../plan/diff/schema.generated.ts';
import { signedByteText } from './byte-text.ts';
import { undecidedCount } from './decide.ts';
import { helpLines, hintLine } from './help.ts';
import { GUTTER, type Layout, layoutOf } from './layout.ts';
import { fitLine, type Line, lineText, lineWidth, span, type Tone } from './line.ts';
import { cutText, plainText } from './plain-text.ts';
import { type Decision, type Decisions, decisionOn, type ReviewState } from './review-state.ts';
import { bytesOf, type ChangeRow, type FamilyRow, worstRisk } from './rows.ts';
import { storyLines } from './story.ts';

const MARKS: Record<Decision, string> = { undecided: '[ ]', accepted: '[a]', held: '[h]', follows: '   ' };
const MARK_TONES: Record<Decision, Tone> = { undecided: 'plain', accepted: 'good', held: 'accent', follows: 'plain' };

const SYMBOLS: Record<Change['kind'], readonly [symbol: string, tone: Tone]> = {
  added: ['+', 'good'],
  removed: ['-', 'bad'],
  changed: ['~', 'warn'],
  'other-bytes': ['!', 'bad'],
  moved: ['>', 'plain'],
  'hash-computed': ['#', 'warn'],
  detail: ['.', 'dim'],
};

/** The whole frame: as many lines as the screen has, less one, each as wide as the screen. */
export function screenLines(state: ReviewState): readonly Line[] {
  const layout = layoutOf(state.size);
  if (layout.tooSmall) {
    const text = 'Too small: enlarge the terminal, or q and cogplan review --accessible';
    return [fitLine([span(text)], layout.width)];
  }
  const body = state.mode.kind === 'help' ? helpBody(state, layout) : panes(state, layout);
  return [titleLine(state), ...body, noticeLine(state), hintLine(layout.width)].map((line) =>
    fitLine(line, layout.width),
  );
}

function titleLine(state: ReviewState): Line {
  const { plan, decisions, filter, sort, request, title } = state;
  const open = undecidedCount(state);
  const parts = [
    `${plan.changes.length} ${plan.changes.length === 1 ? 'change' : 'changes'}`,
    `${open} undecided`,
    ...(decisions.holds.size === 0 ? [] : [`${decisions.holds.size} held`]),
    ...(request === undefined ? [] : ['resolving']),
    ...(sort === 'name' ? [] : [`by ${sort}`]),
    ...(filter === '' ? [] : [`filter: ${filter}`]),
  ];
  return [span(`${cutText(plainText(title), 40)}: `, 'strong'), span(plainText(parts.join(', ')))];
}

function panes(state: ReviewState, layout: Layout): readonly Line[] {
  const { narrow, bodyHeight, listWidth, storyWidth } = layout;
  const story = (): Line[] =>
    storyLines(state, storyWidth).slice(state.storyTop, state.storyTop + bodyHeight) as Line[];
  const list = (): Line[] =>
    state.rows
      .slice(state.top, state.top + bodyHeight)
      .map((row, index) => rowLine(state, row, { selected: state.top + index === state.cursor, width: listWidth }));
  if (narrow) return padded(state.pane === 'story' ? story() : list(), bodyHeight);
  const [left, right] = [padded(list(), bodyHeight), padded(story(), bodyHeight)];
  const gutter = span(state.pane === 'story' ? GUTTER.replace('|', '>') : GUTTER, 'dim');
  return left.map((line, index) => [...fitLine(line, listWidth), gutter, ...fitLine(right[index] ?? [], storyWidth)]);
}

interface RowLook {
  readonly selected: boolean;
  readonly width: number;
}

function rowLine(state: ReviewState, row: FamilyRow | ChangeRow, look: RowLook): Line {
  const line = row.kind === 'family' ? familyLine(state, row, look.width) : changeLine(state, row, look.width);
  const cursor = span(look.selected ? '> ' : '  ', 'strong');
  if (!look.selected) return fitLine([cursor, ...line], look.width);
  return [{ text: lineText(fitLine([cursor, ...line], look.width)), tone: 'selected' }];
}

function familyLine(state: ReviewState, row: FamilyRow, width: number): Line {
  const open = openIn(state, row);
  const tail = open === 0 ? 'decided' : `${open} undecided`;
  const fold = row.folded ? '[+]' : '[-]';
  return spread([span(`${fold} `), span(row.title, 'strong'), span(` ${row.changes.length}, ${tail}`, 'dim')], {
    end: signedByteText(row.bytes),
    width,
  });
}

const counts = new WeakMap<FamilyRow, { readonly decisions: Decisions; readonly open: number }>();

function openIn(state: ReviewState, row: FamilyRow): number {
  const known = counts.get(row);
  if (known?.decisions === state.decisions) return known.open;
  const open = row.changes.filter((change) => decisionOn(state, change) === 'undecided').length;
  counts.set(row, { decisions: state.decisions, open });
  return open;
}

function changeLine(state: ReviewState, { change }: ChangeRow, width: number): Line {
  const decision = decisionOn(state, change);
  const [symbol, tone] = decision === 'held' ? (['=', 'accent'] as const) : SYMBOLS[change.kind];
  const risk = worstRisk(change);
  const word = change.kind === 'other-bytes' ? 'OTHER BYTES' : (risk?.kind ?? '');
  return spread(
    [
      span('  '),
      span(`${MARKS[decision]} `, MARK_TONES[decision]),
      span(`${symbol}${state.moved.has(change.id) ? '*' : ' '}`, tone),
      span(`${plainText(change.subject)} `, 'strong'),
      ...versions(change, decision),
      ...(word === ''
        ? []
        : [span(` ${word}`, risk?.level === 'high' || change.kind === 'other-bytes' ? 'bad' : 'warn')]),
    ],
    { end: signedByteText(bytesOf(change)), width },
  );
}

function versions({ kind, from, to }: Change, decision: Decision): Line {
  const [old, now] = [plainText(short(from?.value)), plainText(short(to?.value))];
  if (decision === 'held') return [span(`${old} held`)];
  if (kind === 'added') return [span(now)];
  if (kind === 'removed') return [span(old)];
  return [span(old === now ? now : `${old} -> ${now}`)];
}

function short(value: string | undefined): string {
  return value === undefined ? '' : value.length <= 200 ? value : value.slice(0, 200);
}

/** A beginning and, at the right edge, an end; the beginning is cut first. The cursor's two cells are not counted. */
function spread(start: Line, { end, width }: { readonly end: string; readonly width: number }): Line {
  const room = width - 2;
  if (end === '') return start;
  const startRoom = Math.max(0, room - end.length - 1);
  const fitted = lineWidth(start) > startRoom ? fitLine(start, startRoom) : start;
  return [...fitted, span(' '.repeat(Math.max(1, room - lineWidth(fitted) - end.length))), span(end, 'dim')];
}

function noticeLine(state: ReviewState): Line {
  const { mode, notice, request, progress } = state;
  if (mode.kind === 'entry') {
    const label = { filter: 'Filter', search: 'Search', save: 'Save the plan as' }[mode.purpose];
    return [
      span(`${label}: `, 'strong'),
      span(plainText(tail(mode.text, state.size.columns - label.length - 4))),
      span('_'),
    ];
  }
  if (mode.kind === 'confirm') return [span(mode.question, 'warn')];
  if (mode.kind === 'help') return [span('Any other key closes the help.', 'dim')];
  if (request !== undefined) {
    return [
      span('Resolving again around what is held', 'accent'),
      span(progress === undefined ? '' : `: ${plainText(progress)}`),
    ];
  }
  if (notice === undefined) return [span('')];
  return [span(plainText(notice.text), notice.level === 'bad' ? 'bad' : 'plain')];
}

function helpBody(state: ReviewState, { bodyHeight, width }: Layout): readonly Line[] {
  const top = state.mode.kind === 'help' ? state.mode.top : 0;
  return padded(helpLines(width).slice(top, top + bodyHeight), bodyHeight);
}

function padded(lines: readonly Line[], height: number): readonly Line[] {
  return [...lines, ...Array.from({ length: Math.max(0, height - lines.length) }, (): Line => [span('')])];
}

/** The end of what was typed, where the cursor is. */
function tail(text: string, cells: number): string {
  return [...text].slice(-Math.max(1, cells)).join('');
}
