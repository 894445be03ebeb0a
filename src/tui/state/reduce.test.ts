import '../../../test/builders/fixed-seed.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aLongPlan, anUpgrade, upgradeAround } from '../../../test/builders/plan.ts';
import { diffLocks } from '../../plan/diff/diff-locks.ts';
import { COMMAND_GROUPS } from './commands.ts';
import { undecidedCount } from './decide.ts';
import { initialState } from './initial-state.ts';
import { layoutOf } from './layout.ts';
import { lineText, lineWidth } from './line.ts';
import { type Action, reduce } from './reduce.ts';
import { decisionOn, type ReviewState } from './review-state.ts';
import { screenLines } from './screen.ts';

const upgrade = anUpgrade();
const plan = diffLocks(upgrade.before, upgrade.after, { mode: 'upgrade' });
const NUMPY = 'python/numpy@linux/amd64';
const PILLOW = 'python/pillow@linux/amd64';
const SIX = 'python/six@linux/amd64';
const THREADPOOLCTL = 'python/threadpoolctl@linux/amd64';

function begin(size = { columns: 100, rows: 24 }): ReviewState {
  return initialState({ title: 'demo', plan, savePath: 'cogplan.plan.json', size });
}

function act(state: ReviewState, ...actions: readonly Action[]): ReviewState {
  return actions.reduce(reduce, state);
}

function press(state: ReviewState, ...keys: readonly string[]): ReviewState {
  return act(state, ...keys.map((key): Action => ({ kind: 'key', key })));
}

function at(state: ReviewState, id: string): ReviewState {
  return act(state, { kind: 'select', id });
}

/** Answers the request that is under way, as a resolution around its holds would. */
function answer(state: ReviewState): ReviewState {
  if (state.request === undefined) throw new Error('nothing was asked');
  const { number, holds } = state.request;
  return act(state, { kind: 'solved', number, plan: upgradeAround(upgrade, [...holds.values()]) });
}

function refuse(state: ReviewState): ReviewState {
  return act(state, {
    kind: 'refused',
    number: state.request!.number,
    text: 'cannot be held',
    chain: ['a requires b'],
  });
}

const current = (state: ReviewState): string | undefined => state.rows[state.cursor]?.id;
const decision = (state: ReviewState, id: string): string =>
  decisionOn(state, state.plan.changes.find((change) => change.id === id)!);
const version = ({ plan: { lock } }: ReviewState, name: string): string | undefined =>
  lock.targets['linux/amd64']?.python.packages.find((item) => item.name === name)?.version;

describe('moving', () => {
  it.each([
    [['down'], NUMPY, 2],
    [['G'], THREADPOOLCTL, undefined],
    [['G', 'g'], 'system', undefined],
    [['G', 'up'], SIX, undefined],
    [['g', '}'], 'python', undefined],
    [['G', '{'], 'python', undefined],
    [['g', ']'], NUMPY, undefined],
    [['up', 'up', 'up'], 'system', undefined],
  ])('%j leads to %s', (keys, id, times) => {
    expect(current(press(begin(), ...(times === undefined ? keys : Array(times).fill(keys[0]))))).toBe(id);
  });

  it('jumps to the change that is the reason', () => {
    expect(current(press(at(begin(), THREADPOOLCTL), 'r'))).toBe('python/scipy@linux/amd64');
  });

  it('keeps the cursor on its line when lines are folded away, sorted and filtered', () => {
    const state = at(begin(), SIX);
    expect(current(press(state, 's'))).toBe(SIX);
    expect(current(press(state, 'f', 's', 'i', 'x', 'enter'))).toBe(SIX);
    expect(current(press(state, 'left'))).toBe('python');
    expect(current(press(state, 'left', 'right'))).toBe('python');
  });

  it('scrolls no further than needed', () => {
    const state = initialState({
      title: 'demo',
      plan: aLongPlan(100),
      savePath: 'x',
      size: { columns: 100, rows: 14 },
    });
    const { bodyHeight } = layoutOf(state.size);
    const down = press(state, ...Array(bodyHeight + 3).fill('down'));
    expect(down.cursor - down.top).toBe(bodyHeight - 1);
    expect(press(down, 'up').top).toBe(down.top);
    expect(press(down, 'G').top).toBe(state.rows.length - bodyHeight);
  });
});

