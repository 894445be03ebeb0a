import { parseShell } from '../../formats/debian/effects/shell-parse.ts';
import type { Command, List, Pipeline, SimpleCommand } from '../../formats/debian/effects/shell-syntax.ts';
import { lookUp } from './commands/condition.ts';
import { nothing } from './commands/quiet.ts';
import { invocationOf } from './invocation.ts';
import { knownAt } from './knows.ts';
import { readCall, readCase, readFor, readIf, readWhile, together } from './read-compound.ts';
import { readStatements } from './read-list.ts';
import { readPipe } from './read-pipe.ts';
import { ruleFor } from './rules.ts';
import { type Invocation, notRead, type Outcome, type RunState } from './run-state.ts';

const MOST_DEPTH = 20;

export interface Reading {
  readonly depth?: number;
  /** The image can only be built when this succeeds. */
  readonly needed?: boolean;
}

/** What one pipeline comes to: taken into the state when all of it is understood, and not at all otherwise. */
export function readPipeline(
  state: RunState,
  { negated, commands }: Pipeline,
  { depth = 0, needed = false }: Reading = {},
): Outcome {
  const [first, second, ...more] = commands;
  if (first === undefined) return notRead('an empty statement');
  if (negated) return turnedRound(state, { negated: false, commands }, { depth, needed });
  if (second === undefined) return readStatement(state, first, { depth, needed });
  if (first.kind !== 'simple' || second.kind !== 'simple' || more.length > 0) return notRead('a pipe');
  return readPipe(state, first, second, (command) => readSimple(state, command, depth));
}

/** `! COMMAND`; one that does more than ask succeeds, which is a failure when it is turned round. */
function turnedRound(state: RunState, pipeline: Pipeline, { depth, needed }: Required<Reading>): Outcome {
  return state.attempt(() => {
    const outcome = readPipeline(state, pipeline, { depth });
    if (outcome.class === 'step') return outcome;
    if (outcome.class !== 'none' && needed) return notRead('its success is turned round');
    const { status = true, turned = false } = outcome;
    return { ...outcome, status: status === 'unknown' ? status : !status, turned: !turned };
  });
}

function readStatement(state: RunState, command: Command, { depth, needed }: Required<Reading>): Outcome {
  if (command.kind === 'simple') return readSimple(state, command, depth);
  if (command.redirects.length > 0 || depth > MOST_DEPTH) return notRead(statement(command));
  const why = (outcome: Outcome): Outcome =>
    outcome.class === 'step' ? notRead(`${statement(command)}: ${outcome.why}`) : outcome;
  const whole = (list: List): Outcome => readWhole(state, list, { depth, needed: false });
  switch (command.kind) {
    case 'group':
      return why(readWhole(state, command.body, { depth, needed }));
    case 'subshell':
      return why(apart(state, () => readWhole(state, command.body, { depth, needed })));
    case 'for':
      return why(readFor(state, command, whole));
    case 'if':
      return why(readIf(state, command, whole));
    case 'case':
      return why(readCase(state, command, whole));
    case 'while':
      return why(readWhile(state, command, whole));
    case 'function':
      state.functions.set(command.name, command);
      return { class: 'none', why: `what ${command.name} does is read where it is called` };
  }
}

function statement(command: Command): string {
  if (command.kind === 'while' && command.until) return 'an until statement';
  return `${command.kind === 'if' ? 'an' : 'a'} ${command.kind} statement`;
}

/** A list that is read altogether or not at all. */
function readWhole(state: RunState, list: List, { depth, needed }: Required<Reading>): Outcome {
  return state.attempt(() => {
    const { read, status, stopped } = readStatements(state, list, {
      needed,
      readPipeline: (pipeline, isNeeded) => readPipeline(state, pipeline, { depth: depth + 1, needed: isNeeded }),
    });
    if (stopped !== undefined) return notRead(stopped.why);
    const outcome = together(read.filter(({ skipped }) => skipped !== true).map((item) => item.outcome));
    const { status: _, ...rest } = outcome;
    return status === true ? rest : { ...rest, status };
  });
}

