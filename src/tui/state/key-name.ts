/** What a terminal library tells of a key press; the members that matter here. */
export interface KeyPress {
  readonly upArrow?: boolean;
  readonly downArrow?: boolean;
  readonly leftArrow?: boolean;
  readonly rightArrow?: boolean;
  readonly pageUp?: boolean;
  readonly pageDown?: boolean;
  readonly home?: boolean;
  readonly end?: boolean;
  readonly return?: boolean;
  readonly escape?: boolean;
  readonly tab?: boolean;
  readonly backspace?: boolean;
  readonly delete?: boolean;
  readonly shift?: boolean;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
}

const NAMED = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['leftArrow', 'left'],
  ['rightArrow', 'right'],
  ['pageUp', 'pageup'],
  ['pageDown', 'pagedown'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['escape', 'escape'],
  ['backspace', 'backspace'],
  ['delete', 'backspace'],
] as const satisfies readonly (readonly [keyof KeyPress, string])[];

/**
 * Names of the keys in one piece of input: `up`, `enter`, `ctrl-c`, `space`, or the character itself. Keys typed fast, or
 * pasted, arrive together and become several names.
 */
export function keyNames(input: string, key: KeyPress): readonly string[] {
  for (const [member, name] of NAMED) if (key[member] === true) return [name];
  if (key.tab === true) return [key.shift === true ? 'shift-tab' : 'tab'];
  if (key.ctrl === true) return input.length === 1 ? [`ctrl-${input}`] : [];
  if (key.meta === true) return [];
  return [...input].flatMap(characterName);
}

function characterName(character: string): readonly string[] {
  if (character === ' ') return ['space'];
  if (character === '\r' || character === '\n') return ['enter'];
  if (character === '\t') return ['tab'];
  if (character === '\u007f' || character === '\b') return ['backspace'];
  const code = character.charCodeAt(0);
  if (code >= 1 && code <= 26) return [`ctrl-${String.fromCharCode(code + 96)}`];
  return /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(character) ? [character] : [];
}

/** The text that a key types into an entry; undefined when it types none. */
export function typedText(key: string): string | undefined {
  if (key === 'space') return ' ';
  return [...key].length === 1 ? key : undefined;
}
