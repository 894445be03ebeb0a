import { parseShell } from '../../formats/debian/effects/shell-parse.ts';
import {
  type AndOr,
  type List,
  type Pipeline,
  type Redirect,
  type SimpleCommand,
  Unrecognised,
  type WordPart,
} from '../../formats/debian/effects/shell-syntax.ts';
import type { RunCommand } from '../spec.ts';
import { formatOf, placeArchive, readTar } from './commands/archives.ts';
import { readFetches } from './commands/fetch.ts';
import { expandWord } from './expand-word.ts';
import { ruleFor } from './rules.ts';
import type { ReadCommand, RunPart, RunReading, RunStep } from './run-reading.ts';
import { type Invocation, notRead, type Outcome, RunState } from './run-state.ts';

/**
 * What the commands of `build.run` come to: packages, files, git trees and weights that can be locked, lines without effect, and steps that have to be run. A command is read
 * only as far as all of it is understood: from the first part that is not, the rest of it is one step. Pure.
 */
export function readRun(commands: readonly RunCommand[]): RunReading {
  const state = new RunState();
  const read = commands.map((command, index) => readCommand(state, command, `build.run[${index}]`));
  const { placements, steps, requirements, treeRequirements, systemPackages, weights, warnings } = state;
  return { commands: read, placements, steps, requirements, treeRequirements, systemPackages, weights, warnings };
}

function readCommand(state: RunState, command: RunCommand, from: string): ReadCommand {
  const { where } = command;
  state.startCommand(from, where);
  const { text, mounts } = withoutMounts(command);
  const secrets = mounts.map(({ id, target }) => ({ id, target }));
  const base = { from, command: command.command, where };
  let list: List;
  try {
    list = parseShell(text);
  } catch (error) {
    if (!(error instanceof Unrecognised)) throw error;
    const why = `the shell's syntax: ${error.message}`;
    state.run(text, why, secrets);
    return { ...base, parts: [{ class: 'step', text, why }] };
  }
  return { ...base, parts: secrets.length > 0 ? runAll(state, text, secrets) : readList(state, list, text) };
}

function runAll(state: RunState, text: string, secrets: RunStep['secrets']): readonly RunPart[] {
  const why = 'it is given secrets';
  state.run(text, why, secrets);
  return [{ class: 'step', text, why }];
}

interface Piece {
  readonly pipeline: Pipeline;
  readonly start: number;
  readonly end: number;
  /** True: what comes before it succeeded, so that it is not run. */
  readonly skipped: boolean;
}

function readList(state: RunState, list: List, text: string): readonly RunPart[] {
  const pieces = piecesOf(list, text);
  const parts: RunPart[] = [];
  /** `export` and `cd`, which what is run after them needs. */
  const before: string[] = [];
  for (const [index, piece] of pieces.entries()) {
    const own = text.slice(piece.start, piece.end).replace(/[\s;&|]+$/, '');
    if (piece.skipped) {
      parts.push({ class: 'none', text: own, why: 'what it stands in for is done' });
      continue;
    }
    const outcome = readPipeline(state, piece.pipeline);
    if (outcome.class !== 'step') {
      if (isSetting(piece.pipeline)) before.push(own);
      parts.push({ ...outcome, text: own });
      continue;
    }
    const rest = text.slice(piece.start).trim();
    // A loop or an `||` may reach back over what was read already: only whole statements are.
    state.run([...before, rest].join(' && '), outcome.why, []);
    parts.push({ class: 'step', text: rest, why: outcome.why });
    if (index < pieces.length) return parts;
  }
  return parts;
}

function piecesOf(list: List, text: string): readonly Piece[] {
  const flat: { pipeline: Pipeline; start: number; skipped: boolean }[] = [];
  for (const { first, rest } of list satisfies readonly AndOr[]) {
    flat.push({ pipeline: first, start: startOf(first), skipped: false });
    for (const { operator, pipeline } of rest)
      flat.push({ pipeline, start: startOf(pipeline), skipped: operator === '||' });
  }
  return flat.map((piece, index) => ({ ...piece, end: flat[index + 1]?.start ?? text.length }));
}

