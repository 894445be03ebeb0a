import type { List, Word, WordPart } from './shell-syntax.ts';
import {
  concatValues,
  joinValues,
  matchesPattern,
  type PatternToken,
  readPattern,
  UNKNOWN,
  type Value,
} from './value.ts';

/** What expansions need of the interpreter. */
export interface ExpansionHost {
  /** `$0`. */
  readonly scriptPath: string;
  getVariable(name: string): Value | undefined;
  setVariable(name: string, value: Value): void;
  parameters(): readonly Value[];
  /** Output of a command substitution, without trailing newlines. */
  substitute(body: List): Value;
  fail(reason: string): never;
}

const MAX_FIELDS = 5000;
const MAX_LENGTH = 1024 * 1024;

/** A word as one value, without field splitting: an assignment, a `case` subject, a redirection, a here-document. */
export function expandWord(host: ExpansionHost, word: Word): Value {
  return bounded(host, concatValues(word.map((part) => expandPart(host, part))));
}

/** Words as fields (XCU 2.6): parameters and substitutions are split, a pattern that would name files is not known. */
export function expandFields(host: ExpansionHost, words: readonly Word[]): readonly Value[] {
  const fields: Value[] = [];
  for (const word of words) {
    const builder = new FieldBuilder(host);
    for (const part of word) builder.add(part);
    fields.push(...builder.finish());
    if (fields.length > MAX_FIELDS) host.fail('too many words');
  }
  return fields;
}

/** A word as a pattern; `undefined` when part of it is not known. */
export function expandPattern(host: ExpansionHost, word: Word): readonly PatternToken[] | undefined {
  const tokens: PatternToken[] = [];
  for (const part of word) {
    const value = expandPart(host, part);
    if (typeof value !== 'string') return undefined;
    tokens.push(...readPattern(value, part.quoted));
  }
  return tokens;
}

class FieldBuilder {
  readonly #host: ExpansionHost;
  readonly #fields: Value[] = [];
  #current: Value[] | undefined;
  #globbing = false;

  constructor(host: ExpansionHost) {
    this.#host = host;
  }

  add(part: WordPart): void {
    if (part.kind === 'parameter' && (part.name === '@' || part.name === '*') && part.operator === undefined) {
      const parameters = this.#host.parameters();
      if (part.name === '@' || !part.quoted) {
        for (const [index, value] of parameters.entries()) {
          if (index > 0) this.#end();
          if (part.quoted) this.#append(value);
          else this.#split(value);
        }
        return;
      }
    }
    const value = expandPart(this.#host, part);
    if (part.kind === 'text' || part.quoted) {
      if (part.kind === 'text' && !part.quoted && /[*?[]/.test(part.text) && part.text !== '[') this.#globbing = true;
      this.#append(value);
    } else this.#split(value);
  }

  finish(): readonly Value[] {
    this.#end();
    return this.#fields;
  }

  #append(value: Value): void {
    this.#current ??= [];
    this.#current.push(value);
  }

  #split(value: Value): void {
    if (typeof value !== 'string') {
      this.#append(value);
      return;
    }
    const separators = this.#separators();
    let start = 0;
    for (let index = 0; index <= value.length; index++) {
      const char = value[index];
      if (char !== undefined && !separators.includes(char)) continue;
      if (index > start) this.#append(value.slice(start, index));
      if (char !== undefined) this.#end();
      start = index + 1;
    }
  }

  #separators(): string {
    const value = this.#host.getVariable('IFS') ?? ' \t\n';
    return typeof value === 'string' ? value : this.#host.fail('IFS is not known');
  }

  #end(): void {
    if (this.#current !== undefined) {
      const value = bounded(this.#host, concatValues(this.#current));
      this.#fields.push(this.#globbing ? asGlob(value) : value);
    }
    this.#current = undefined;
    this.#globbing = false;
  }
}

function asGlob(value: Value): Value {
  return typeof value === 'string' ? { kind: 'glob', pattern: value } : UNKNOWN;
}

function expandPart(host: ExpansionHost, part: WordPart): Value {
  switch (part.kind) {
    case 'text':
      return part.text;
    case 'arithmetic':
      return UNKNOWN;
    case 'command':
      return host.substitute(part.body);
    case 'parameter':
      return expandParameter(host, part);
  }
}

function expandParameter(host: ExpansionHost, part: Extract<WordPart, { kind: 'parameter' }>): Value {
  const { name, operator, operand } = part;
  const value = lookUp(host, name);
  const lacks = operator?.startsWith(':') ? isEmpty(value) : value === undefined;
  switch (operator?.replace(':', '')) {
    case undefined:
    case '?':
      return value ?? '';
    case 'length':
      return typeof value === 'string' ? String(value.length) : UNKNOWN;
    case '-':
      return choose(
        lacks,
        () => expandWord(host, operand),
        () => value ?? '',
      );
    case '=': {
      const result = choose(
        lacks,
        () => expandWord(host, operand),
        () => value ?? '',
      );
      host.setVariable(name, result);
      return result;
    }
    case '+':
      return choose(
        lacks,
        () => '',
        () => expandWord(host, operand),
      );
    default:
      return trim(host, value ?? '', operator ?? '', operand);
  }
}

function choose(decision: boolean | undefined, yes: () => Value, no: () => Value): Value {
  if (decision === undefined) return joinValues(yes(), no());
  return decision ? yes() : no();
}

/** `undefined`: not known. */
function isEmpty(value: Value | undefined): boolean | undefined {
  if (value === undefined || typeof value === 'string') return (value ?? '') === '';
  if (value.kind !== 'oneOf') return undefined;
  return value.values.includes('') ? undefined : false;
}

function lookUp(host: ExpansionHost, name: string): Value | undefined {
  if (/^[1-9][0-9]*$/.test(name)) return host.parameters()[Number(name) - 1];
  switch (name) {
    case '#':
      return String(host.parameters().length);
    case '@':
    case '*':
      return concatValues(host.parameters().flatMap((value, index) => (index === 0 ? [value] : [' ', value])));
    case '0':
      return host.scriptPath;
    case '?':
    case '$':
    case '!':
    case '-':
      return UNKNOWN;
    default:
      return host.getVariable(name);
  }
}

/** `${name#pattern}` and its relatives (XCU 2.6.2). */
function trim(host: ExpansionHost, value: Value, operator: string, operand: Word): Value {
  const pattern = expandPattern(host, operand);
  if (typeof value !== 'string' || pattern === undefined) return UNKNOWN;
  const lengths = Array.from({ length: value.length + 1 }, (_unused, length) => length);
  if (operator.length === 2) lengths.reverse();
  const fromStart = operator.startsWith('#');
  for (const length of lengths) {
    const part = fromStart ? value.slice(0, length) : value.slice(value.length - length);
    if (matchesPattern(pattern, part)) return fromStart ? value.slice(length) : value.slice(0, value.length - length);
  }
  return value;
}

function bounded(host: ExpansionHost, value: Value): Value {
  return typeof value === 'string' && value.length > MAX_LENGTH ? host.fail('a string that is too long') : value;
}
