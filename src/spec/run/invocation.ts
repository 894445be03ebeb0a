import type { Redirect, SimpleCommand, WordPart } from '../../formats/debian/effects/shell-syntax.ts';
import { isShellStart } from './commands/files.ts';
import { expandWord } from './expand-word.ts';
import { type Invocation, type NotRead, notRead, type RunState } from './run-state.ts';

/** The command with its words expanded, or why they cannot be. */
export function invocationOf(state: RunState, command: SimpleCommand): Invocation | NotRead {
  const [first] = command.words;
  const isRemoval = first !== undefined && expandWord(first, state.variables) === 'rm';
  const words = command.words.map((word) => expandWord(word, state.variables, { patterns: isRemoval }));
  const [name] = words;
  const disabled = readDisabling(command, name);
  if (disabled !== undefined) return { name: 'true', words: [], assignments: [] };
  if (command.words.length > 0 && (name === undefined || words.includes(undefined))) {
    const printed = name === 'echo' && isUnread(state, command);
    if (printed) return { name: 'true', words: [], assignments: [] };
    if (name !== 'export') return notRead('a word that only the shell can expand');
    // Which variable now has another value is not known.
    state.variables.clear();
  }
  const assignments = command.assignments.map((item) => ({
    name: item.name,
    value: expandWord(item.value, state.variables),
  }));
  const streams = streamsOf(state, command.redirects);
  if (streams === undefined) return notRead('a redirection');
  return {
    name: name ?? '',
    words: words.slice(1).flatMap((word) => word ?? []),
    assignments,
    ...streams,
  };
}

function isSubstitution(item: WordPart): boolean {
  return item.kind === 'command' || (item.kind === 'parameter' && item.operator !== undefined);
}

/** Printed, or written to what only interactive shells read: which text it is does not matter. */
function isUnread(state: RunState, { redirects, words }: SimpleCommand): boolean {
  const [only, ...more] = redirects;
  if (only === undefined) return !words.flat().some(isSubstitution);
  const path = expandWord(only.target, state.variables);
  return (
    more.length === 0 &&
    /^>>?$/.test(only.operator) &&
    path !== undefined &&
    isShellStart(state.resolve(path)) &&
    !words.flat().some((part) => part.kind === 'command')
  );
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

/** Where standard input comes from and standard output goes to; undefined for what is not known of them. */
function streamsOf(state: RunState, redirects: readonly Redirect[]): Pick<Invocation, 'input' | 'output'> | undefined {
  let output: Invocation['output'];
  let input: string | undefined;
  for (const { descriptor, operator, target } of redirects) {
    const path = expandWord(target, state.variables, { patterns: operator === '<<' });
    if (path === undefined) return undefined;
    if (operator === '<<') {
      if ((descriptor ?? 0) !== 0 || input !== undefined) return undefined;
      input = path;
      continue;
    }
    if (operator === '>&' && /^[12]$/.test(path)) continue;
    if ((operator === '>' || operator === '>>') && path === '/dev/null') continue;
    if (!(operator === '>' || operator === '>>') || (descriptor ?? 1) !== 1 || output !== undefined) return undefined;
    output = { path, append: operator === '>>' };
  }
  return { ...(output === undefined ? {} : { output }), ...(input === undefined ? {} : { input }) };
}