function startOf({ commands }: Pipeline): number {
  return commands[0]?.place.offset ?? 0;
}

function isSetting({ commands }: Pipeline): boolean {
  const [only] = commands;
  if (only?.kind !== 'simple') return false;
  const [first] = only.words;
  const name = first === undefined ? undefined : expandWord(first, new Map());
  return name === undefined ? only.assignments.length > 0 : ['cd', 'export', 'set', 'unset'].includes(name);
}

function readPipeline(state: RunState, { negated, commands }: Pipeline): Outcome {
  if (negated) return notRead('its success is turned round');
  const [first, second, ...more] = commands;
  if (first?.kind !== 'simple') return notRead(`a ${first?.kind ?? 'empty'} statement`);
  if (second === undefined) return readSimple(state, first);
  if (second.kind === 'simple' && more.length === 0) return readFetchPipe(state, first, second);
  return notRead('a pipe');
}

/** `curl URL | tar xz -C DIR`. */
function readFetchPipe(state: RunState, first: SimpleCommand, second: SimpleCommand): Outcome {
  const [from, to] = [invocationOf(state, first), invocationOf(state, second)];
  if ('why' in from || 'why' in to) return notRead('a pipe');
  if (!['curl', 'wget'].includes(from.name) || to.name !== 'tar') return notRead('a pipe');
  const fetches = readFetches(state, from);
  const unpack = readTar(to.words);
  if (typeof fetches === 'string' || typeof unpack === 'string')
    return notRead(typeof fetches === 'string' ? fetches : String(unpack));
  const [fetch] = fetches;
  if (fetch === undefined || fetch.path !== undefined || unpack.archive !== '-') return notRead('a pipe');
  const format = unpack.format ?? formatOf(fetch.url);
  return format === undefined
    ? notRead('the kind of archive is not known')
    : placeArchive(state, { ...unpack, url: fetch.url, format });
}

function readSimple(state: RunState, command: SimpleCommand): Outcome {
  const invocation = invocationOf(state, command);
  if ('why' in invocation) return invocation;
  const { name, words, assignments } = invocation;
  if (name === '') {
    for (const { name: variable, value } of assignments) setVariable(state, variable, value);
    return { class: 'none', why: 'a variable of this command only' };
  }
  if (name === 'export') return exportVariables(state, words);
  if (name === 'cd') return changeDirectory(state, words);
  if (name === 'sudo') return reread(state, invocation);
  if (name === 'bash' || name === 'sh') return readInner(state, invocation);
  const rule = ruleFor(name);
  if (rule === undefined) return notRead(`${name} is a program to run`);
  const outcome = rule(state, invocation);
  return outcome;
}

