import { parseShell } from '../../formats/debian/effects/shell-parse.ts';
import type {
  AndOr,
  Command,
  ForCommand,
  List,
  Pipeline,
  SimpleCommand,
} from '../../formats/debian/effects/shell-syntax.ts';
import { expandWord } from './expand-word.ts';
import { invocationOf } from './invocation.ts';
import { readPipe } from './read-pipe.ts';
import { ruleFor } from './rules.ts';
import { type Invocation, notRead, type Outcome, type RunState } from './run-state.ts';

const MOST_TURNS = 200;
const MOST_DEPTH = 20;

/** What one pipeline comes to: taken into the state when all of it is understood, and not at all otherwise. */
export function readPipeline(state: RunState, { negated, commands }: Pipeline, depth = 0): Outcome {
  if (negated) return notRead('its success is turned round');
  const [first, second, ...more] = commands;
  if (first === undefined) return notRead('an empty statement');
  if (second === undefined) return readStatement(state, first, depth);
  if (first.kind !== 'simple' || second.kind !== 'simple' || more.length > 0) return notRead('a pipe');
  return readPipe(state, first, second, (command) => readSimple(state, command, depth));
}

/** The pipelines of a list in order; what stands behind `||` is left out, since what comes before it is understood. */
export function pipelinesOf(list: List): readonly { readonly pipeline: Pipeline; readonly skipped: boolean }[] {
  return (list satisfies readonly AndOr[]).flatMap(({ first, rest }) => [
    { pipeline: first, skipped: false },
    ...rest.map(({ operator, pipeline }) => ({ pipeline, skipped: operator === '||' })),
  ]);
}

function readStatement(state: RunState, command: Command, depth: number): Outcome {
  if (command.kind === 'simple') return readSimple(state, command, depth);
  if (command.redirects.length > 0 || depth > MOST_DEPTH) return notRead(statement(command));
  const why = (outcome: Outcome): Outcome =>
    outcome.class === 'step' ? notRead(`${statement(command)}: ${outcome.why}`) : outcome;
  switch (command.kind) {
    case 'group':
      return why(readWhole(state, command.body, depth));
    case 'subshell':
      return why(apart(state, () => readWhole(state, command.body, depth)));
    case 'for':
      return why(readLoop(state, command, depth));
    default:
      return notRead(statement(command));
  }
}

function statement({ kind }: Command): string {
  return `${kind === 'if' ? 'an' : 'a'} ${kind} statement`;
}

/** A list that is read altogether or not at all. */
function readWhole(state: RunState, list: List, depth: number): Outcome {
  return state.attempt(() => {
    const outcomes: Outcome[] = [];
    for (const { pipeline, skipped } of pipelinesOf(list)) {
      if (skipped) continue;
      const outcome = readPipeline(state, pipeline, depth + 1);
      if (outcome.class === 'step') return outcome;
      outcomes.push(outcome);
    }
    return together(outcomes);
  });
}

/** One class for several parts: that of the first one that has an effect. */
function together(outcomes: readonly Outcome[]): Outcome {
  const effects = outcomes.filter((outcome) => outcome.class !== 'none');
  const [first = outcomes[0]] = effects;
  if (first === undefined) return { class: 'none', why: 'it does nothing' };
  return { ...first, why: [...new Set((effects.length === 0 ? [first] : effects).map(({ why }) => why))].join('; ') };
}

/** Folder and variables are those of before, afterwards. */
function apart(state: RunState, work: () => Outcome): Outcome {
  const { cwd } = state;
  const variables = new Map(state.variables);
  const outcome = work();
  state.cwd = cwd;
  state.variables = variables;
  return outcome;
}

function readLoop(state: RunState, { name, words, body }: ForCommand, depth: number): Outcome {
  const values = words?.map((word) => expandWord(word, state.variables));
  if (values === undefined || values.length > MOST_TURNS) return notRead('what it goes through is not known');
  if (values.includes(undefined)) return notRead('a word that only the shell can expand');
  return state.attempt(() => {
    const outcomes: Outcome[] = [];
    for (const value of values) {
      if (--state.turns < 0) return notRead('it goes through too much');
      state.variables.set(name, value ?? '');
      const outcome = readWhole(state, body, depth);
      if (outcome.class === 'step') return outcome;
      outcomes.push(outcome);
    }
    return together(outcomes);
  });
}