describe('filter, search and sort', () => {
  it('filters while one types, and gives the old filter back on escape', () => {
    const typed = press(begin(), 'f', 'm', 'a', 'j', 'o', 'r');
    expect(typed.rows.map(({ id }) => id)).toEqual(['python', NUMPY, PILLOW]);
    expect(press(typed, 'backspace', 'backspace').filter).toBe('maj');
    expect(press(typed, 'escape').rows).toHaveLength(begin().rows.length);
    expect(press(typed, 'enter', 'escape').filter).toBe('');
  });

  it('turns a filter round with !', () => {
    expect(press(begin(), 'f', ...'!python', 'enter').rows.map(({ id }) => id)).toEqual([
      'system',
      'system/libc6@linux/amd64',
    ]);
  });

  it('searches round the end, and says when there is nothing', () => {
    const found = press(begin(), '/', ...'p', 'enter');
    expect(current(found)).toBe(NUMPY);
    expect(current(press(found, 'n'))).toBe(PILLOW);
    expect(current(press(found, 'n', 'N'))).toBe(NUMPY);
    expect(press(begin(), '/', ...'zzz', 'enter').notice?.text).toBe('Nothing here contains "zzz"');
  });

  it('sorts by size and by risk', () => {
    const bySize = press(begin(), 's').rows.map(({ id }) => id);
    expect(bySize.slice(2, 5)).toEqual(['python', THREADPOOLCTL, SIX]);
    expect(press(begin(), 's', 's').rows.map(({ id }) => id)[3]).toBe(SIX);
  });
});

describe('accepting', () => {
  it('goes to the next change, and can be undone and redone', () => {
    const accepted = press(at(begin(), NUMPY), 'a');
    expect(decision(accepted, NUMPY)).toBe('accepted');
    expect(current(accepted)).toBe(PILLOW);
    expect(decision(press(accepted, 'u'), NUMPY)).toBe('undecided');
    expect(decision(press(accepted, 'u', 'U'), NUMPY)).toBe('accepted');
    expect(accepted.request).toBeUndefined();
  });

  it('takes a family, and everything', () => {
    expect(undecidedCount(press(at(begin(), NUMPY), 'A'))).toBe(1);
    expect(undecidedCount(press(begin(), '*'))).toBe(0);
  });

  it('falls when a later resolution gives something else', () => {
    const changed = diffLocks(upgrade.before, { ...upgrade.after, targets: {} }, {});
    const held = press(press(at(begin(), SIX), 'a'), 'up', 'up', 'h');
    const solved = act(held, { kind: 'solved', number: held.request!.number, plan: changed });
    expect(decisionOn(solved, solved.plan.changes.find(({ id }) => id === SIX)!)).toBe('undecided');
  });
});