function reread(state: RunState, invocation: Invocation): Outcome {
  const [name = '', ...words] = invocation.words;
  const rule = ruleFor(name);
  return rule === undefined ? notRead(`${name} is a program to run`) : rule(state, { ...invocation, name, words });
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

/** `bash -c TEXT`, where the text is one list that is understood altogether. */
function readInner(state: RunState, { name, words }: Invocation): Outcome {
  const [flag, text, ...more] = words;
  if (!/^-[elx]*c$/.test(flag ?? '') || text === undefined || more.length > 0) return notRead(`${name} runs a script`);
  if (name === 'bash' && /[{}]/.test(text)) return notRead('braces, which only bash expands');
  let list: List;
  try {
    list = parseShell(text);
  } catch {
    return notRead(`the syntax of what ${name} reads`);
  }
  const pieces = piecesOf(list, text);
  // What was taken from a first part could not be given back if a second one is not understood.
  if (pieces.length !== 1 || pieces[0] === undefined) return notRead(`${name} runs several commands`);
  return readPipeline(state, pieces[0].pipeline);
}

/** The command with its words expanded, or why they cannot be. */
function invocationOf(state: RunState, command: SimpleCommand): Invocation | ReturnType<typeof notRead> {
  const words = command.words.map((word) => expandWord(word, state.variables));
  const [name] = words;
  const disabled = readDisabling(command, name);
  if (disabled !== undefined) return { name: 'true', words: [], assignments: [] };
  if (command.words.length > 0 && (name === undefined || words.includes(undefined))) {
    const printed = name === 'echo' && command.redirects.length === 0 && !command.words.flat().some(isSubstitution);
    if (printed) return { name: 'true', words: [], assignments: [] };
    if (name !== 'export') return notRead('a word that only the shell can expand');
    // Which variable now has another value is not known.
    state.variables.clear();
  }
  const assignments = command.assignments.map((item) => ({
    name: item.name,
    value: expandWord(item.value, state.variables),
  }));
  const output = outputOf(state, command.redirects);
  if (output === 'odd') return notRead('a redirection');
  return {
    name: name ?? '',
    words: words.slice(1).flatMap((word) => word ?? []),
    assignments,
    ...(output === undefined ? {} : { output }),
  };
}

function isSubstitution(item: WordPart): boolean {
  return item.kind === 'command' || (item.kind === 'parameter' && item.operator !== undefined);
}

/** `ln -sf $(which echo) $(which pip)`: a tool is turned off so that a later part of a build does nothing, and no image of cogplan has that tool. */
function readDisabling(command: SimpleCommand, name: string | undefined): true | undefined {
  if (name !== 'ln' || command.words.length !== 4) return undefined;
  const asked = command.words.slice(2).map((word) => whichOf(word));
  return asked[0] !== undefined &&
    ['echo', 'true'].includes(asked[0]) &&
    ['pip', 'pip3', 'cog'].includes(asked[1] ?? '')
    ? true
    : undefined;
}

function whichOf(word: SimpleCommand['words'][number]): string | undefined {
  const [only] = word;
  const inner = word.length === 1 && only?.kind === 'command' ? only.body[0]?.first.commands[0] : undefined;
  if (inner?.kind !== 'simple' || inner.words.length !== 2) return undefined;
  const words = inner.words.map((item) => expandWord(item, new Map()));
  return words[0] === 'which' ? words[1] : undefined;
}

function outputOf(state: RunState, redirects: readonly Redirect[]): Invocation['output'] | 'odd' {
  let output: Invocation['output'];
  for (const { descriptor, operator, target } of redirects) {
    const path = expandWord(target, state.variables);
    if (path === undefined) return 'odd';
    if (operator === '>&' && /^[12]$/.test(path)) continue;
    if ((operator === '>' || operator === '>>') && path === '/dev/null') continue;
    if (!(operator === '>' || operator === '>>') || (descriptor ?? 1) !== 1 || output !== undefined) return 'odd';
    output = { path, append: operator === '>>' };
  }
  return output;
}

const MOUNT = /^\s*--mount=(\S+)\s+/;

/** Options of a Dockerfile's RUN in front of the command: caches need none, secrets are the command's. */
function withoutMounts({ command, mounts }: RunCommand): {
  readonly text: string;
  readonly mounts: RunCommand['mounts'];
} {
  let text = command;
  const found = [...mounts];
  for (let match = MOUNT.exec(text); match !== null; match = MOUNT.exec(text)) {
    const fields = new Map(
      (match[1] ?? '')
        .split(',')
        .map((field) => [field.split('=')[0] ?? '', field.slice(field.indexOf('=') + 1)] as const),
    );
    const [type, id, target] = [fields.get('type'), fields.get('id'), fields.get('target') ?? fields.get('dst')];
    if (type === 'secret' && id !== undefined)
      found.push({ type: 'secret', id, target: target ?? `/run/secrets/${id}` });
    else if (type !== 'cache') break;
    text = text.slice(match[0].length);
  }
  return { text, mounts: found };
}