function readSimple(state: RunState, command: SimpleCommand, depth: number): Outcome {
  const invocation = invocationOf(state, command);
  return 'why' in invocation ? invocation : readInvocation(state, invocation, depth);
}

/** Programs that run the command behind them, with the options that change nothing of it. */
const PREFIXES: Readonly<Record<string, readonly string[]>> = {
  sudo: ['-E', '-H', '-n', '-S', '--preserve-env'],
  env: [],
  time: ['-p'],
  nice: [],
  nohup: [],
  command: [],
  exec: [],
};

function readInvocation(state: RunState, invocation: Invocation, depth: number): Outcome {
  const { name, words, assignments } = invocation;
  if (name === '') {
    for (const { name: variable, value } of assignments) setVariable(state, variable, value);
    return { class: 'none', why: 'a variable of this command only' };
  }
  if (invocation.input !== undefined && !['cat', 'tee', 'true'].includes(name)) return notRead('a redirection');
  if (name === 'export') return exportVariables(state, words);
  if (name === 'cd') return changeDirectory(state, words);
  const options = PREFIXES[name];
  if (options !== undefined && words.length > 0) return behindPrefix(state, invocation, options, depth);
  if (name === 'bash' || name === 'sh') return readInner(state, invocation, depth);
  return ruleFor(name)?.(state, invocation) ?? notRead(`${name} is a program to run`);
}

function behindPrefix(state: RunState, invocation: Invocation, options: readonly string[], depth: number): Outcome {
  const words = [...invocation.words];
  while (words[0] !== undefined && options.includes(words[0])) words.shift();
  const assignments = [...invocation.assignments];
  for (let match = /^([A-Za-z_]\w*)=(.*)$/s.exec(words[0] ?? ''); match !== null; ) {
    assignments.push({ name: match[1] ?? '', value: match[2] });
    words.shift();
    match = /^([A-Za-z_]\w*)=(.*)$/s.exec(words[0] ?? '');
  }
  const [name, ...rest] = words;
  if (name === undefined || name.startsWith('-') || ['export', 'cd'].includes(name) || depth > MOST_DEPTH)
    return notRead(`${invocation.name} with ${name ?? 'no command'}`);
  return readInvocation(state, { ...invocation, name, words: rest, assignments }, depth + 1);
}

function setVariable(state: RunState, name: string, value: string | undefined): void {
  if (value === undefined) state.variables.delete(name);
  else state.variables.set(name, value);
}

function exportVariables(state: RunState, words: readonly string[]): Outcome {
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals > 0) setVariable(state, word.slice(0, equals), word.slice(equals + 1));
  }
  return { class: 'none', why: 'it holds for this command only: name variables under environment' };
}

function changeDirectory(state: RunState, words: readonly string[]): Outcome {
  const [path] = words;
  if (path === undefined || words.length > 1 || path === '-') return notRead('cd without a path');
  state.cwd = state.resolve(path);
  return { class: 'none', why: 'it holds for this command only' };
}

/** `bash -c TEXT`, where all of the text is understood. Which variables were exported is not looked at: the text has to do without. */
function readInner(state: RunState, { name, words }: Invocation, depth: number): Outcome {
  const [flag, text, ...more] = words;
  if (!/^-[elx]*c$/.test(flag ?? '') || text === undefined || more.length > 0) return notRead(`${name} runs a script`);
  if (name === 'bash' && /[{}]/.test(text)) return notRead('braces, which only bash expands');
  if (depth > MOST_DEPTH) return notRead(`${name} runs several commands`);
  let list: List;
  try {
    list = parseShell(text);
  } catch {
    return notRead(`the syntax of what ${name} reads`);
  }
  const outcome = apart(state, () => {
    state.variables = new Map([['HOME', '/root']]);
    return readWhole(state, list, depth);
  });
  if (outcome.class !== 'step' || pipelinesOf(list).length === 1) return outcome;
  return notRead(`${name} runs several commands: ${outcome.why}`);
}