describe('holding', () => {
  it('asks for a resolution around what is held, and shows its plan', () => {
    const asked = press(at(begin(), NUMPY), 'h');
    expect([...asked.request!.holds.keys()]).toEqual([NUMPY]);
    expect(version(asked, 'numpy')).toBe('2.1.0');
    const solved = answer(asked);
    expect(version(solved, 'numpy')).toBe('1.26.4');
    expect(current(solved)).toBe(NUMPY);
    expect(solved.rows.find(({ id }) => id === NUMPY)).toBeDefined();
    expect(solved.request).toBeUndefined();
  });

  it('counts only the latest answer', () => {
    const first = press(at(begin(), NUMPY), 'h');
    const second = press(at(first, SIX), 'h');
    const late = act(second, { kind: 'solved', number: first.request!.number, plan: upgradeAround(upgrade, []) });
    expect(late).toBe(second);
    const solved = answer(second);
    expect([version(solved, 'numpy'), [...solved.decisions.holds.keys()]]).toEqual(['1.26.4', [NUMPY, SIX]]);
  });

  it('gives an impossible hold up, with the chain, and keeps the others', () => {
    const numpy = answer(press(at(begin(), NUMPY), 'h'));
    const refused = refuse(press(at(numpy, PILLOW), 'h'));
    expect([...refused.decisions.holds.keys()]).toEqual([NUMPY]);
    expect(refused.request).toBeUndefined();
    expect(refused.plan).toBe(numpy.plan);
    expect(refused.notice).toMatchObject({ level: 'bad', chain: ['a requires b'] });
    expect([...press(refused, 'u').decisions.holds.keys()]).toEqual([]);
  });

  it('asks again for the holds below an impossible one, when they were never answered', () => {
    const both = press(at(press(at(begin(), NUMPY), 'h'), PILLOW), 'h');
    const refused = refuse(both);
    expect([...refused.request!.holds.keys()]).toEqual([NUMPY]);
    expect(version(answer(refused), 'numpy')).toBe('1.26.4');
  });

  it('gives the plan back on undo without resolving again', () => {
    const held = answer(press(at(begin(), NUMPY), 'h'));
    const undone = press(held, 'u');
    expect([undone.plan === plan, undone.request, undone.decisions.holds.size]).toEqual([true, undefined, 0]);
    const redone = press(undone, 'U');
    expect([redone.plan === held.plan, redone.request]).toEqual([true, undefined]);
  });

  it('lets go of a resolution that undo made pointless', () => {
    const undone = press(press(at(begin(), NUMPY), 'h'), 'u');
    expect([undone.request, undone.plan === plan]).toEqual([undefined, true]);
  });

  it.each([[THREADPOOLCTL, /is new: there is nothing old to keep; hold scipy/]])('refuses to hold %s', (id, text) => {
    const state = press(at(begin(), id), 'h');
    expect(state.notice?.text).toMatch(text);
    expect(state.request).toBeUndefined();
    expect(state.undo).toEqual([]);
  });

  it('holds of a family what can be held', () => {
    const held = press(at(begin(), NUMPY), 'H');
    expect([...held.request!.holds.keys()]).not.toContain(THREADPOOLCTL);
    expect(held.request!.holds.size).toBe(4);
  });

  it('goes through the decisions with the space bar', () => {
    const once = press(at(begin(), NUMPY), 'space');
    expect(decision(once, NUMPY)).toBe('accepted');
    const twice = press(once, 'space');
    expect(decision(twice, NUMPY)).toBe('held');
    const thrice = press(answer(twice), 'space');
    expect([thrice.request, thrice.plan === plan, decision(thrice, NUMPY)]).toEqual([undefined, true, 'undecided']);
  });
});

describe('finishing', () => {
  it('asks before it takes undecided changes', () => {
    const asked = press(begin(), 'w');
    expect(asked.mode).toMatchObject({ kind: 'confirm', action: 'write' });
    expect(press(asked, 'n').outcome).toBeUndefined();
    expect(press(asked, 'y').outcome).toMatchObject({ kind: 'write' });
    expect(press(begin(), '*', 'w').outcome).toMatchObject({ kind: 'write' });
  });

  it('writes and saves nothing while the plan is not the true one', () => {
    const waiting = press(at(begin(), NUMPY), 'h');
    for (const key of ['w', 'S']) {
      expect(press(waiting, key)).toMatchObject({
        outcome: undefined,
        notice: { text: expect.stringMatching(/^Wait/) },
      });
    }
  });

  it('saves under the path that is typed', () => {
    const asked = press(begin(), 'S', 'ctrl-u', ...'my plan'.replace(' ', '_'), 'enter');
    expect(asked.outcome).toMatchObject({ kind: 'save', path: 'my_plan' });
  });

  it('leaves at once, unless there are decisions to lose', () => {
    expect(press(begin(), 'q').outcome).toEqual({ kind: 'leave' });
    const asked = press(begin(), 'a', 'q');
    expect(asked.mode).toMatchObject({ kind: 'confirm', action: 'leave' });
    expect(press(asked, 'y').outcome).toEqual({ kind: 'leave' });
  });

  it.each([[[]], [['?']], [['f', 'x']], [['w']], [['h']]])('ends on Ctrl-C after %j', (keys) => {
    expect(press(begin(), ...keys, 'ctrl-c').outcome).toEqual({ kind: 'interrupt' });
  });
});

