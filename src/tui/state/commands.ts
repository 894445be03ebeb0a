/** What a person can do in the review. */
export type Command =
  | 'up'
  | 'down'
  | 'page-up'
  | 'page-down'
  | 'top'
  | 'bottom'
  | 'next-family'
  | 'previous-family'
  | 'next-risk'
  | 'previous-risk'
  | 'next-undecided'
  | 'switch-pane'
  | 'toggle-fold'
  | 'fold'
  | 'unfold'
  | 'fold-all'
  | 'filter'
  | 'search'
  | 'search-next'
  | 'search-previous'
  | 'sort'
  | 'reason'
  | 'accept'
  | 'hold'
  | 'toggle'
  | 'accept-family'
  | 'hold-family'
  | 'accept-all'
  | 'undo'
  | 'redo'
  | 'write'
  | 'save'
  | 'leave'
  | 'back'
  | 'help'
  | 'interrupt';

export interface CommandRow {
  readonly command: Command;
  /** Names of keys, as `keyName` gives them. */
  readonly keys: readonly string[];
  /** For the help screen. */
  readonly help: string;
  /** One word for the line of hints at the bottom. */
  readonly hint?: string;
}

export interface CommandGroup {
  readonly title: string;
  readonly rows: readonly CommandRow[];
}

/** The one table of commands and keys: input, hints and help are read from it. */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  {
    title: 'Decide',
    rows: [
      { command: 'accept', keys: ['a', 'y'], help: 'accept the change and go to the next', hint: 'accept' },
      {
        command: 'hold',
        keys: ['h'],
        help: 'hold: keep what the old lock has, and resolve the rest around it',
        hint: 'hold',
      },
      { command: 'toggle', keys: ['space'], help: 'undecided, accepted, held, in turn' },
      { command: 'accept-family', keys: ['A'], help: 'accept every change of the family' },
      { command: 'hold-family', keys: ['H'], help: 'hold every change of the family that can be held' },
      { command: 'accept-all', keys: ['*'], help: 'accept every change that is not held' },
      { command: 'undo', keys: ['u'], help: 'take the last decision back', hint: 'undo' },
      { command: 'redo', keys: ['U', 'ctrl-r'], help: 'take it again' },
    ],
  },
  {
    title: 'Finish',
    rows: [
      { command: 'write', keys: ['w'], help: 'write the lock as it stands on the screen', hint: 'write' },
      { command: 'save', keys: ['S'], help: 'save it as a plan, to be applied later' },
      { command: 'leave', keys: ['q'], help: 'leave; nothing is written', hint: 'quit' },
      { command: 'interrupt', keys: ['ctrl-c'], help: 'leave at once; nothing is written' },
      { command: 'help', keys: ['?'], help: 'this list', hint: 'help' },
    ],
  },
  {
    title: 'Move',
    rows: [
      { command: 'down', keys: ['down', 'j'], help: 'one line down' },
      { command: 'up', keys: ['up', 'k'], help: 'one line up' },
      { command: 'page-down', keys: ['pagedown', 'ctrl-d'], help: 'one page down' },
      { command: 'page-up', keys: ['pageup', 'ctrl-u'], help: 'one page up' },
      { command: 'top', keys: ['home', 'g'], help: 'to the first line' },
      { command: 'bottom', keys: ['end', 'G'], help: 'to the last line' },
      { command: 'next-family', keys: ['}'], help: 'to the next family' },
      { command: 'previous-family', keys: ['{'], help: 'to the previous family' },
      { command: 'next-risk', keys: [']'], help: 'to the next change with a risk' },
      { command: 'previous-risk', keys: ['['], help: 'to the previous change with a risk' },
      { command: 'next-undecided', keys: ['e'], help: 'to the next change without a decision' },
      { command: 'reason', keys: ['r'], help: 'to the change that is the reason for this one' },
    ],
  },
  {
    title: 'Look',
    rows: [
      {
        command: 'switch-pane',
        keys: ['tab', 'shift-tab'],
        help: 'from the list to the story and back',
        hint: 'story',
      },
      { command: 'toggle-fold', keys: ['enter'], help: 'fold or unfold a family; open the story of a change' },
      { command: 'fold', keys: ['left', '-'], help: 'fold the family' },
      { command: 'unfold', keys: ['right', '+'], help: 'unfold the family' },
      { command: 'fold-all', keys: ['z'], help: 'fold or unfold all families' },
      { command: 'filter', keys: ['f'], help: 'show only what contains a text (!text: what does not)', hint: 'filter' },
      { command: 'search', keys: ['/'], help: 'go to what contains a text' },
      { command: 'search-next', keys: ['n'], help: 'to the next that contains it' },
      { command: 'search-previous', keys: ['N'], help: 'to the previous that contains it' },
      { command: 'sort', keys: ['s'], help: 'sort by name, size or risk, in turn', hint: 'sort' },
      { command: 'back', keys: ['escape'], help: 'back to the list; clear the filter' },
    ],
  },
];

const BY_KEY: ReadonlyMap<string, Command> = new Map(
  COMMAND_GROUPS.flatMap(({ rows }) => rows.flatMap(({ command, keys }) => keys.map((key) => [key, command] as const))),
);

export function commandOf(key: string): Command | undefined {
  return BY_KEY.get(key);
}
