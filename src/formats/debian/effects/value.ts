import type { Condition } from './effect.ts';

/**
 * What is known about a string while a script is read: the string itself, a few possible ones, the path of a program (or
 * nothing, when there is none), some text where a fact holds and nothing where it does not, or nothing at all.
 */
export type Value =
  | string
  | { readonly kind: 'unknown' }
  /** The names of files, if any, that fit a pattern. */
  | { readonly kind: 'glob'; readonly pattern: string }
  | { readonly kind: 'program'; readonly name: string }
  | { readonly kind: 'textWhen'; readonly fact: Condition }
  /** The lines of all accounts. */
  | { readonly kind: 'accounts'; readonly of: 'user' | 'group' }
  | { readonly kind: 'oneOf'; readonly values: readonly string[] };

export const UNKNOWN: Value = { kind: 'unknown' };

const MAX_CHOICES = 6;

/** What is known about a variable after two branches of which only one is taken. */
export function joinValues(a: Value | undefined, b: Value | undefined): Value {
  const choices = new Set<string>();
  for (const value of [a ?? '', b ?? '']) {
    if (typeof value === 'string') choices.add(value);
    else if (value.kind === 'oneOf') for (const choice of value.values) choices.add(choice);
    else return sameValue(a, b) ? value : UNKNOWN;
  }
  const [only, ...others] = choices;
  if (only !== undefined && others.length === 0) return only;
  return choices.size > MAX_CHOICES ? UNKNOWN : { kind: 'oneOf', values: [...choices] };
}

export function sameValue(a: Value | undefined, b: Value | undefined): boolean {
  return a === b || JSON.stringify(a ?? '') === JSON.stringify(b ?? '');
}

/** Values side by side in one word. */
export function concatValues(values: readonly Value[]): Value {
  const rest = values.filter((value) => value !== '');
  const [only] = rest;
  if (rest.length === 1 && only !== undefined) return only;
  let text = '';
  for (const value of rest) {
    if (typeof value !== 'string') return UNKNOWN;
    text += value;
  }
  return text;
}

/** One place of a shell pattern (XCU 2.13): any run, any character, one of a class, or itself. */
export type PatternToken =
  | { readonly kind: 'run' | 'any' }
  | { readonly kind: 'class'; readonly negated: boolean; readonly members: string }
  | { readonly kind: 'itself'; readonly char: string };

/** Reads a pattern; text from quotes is passed with `quoted` and stands for itself. */
export function readPattern(text: string, quoted: boolean): readonly PatternToken[] {
  if (quoted) return [...text].map((char) => ({ kind: 'itself', char }));
  const tokens: PatternToken[] = [];
  for (let index = 0; index < text.length; index++) {
    const char = text[index] ?? '';
    const end = char === '[' ? classEnd(text, index) : -1;
    if (char === '*') tokens.push({ kind: 'run' });
    else if (char === '?') tokens.push({ kind: 'any' });
    else if (end > 0) {
      const body = text.slice(index + 1, end);
      const negated = /^[!^]/.test(body);
      tokens.push({ kind: 'class', negated, members: expandRanges(negated ? body.slice(1) : body) });
      index = end;
    } else tokens.push({ kind: 'itself', char });
  }
  return tokens;
}

/** Where the bracket that opens at `start` closes, or -1; `[:digit:]` and a first `]` stand inside. */
function classEnd(text: string, start: number): number {
  for (let index = start + 2; index < text.length; index++) {
    const named = text[index - 1] === '[' && text[index] === ':' ? text.indexOf(':]', index) : -1;
    if (named > 0) index = named + 1;
    else if (text[index] === ']') return index;
  }
  return -1;
}

/** True when the whole of `text` fits the pattern; time is at most the product of both lengths. */
export function matchesPattern(tokens: readonly PatternToken[], text: string): boolean {
  let token = 0;
  let index = 0;
  let runToken = -1;
  let runIndex = 0;
  while (index < text.length) {
    const current = tokens[token];
    if (current?.kind === 'run') {
      runToken = token++;
      runIndex = index;
    } else if (current !== undefined && fits(current, text[index] ?? '')) {
      token++;
      index++;
    } else if (runToken >= 0) {
      token = runToken + 1;
      index = ++runIndex;
    } else return false;
  }
  while (tokens[token]?.kind === 'run') token++;
  return token === tokens.length;
}

function fits(token: PatternToken, char: string): boolean {
  if (token.kind === 'itself') return token.char === char;
  if (token.kind === 'class') return token.members.includes(char) !== token.negated;
  return true;
}

const CLASSES: readonly (readonly [string, string])[] = [
  ['[:digit:]', '0123456789'],
  ['[:space:]', ' \t\n\r\v\f'],
];

function expandRanges(body: string): string {
  let text = body;
  for (const [name, members] of CLASSES) text = text.replaceAll(name, members);
  return text.replace(/(.)-(.)/g, (_match, from: string, to: string) => {
    let range = '';
    for (let code = from.charCodeAt(0); code <= to.charCodeAt(0) && range.length < 256; code++) {
      range += String.fromCharCode(code);
    }
    return range;
  });
}