describe('laws', () => {
  const keys = [...COMMAND_GROUPS.flatMap(({ rows }) => rows.flatMap((row) => row.keys)), 'x', 'p', 'backspace'].filter(
    (key) => key !== 'ctrl-c' && key !== 'q' && key !== 'w' && key !== 'S',
  );
  const action: fc.Arbitrary<Action | 'answer' | 'refuse'> = fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...keys).map((key): Action => ({ kind: 'key', key })) },
    {
      weight: 1,
      arbitrary: fc
        .record({ columns: fc.integer({ min: 1, max: 200 }), rows: fc.integer({ min: 1, max: 60 }) })
        .map((size): Action => ({ kind: 'resize', size })),
    },
    { weight: 3, arbitrary: fc.constantFrom('answer' as const, 'refuse' as const) },
  );
  const apply = (state: ReviewState, step: Action | 'answer' | 'refuse'): ReviewState => {
    if (typeof step !== 'string') return reduce(state, step);
    if (state.request === undefined) return state;
    return step === 'answer' ? answer(state) : refuse(state);
  };

  it('shows a frame of exactly the screen, with the cursor in it, after whatever keys', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (steps) => {
        const state = steps.reduce(apply, begin());
        const { height, width, tooSmall, bodyHeight } = layoutOf(state.size);
        const lines = screenLines(state);
        expect(lines).toHaveLength(tooSmall ? 1 : height);
        for (const line of lines) expect(lineWidth(line)).toBe(width);
        if (state.rows.length > 0) expect(state.rows[state.cursor]).toBeDefined();
        expect(state.cursor - state.top).toBeLessThan(Math.max(1, bodyHeight));
        expect(state.cursor).toBeGreaterThanOrEqual(state.top);
      }),
      { numRuns: 60 },
    );
  });

  it('ends with a plan that respects exactly what is held, once every request is answered', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (steps) => {
        let state = steps.reduce(apply, begin());
        while (state.request !== undefined) state = answer(state);
        expect(state.solvedHolds).toBe(state.decisions.holds);
        expect(state.plan.after).toBe(upgradeAround(upgrade, [...state.decisions.holds.values()]).after);
      }),
      { numRuns: 60 },
    );
  });

  it('undoes every decision', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (steps) => {
        let state = press(steps.reduce(apply, begin()), 'escape', 'escape');
        while (state.undo.length > 0) state = reduce(state, { kind: 'command', command: 'undo' });
        while (state.request !== undefined) state = answer(state);
        expect([state.decisions.accepted.size, state.decisions.holds.size, state.plan.after]).toEqual([
          0,
          0,
          plan.after,
        ]);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the screen', () => {
  const text = (state: ReviewState): string => screenLines(state).map(lineText).join('\n');

  it('marks the selected line with a character, and decisions with letters', () => {
    const state = answer(press(press(at(begin(), PILLOW), 'a', 'up', 'up'), 'h'));
    expect(text(state)).toMatch(/^> {3}\[h\] = numpy 1\.26\.4 held/m);
    expect(text(state)).toMatch(/^ {4}\[a\] ~ pillow 10\.0\.0 -> 11\.0\.0 major/m);
    expect(text(state)).toMatch(/^ {4}\[ \] ! six 1\.16\.0 OTHER BYTES/m);
  });

  it('shows hostile strings harmlessly', () => {
    const evil = '\u001b[2J\u202egnp.exe\u0007\n\u200b';
    const change = {
      ...plan.changes[0]!,
      subject: evil,
      reasons: [{ kind: 'resolved' as const, text: evil }],
      via: ['a', evil],
    };
    const side = { value: evil, url: `https://x.test/${evil}`, requires: [evil] };
    const hostile = {
      ...plan,
      notes: [evil],
      changes: [{ ...change, from: side, to: { ...side, value: `${evil}2` } }],
    };
    const state = initialState({ title: evil, plan: hostile, savePath: 'x', size: { columns: 120, rows: 40 } });
    const shown = `${text(state)}${text(press(state, 'up'))}${text(press(state, '/', ...evil, 'enter'))}`;
    expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it('shows one pane at a time below 80 columns, and only a line when there is no room', () => {
    const narrow = begin({ columns: 60, rows: 12 });
    expect(text(narrow)).toContain('libc6 2.36-9+deb12u13');
    expect(text(narrow)).not.toContain('Why');
    expect(text(press(narrow, 'tab'))).toContain('Why');
    expect(text(begin({ columns: 18, rows: 24 }))).toMatch(/^Too small/);
    expect(text(begin({ columns: 80, rows: 5 }))).toMatch(/^Too small/);
  });

  it('keeps wide characters in their columns', () => {
    const wide = { ...plan.changes[0]!, subject: '\u6f22\u5b57'.repeat(30) };
    const state = initialState({
      title: '\u05e9\u05dc\u05d5\u05dd',
      plan: { ...plan, changes: [wide] },
      savePath: 'x',
      size: { columns: 81, rows: 20 },
    });
    for (const line of screenLines(state)) expect(lineWidth(line)).toBe(81);
  });
});
