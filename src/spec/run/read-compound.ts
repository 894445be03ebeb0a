import type {
  CaseCommand,
  ForCommand,
  FunctionCommand,
  IfCommand,
  List,
  WhileCommand,
  Word,
} from '../../formats/debian/effects/shell-syntax.ts';
import { expandWord } from './expand-word.ts';
import { globOf } from './glob.ts';
import { makesNoDifference } from './read-list.ts';
import { notRead, type Outcome, type RunState, type Understood } from './run-state.ts';

const MOST_TURNS = 200;

/** Reads a list altogether or not at all. */
export type ReadWhole = (list: List) => Outcome;

/** `if`: the branch that what is known decides for. */
export function readIf(state: RunState, { clauses, otherwise }: IfCommand, readWhole: ReadWhole): Outcome {
  return state.attempt(() => {
    const done: Understood[] = [];
    for (const { condition, body } of clauses) {
      const asked = readWhole(condition);
      if (asked.class === 'step') return asked;
      done.push(asked);
      if (asked.status === 'unknown') {
        const isOnly = clauses.length === 1 && otherwise.length === 0;
        const outcome = isOnly ? readWhole(body) : notRead(asked.why);
        return outcome.class !== 'step' && outcome.class !== 'none' && makesNoDifference(asked, outcome, false)
          ? outcome
          : notRead(asked.why);
      }
      if (asked.status !== false) return after(done, readWhole(body));
    }
    return after(done, readWhole(otherwise));
  });
}

/** `case`: the first branch whose pattern fits. */
export function readCase(state: RunState, { subject, items }: CaseCommand, readWhole: ReadWhole): Outcome {
  const expanded = expandWord(quoted(subject), state.variables);
  if (expanded === undefined) return notRead('what it looks at is not known');
  const text = state.concrete(expanded);
  for (const { patterns, body } of items) {
    for (const pattern of patterns) {
      const fits = patternOf(state, pattern);
      if (fits === undefined) return notRead('a pattern that only the shell can expand');
      if (fits.test(text)) return after([], readWhole(body));
    }
  }
  return { class: 'none', why: `no branch is for ${text}` };
}

/** Expansions in the subject of `case` are not split and match no files. */
function quoted(word: Word): Word {
  return word.map((part) => ({
    ...part,
    quoted: part.kind === 'text' && part.text.startsWith('~') ? part.quoted : true,
  }));
}

function patternOf(state: RunState, word: Word): RegExp | undefined {
  let source = '';
  for (const part of word) {
    if (part.kind === 'text' && !part.quoted) {
      const glob = globOf(part.text);
      if (glob === undefined) return undefined;
      source += glob;
      continue;
    }
    const text = expandWord([{ ...part, quoted: true }], state.variables);
    if (text === undefined) return undefined;
    source += escaped(state.concrete(text));
  }
  return new RegExp(`^${source}$`, 's');
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** `for`: its body once for each word. */
export function readFor(state: RunState, { name, words, body }: ForCommand, readWhole: ReadWhole): Outcome {
  const values = words?.map((word) => expandWord(word, state.variables));
  if (values === undefined || values.length > MOST_TURNS) return notRead('what it goes through is not known');
  if (values.includes(undefined)) return notRead('a word that only the shell can expand');
  return state.attempt(() => {
    const outcomes: Understood[] = [];
    for (const value of values) {
      if (--state.turns < 0) return notRead('it goes through too much');
      state.variables.set(name, value ?? '');
      const outcome = readWhole(body);
      if (outcome.class === 'step') return outcome;
      outcomes.push(outcome);
    }
    return together(outcomes);
  });
}

/** `while` and `until`, as long as each turn is decided. */
export function readWhile(state: RunState, { until, condition, body }: WhileCommand, readWhole: ReadWhole): Outcome {
  return state.attempt(() => {
    const outcomes: Understood[] = [];
    for (let turn = 0; ; turn++) {
      if (turn > MOST_TURNS || --state.turns < 0) return notRead('it goes on for too long');
      const asked = readWhole(condition);
      if (asked.class === 'step') return asked;
      if (asked.status === 'unknown') return notRead(asked.why);
      outcomes.push(asked);
      if ((asked.status !== false) === until) return { ...together(outcomes), status: true };
      const outcome = readWhole(body);
      if (outcome.class === 'step') return outcome;
      outcomes.push(outcome);
    }
  });
}

/** A function that is called, with its words as `$1` and on. */
export function readCall(
  state: RunState,
  { body }: FunctionCommand,
  {
    words,
    readBody,
  }: { readonly words: readonly string[]; readonly readBody: (body: FunctionCommand['body']) => Outcome },
): Outcome {
  return state.attempt(() => {
    const kept = new Map([...state.variables].filter(([name]) => isPositional(name)));
    const positional = Array.from({ length: 9 }, (_, index) => [String(index + 1), words[index] ?? ''] as const);
    const [only, ...more] = words;
    const all = only !== undefined && more.length === 0 ? ([['@', only]] as const) : [];
    const set = (entries: Iterable<readonly [string, string]>): void => {
      for (const name of [...state.variables.keys()].filter(isPositional)) state.variables.delete(name);
      for (const [name, value] of entries) state.variables.set(name, value);
    };
    set([...positional, ...all, ['#', String(words.length)]]);
    const outer = state.locals;
    state.locals = new Map();
    const outcome = readBody(body);
    for (const [name, value] of state.locals) {
      if (value === undefined) state.variables.delete(name);
      else state.variables.set(name, value);
    }
    state.locals = outer;
    set(kept);
    return outcome;
  });
}

function isPositional(name: string): boolean {
  return /^[1-9@#]$/.test(name);
}

/** One outcome for several parts: the class of the first one that has an effect, the status of the last. */
export function together(outcomes: readonly Understood[]): Understood {
  const effects = outcomes.filter((outcome) => outcome.class !== 'none');
  const [first = outcomes[0]] = effects;
  if (first === undefined) return { class: 'none', why: 'it does nothing' };
  const { status: _, asksFor: __, turned: ___, ...rest } = first;
  const why = [...new Set((effects.length === 0 ? [first] : effects).map((item) => item.why))].join('; ');
  const last = outcomes.at(-1);
  return {
    ...rest,
    why,
    ...(last?.status === undefined ? {} : { status: last.status }),
    ...(last?.asksFor === undefined || effects.length > 0
      ? {}
      : { asksFor: last.asksFor, ...(last.turned === true ? { turned: true } : {}) }),
  };
}

function after(done: readonly Understood[], outcome: Outcome): Outcome {
  return outcome.class === 'step' ? outcome : together([...done, outcome]);
}