/** Folder and variables are those of before, afterwards. */
function apart(state: RunState, work: () => Outcome): Outcome {
  const { cwd } = state;
  const variables = new Map(state.variables);
  const [functions, exported] = [new Map(state.functions), new Set(state.exported)];
  const outcome = work();
  state.cwd = cwd;
  state.variables = variables;
  state.functions = functions;
  state.exported = exported;
  return outcome;
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
    // Inside of a compound statement, what is not known would be left out of the steps after it.
    if (depth > 0 && assignments.some(({ value }) => value === undefined))
      return notRead('a variable whose value only the shell can tell');
    for (const { name: variable, value } of assignments) setVariable(state, variable, value);
    // A redirection alone makes its file.
    if (invocation.output !== undefined) return nothing(state, invocation);
    return { class: 'none', why: 'a variable of this command only' };
  }
  const own = state.functions.get(name);
  if (own !== undefined) {
    if (depth > MOST_DEPTH || --state.turns < 0 || assignments.length > 0 || invocation.input !== undefined)
      return notRead(`how ${name} is called`);
    if (invocation.output !== undefined) return notRead('its output goes to a file');
    const outcome = readCall(state, own, {
      words,
      readBody: (body) => readStatement(state, body, { depth: depth + 1, needed: false }),
    });
    return outcome.class === 'step' ? notRead(`the function ${name}: ${outcome.why}`) : outcome;
  }
  if (invocation.input !== undefined && !['cat', 'tee', 'true'].includes(name)) return notRead('a redirection');
  if (['export', 'cd', 'unset', 'local', 'readonly'].includes(name) && invocation.output !== undefined)
    return notRead('its output goes to a file');
  if (name === 'export') return exportVariables(state, words);
  if (name === 'cd') return changeDirectory(state, words);
  if (name === 'unset') return unsetVariables(state, words);
  if (name === 'local' || name === 'readonly') return setLocals(state, name, words);
  if (name === 'command' && /^-[vV]$/.test(words[0] ?? '')) return lookUp(state, invocation);
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
    state.exported.add(equals > 0 ? word.slice(0, equals) : word);
  }
  return { class: 'none', why: 'it holds for this command only: name variables under environment' };
}

function unsetVariables(state: RunState, words: readonly string[]): Outcome {
  if (words.some((word) => !/^[A-Za-z_]\w*$/.test(word))) return notRead('unset with options');
  for (const word of words) {
    state.variables.delete(word);
    state.functions.delete(word);
  }
  return { class: 'none', why: 'it holds for this command only' };
}

/** `local NAME=VALUE` in a function, `readonly NAME=VALUE`. */
function setLocals(state: RunState, name: string, words: readonly string[]): Outcome {
  if (words.some((word) => !/^[A-Za-z_]\w*=/.test(word)) || (name === 'local' && state.locals === undefined))
    return notRead(`${name} without a value`);
  for (const word of words) {
    const variable = word.slice(0, word.indexOf('='));
    if (name === 'local' && state.locals?.has(variable) === false)
      state.locals.set(variable, state.variables.get(variable));
    state.variables.set(variable, word.slice(variable.length + 1));
  }
  return { class: 'none', why: 'a variable of this command only' };
}

function changeDirectory(state: RunState, words: readonly string[]): Outcome {
  const [path] = words;
  if (path === undefined || words.length > 1 || path === '-') return notRead('cd without a path');
  const to = state.resolve(path);
  if (['absent', 'file'].includes(knownAt(state, to)))
    return { class: 'none', why: `${to} is no directory`, status: false };
  state.cwd = to;
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
    state.functions = new Map();
    state.exported = new Set();
    return readWhole(state, list, { depth, needed: false });
  });
  if (outcome.class !== 'step' || (list.length === 1 && list[0]?.rest.length === 0)) return outcome;
  return notRead(`${name} runs several commands: ${outcome.why}`);
}
