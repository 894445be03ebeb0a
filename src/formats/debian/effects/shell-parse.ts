import {
  type AndOr,
  type Assignment,
  type CaseCommand,
  type Command,
  type IfCommand,
  type List,
  type Pipeline,
  type Place,
  type Redirect,
  Unrecognised,
  type Word,
  type WordPart,
} from './shell-syntax.ts';

const MAX_DEPTH = 60;
const RESERVED = new Set(['then', 'else', 'elif', 'fi', 'do', 'done', 'esac', '}', ')', ';;', 'in']);
const OPERATOR = /[ \t\n;&|()<>]/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*/;

/**
 * Parses a POSIX shell script. What lies outside the grammar (process substitution, `[[`, arrays, background jobs) is refused with
 * `Unrecognised`, naming the place.
 */
export function parseShell(text: string): List {
  const parser = new Parser(text);
  const list = parser.parseList([]);
  parser.expectEnd();
  return list;
}

interface PendingDocument {
  readonly delimiter: string;
  readonly expands: boolean;
  readonly stripsTabs: boolean;
  readonly fill: (body: Word) => void;
}

class Parser {
  readonly #text: string;
  readonly #base: number;
  #position = 0;
  #depth = 0;
  #documents: PendingDocument[] = [];

  constructor(text: string, base = 1) {
    this.#text = text;
    this.#base = base;
  }

  expectEnd(): void {
    if (this.#position < this.#text.length) throw this.#error('a statement that is not understood');
  }

  parseList(terminators: readonly string[]): List {
    if (++this.#depth > MAX_DEPTH) throw this.#error('nested too deeply');
    const list: AndOr[] = [];
    for (;;) {
      this.#skipSeparators();
      if (this.#position >= this.#text.length) break;
      const word = this.#peekReserved();
      if (word !== undefined) {
        if (terminators.includes(word)) break;
        throw this.#error(`unexpected ${word}`);
      }
      list.push(this.#parseAndOr());
      this.#skipBlanks();
      const next = this.#peek();
      if (next === '&' && this.#peek(1) !== '&') throw this.#error('a background job');
    }
    this.#depth--;
    return list;
  }

  /** The parts of a here-document or of an operand: expansions, but no word splitting of the text itself. */
  parseText(): Word {
    const parts: WordPart[] = [];
    this.#readParts(parts, () => this.#position >= this.#text.length, 'document');
    return parts;
  }

  #parseAndOr(): AndOr {
    const first = this.#parsePipeline();
    const rest: { operator: '&&' | '||'; pipeline: Pipeline }[] = [];
    for (;;) {
      this.#skipBlanks();
      const operator = this.#text.slice(this.#position, this.#position + 2);
      if (operator !== '&&' && operator !== '||') return { first, rest };
      this.#position += 2;
      this.#skipLines();
      rest.push({ operator, pipeline: this.#parsePipeline() });
    }
  }

  #parsePipeline(): Pipeline {
    let negated = false;
    this.#skipBlanks();
    while (this.#peek() === '!' && /[ \t]/.test(this.#peek(1))) {
      negated = !negated;
      this.#position++;
      this.#skipBlanks();
    }
    const commands = [this.#parseCommand()];
    for (;;) {
      this.#skipBlanks();
      if (this.#peek() !== '|' || this.#peek(1) === '|') return { negated, commands };
      this.#position++;
      this.#skipLines();
      commands.push(this.#parseCommand());
    }
  }

  #parseCommand(): Command {
    if (++this.#depth > MAX_DEPTH) throw this.#error('nested too deeply');
    const place = this.#place();
    const command = this.#parseCompound(place) ?? this.#parseSimple(place);
    this.#depth--;
    return command;
  }

  #parseCompound(place: Place): Command | undefined {
    if (this.#peek() === '(') {
      this.#position++;
      const body = this.parseList([')']);
      this.#expect(')');
      return { kind: 'subshell', body, place, redirects: this.#readRedirects() };
    }
    switch (this.#peekWord()) {
      case '{': {
        this.#position++;
        const body = this.parseList(['}']);
        this.#expect('}');
        return { kind: 'group', body, place, redirects: this.#readRedirects() };
      }
      case 'if':
        return this.#parseIf(place);
      case 'for':
        return this.#parseFor(place);
      case 'while':
      case 'until': {
        this.#position += 5;
        const condition = this.parseList(['do']);
        const body = this.#parseDoGroup();
        return { kind: 'while', condition, body, place, redirects: this.#readRedirects() };
      }
      case 'case':
        return this.#parseCase(place);
      default:
        return this.#parseFunction(place);
    }
  }

  #parseIf(place: Place): IfCommand {
    const clauses: { condition: List; body: List }[] = [];
    let otherwise: List = [];
    this.#expect('if');
    for (;;) {
      const condition = this.parseList(['then']);
      this.#expect('then');
      clauses.push({ condition, body: this.parseList(['elif', 'else', 'fi']) });
      const word = this.#peekReserved();
      if (word === 'elif') {
        this.#expect('elif');
        continue;
      }
      if (word === 'else') {
        this.#expect('else');
        otherwise = this.parseList(['fi']);
      }
      this.#expect('fi');
      return { kind: 'if', clauses, otherwise, place, redirects: this.#readRedirects() };
    }
  }

  #parseFor(place: Place): Command {
    this.#expect('for');
    this.#skipBlanks();
    const name = this.#readName();
    this.#skipLines();
    let words: Word[] | undefined;
    if (this.#peekWord() === 'in') {
      this.#expect('in');
      words = [];
      for (;;) {
        this.#skipBlanks();
        const word = this.#readWord();
        if (word === undefined) break;
        words.push(word);
      }
    }
    this.#skipSeparators();
    const body = this.#parseDoGroup();
    return { kind: 'for', name, words, body, place, redirects: this.#readRedirects() };
  }

  #parseDoGroup(): List {
    this.#expect('do');
    const body = this.parseList(['done']);
    this.#expect('done');
    return body;
  }

  #parseCase(place: Place): CaseCommand {
    this.#expect('case');
    this.#skipBlanks();
    const subject = this.#requireWord();
    this.#skipLines();
    this.#expect('in');
    const items: { patterns: Word[]; body: List }[] = [];
    for (;;) {
      this.#skipLines();
      if (this.#peekWord() === 'esac') break;
      if (this.#peek() === '(') this.#position++;
      const patterns: Word[] = [];
      for (;;) {
        this.#skipLines();
        patterns.push(this.#requireWord());
        this.#skipBlanks();
        if (this.#peek() !== '|') break;
        this.#position++;
      }
      this.#expect(')');
      items.push({ patterns, body: this.parseList([';;', 'esac']) });
      if (this.#peekReserved() === ';;') this.#position += 2;
    }
    this.#expect('esac');
    return { kind: 'case', subject, items, place, redirects: this.#readRedirects() };
  }

  #parseFunction(place: Place): Command | undefined {
    const match = /^([A-Za-z_][A-Za-z0-9_-]*)[ \t]*\([ \t]*\)/.exec(
      this.#text.slice(this.#position, this.#position + 200),
    );
    const name = match?.[1];
    if (match === null || name === undefined) return undefined;
    this.#position += match[0].length;
    this.#skipLines();
    return { kind: 'function', name, body: this.#parseCommand(), place, redirects: [] };
  }

  #parseSimple(place: Place): Command {
    const assignments: Assignment[] = [];
    const words: Word[] = [];
    const redirects: Redirect[] = [];
    for (;;) {
      this.#skipBlanks();
      const redirect = this.#readRedirect();
      if (redirect !== undefined) {
        redirects.push(redirect);
        continue;
      }
      const name = words.length === 0 ? this.#peekAssignment() : undefined;
      if (name !== undefined) {
        this.#position += name.length + 1;
        assignments.push({ name, value: this.#readWord() ?? [] });
        continue;
      }
      const word = this.#readWord();
      if (word === undefined) break;
      words.push(word);
    }
    if (assignments.length === 0 && words.length === 0 && redirects.length === 0) {
      throw this.#error('a statement that is not understood');
    }
    return { kind: 'simple', assignments, words, redirects, place };
  }

  #readRedirects(): readonly Redirect[] {
    const redirects: Redirect[] = [];
    for (;;) {
      this.#skipBlanks();
      const redirect = this.#readRedirect();
      if (redirect === undefined) return redirects;
      redirects.push(redirect);
    }
  }

  #readRedirect(): Redirect | undefined {
    const match = /^(\d*)(<<-|<<|<&|<>|>>|>&|>\||<|>)/.exec(this.#text.slice(this.#position, this.#position + 12));
    const sign = match?.[2];
    if (match === null || sign === undefined) return undefined;
    if (this.#text.startsWith('(', this.#position + match[0].length)) throw this.#error('process substitution');
    this.#position += match[0].length;
    const descriptor = match[1] === '' ? undefined : Number(match[1]);
    this.#skipBlanks();
    if (sign === '<<' || sign === '<<-') {
      const raw = this.#requireWord();
      const quoted = raw.some((part) => part.kind === 'text' && part.quoted);
      const redirect: { descriptor: number | undefined; operator: '<<'; target: Word } = {
        descriptor,
        operator: '<<',
        target: [],
      };
      this.#documents.push({
        delimiter: raw.map((part) => (part.kind === 'text' ? part.text : '')).join(''),
        expands: !quoted,
        stripsTabs: sign === '<<-',
        fill: (body) => {
          redirect.target = body;
        },
      });
      return redirect;
    }
    return { descriptor, operator: sign as Redirect['operator'], target: this.#requireWord() };
  }

  #requireWord(): Word {
    const word = this.#readWord();
    if (word === undefined) throw this.#error('a word is missing');
    return word;
  }

  #readWord(): Word | undefined {
    const parts: WordPart[] = [];
    const start = this.#position;
    this.#readParts(parts, () => OPERATOR.test(this.#peek()), 'word');
    return this.#position === start ? undefined : parts;
  }

  #readParts(parts: WordPart[], ends: () => boolean, mode: 'word' | 'quoted' | 'document'): void {
    const quoted = mode !== 'word';
    let text = '';
    let textQuoted = quoted;
    const flush = () => {
      if (text !== '') parts.push({ kind: 'text', text, quoted: textQuoted });
      text = '';
      textQuoted = quoted;
    };
    while (this.#position < this.#text.length && !ends()) {
      const char = this.#peek();
      if (char === '\\') {
        const next = this.#peek(1);
        this.#position += 2;
        if (next === '\n') continue;
        if (quoted && !'$`"\\'.includes(next)) {
          text += `\\${next}`;
        } else if (quoted && next === '"' && mode === 'document') {
          text += '\\"';
        } else {
          if (!quoted) {
            flush();
            parts.push({ kind: 'text', text: next, quoted: true });
          } else text += next;
        }
      } else if (char === "'" && mode === 'word') {
        const end = this.#text.indexOf("'", this.#position + 1);
        if (end < 0) throw this.#error('an open quote');
        flush();
        parts.push({ kind: 'text', text: this.#text.slice(this.#position + 1, end), quoted: true });
        this.#position = end + 1;
      } else if (char === '"' && mode === 'word') {
        flush();
        this.#position++;
        const before = parts.length;
        this.#readParts(parts, () => this.#peek() === '"', 'quoted');
        if (parts.length === before) parts.push({ kind: 'text', text: '', quoted: true });
        if (this.#peek() !== '"') throw this.#error('an open quote');
        this.#position++;
      } else if (char === '$' || char === '`') {
        const part = char === '$' ? this.#readDollar(quoted) : this.#readBackquote(quoted);
        if (part === undefined) text += char;
        else {
          flush();
          parts.push(part);
        }
      } else {
        text += char;
        this.#position++;
      }
    }
    flush();
  }

  #readDollar(quoted: boolean): WordPart | undefined {
    this.#position++;
    const rest = this.#text.slice(this.#position, this.#position + 100);
    if (rest.startsWith('((')) {
      this.#skipBalanced('((', '))');
      return { kind: 'arithmetic', quoted };
    }
    if (rest.startsWith('(')) {
      this.#position++;
      const documents = this.#documents;
      this.#documents = [];
      const body = this.parseList([')']);
      this.#expect(')');
      this.#documents = documents;
      return { kind: 'command', body, quoted };
    }
    if (rest.startsWith('{')) return this.#readBraces(quoted);
    const name = NAME.exec(rest)?.[0] ?? /^[0-9@*#?$!-]/.exec(rest)?.[0];
    if (name === undefined) return undefined;
    this.#position += name.length;
    return { kind: 'parameter', name, operator: undefined, operand: [], quoted };
  }

  #readBraces(quoted: boolean): WordPart {
    this.#position++;
    const rest = this.#text.slice(this.#position, this.#position + 200);
    const length = /^#([A-Za-z_][A-Za-z0-9_]*|[0-9@*])\}/.exec(rest);
    if (length?.[1] !== undefined) {
      this.#position += length[0].length;
      return { kind: 'parameter', name: length[1], operator: 'length', operand: [], quoted };
    }
    const match = /^([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-])(:?[-=?+]|##?|%%?)?/.exec(rest);
    const name = match?.[1];
    if (match === null || name === undefined) throw this.#error('a parameter expansion that is not understood');
    this.#position += match[0].length;
    const operand: WordPart[] = [];
    if (match[2] !== undefined) this.#readParts(operand, () => this.#peek() === '}', 'word');
    if (this.#peek() !== '}') throw this.#error('a parameter expansion that is not understood');
    this.#position++;
    return { kind: 'parameter', name, operator: match[2], operand, quoted };
  }

  #readBackquote(quoted: boolean): WordPart {
    const line = this.#place().line;
    let body = '';
    this.#position++;
    while (this.#peek() !== '`') {
      if (this.#position >= this.#text.length) throw this.#error('an open backquote');
      if (this.#peek() === '\\' && '`\\$'.includes(this.#peek(1))) this.#position++;
      body += this.#peek();
      this.#position++;
    }
    this.#position++;
    const inner = new Parser(body, line);
    const list = inner.parseList([]);
    inner.expectEnd();
    return { kind: 'command', body: list, quoted };
  }

  #skipBalanced(open: string, close: string): void {
    let depth = 0;
    for (; this.#position < this.#text.length; this.#position++) {
      if (this.#peek() === '(') depth++;
      if (this.#peek() === ')') depth--;
      if (depth === 0) {
        this.#position++;
        return;
      }
    }
    throw this.#error(`${open} without ${close}`);
  }

  #readDocuments(): void {
    const documents = this.#documents;
    this.#documents = [];
    for (const { delimiter, expands, stripsTabs, fill } of documents) {
      const lines: string[] = [];
      const line = this.#place().line;
      for (;;) {
        if (this.#position >= this.#text.length) throw this.#error('an open here-document');
        const end = this.#text.indexOf('\n', this.#position);
        const stop = end < 0 ? this.#text.length : end;
        const raw = this.#text.slice(this.#position, stop);
        const content = stripsTabs ? raw.replace(/^\t+/, '') : raw;
        this.#position = Math.min(stop + 1, this.#text.length);
        if (content === delimiter) break;
        lines.push(`${content}\n`);
      }
      const body = lines.join('');
      fill(expands ? new Parser(body, line).parseText() : [{ kind: 'text', text: body, quoted: true }]);
    }
  }

  #skipSeparators(): void {
    for (;;) {
      this.#skipLines();
      if (this.#peek() !== ';' || this.#peek(1) === ';') return;
      this.#position++;
    }
  }

  #skipLines(): void {
    for (;;) {
      this.#skipBlanks();
      if (this.#peek() !== '\n') return;
      this.#position++;
      this.#readDocuments();
    }
  }

  #skipBlanks(): void {
    for (;;) {
      const char = this.#peek();
      if (char === ' ' || char === '\t') this.#position++;
      else if (char === '\\' && this.#peek(1) === '\n') this.#position += 2;
      else if (char === '#') {
        const end = this.#text.indexOf('\n', this.#position);
        this.#position = end < 0 ? this.#text.length : end;
      } else return;
    }
  }

  #expect(word: string): void {
    this.#skipSeparators();
    if (!this.#text.startsWith(word, this.#position)) throw this.#error(`${word} is missing`);
    this.#position += word.length;
  }

  #peek(ahead = 0): string {
    return this.#text[this.#position + ahead] ?? '';
  }

  #peekWord(): string {
    return /^[a-z{}!]+(?=[ \t\n;&|()<>]|$)/.exec(this.#text.slice(this.#position, this.#position + 20))?.[0] ?? '';
  }

  #peekReserved(): string | undefined {
    if (this.#text.startsWith(';;', this.#position)) return ';;';
    if (this.#peek() === ')') return ')';
    const word = this.#peekWord();
    return word !== 'in' && RESERVED.has(word) ? word : undefined;
  }

  #peekAssignment(): string | undefined {
    const rest = this.#text.slice(this.#position, this.#position + 100);
    return /^([A-Za-z_][A-Za-z0-9_]*)=/.exec(rest)?.[1];
  }

  #readName(): string {
    const name = NAME.exec(this.#text.slice(this.#position, this.#position + 100))?.[0];
    if (name === undefined) throw this.#error('a name is missing');
    this.#position += name.length;
    return name;
  }

  #place(): Place {
    const end = this.#text.indexOf('\n', this.#position);
    let line = this.#base;
    for (let index = this.#text.indexOf('\n'); index >= 0 && index < this.#position; ) {
      line++;
      index = this.#text.indexOf('\n', index + 1);
    }
    const text = this.#text.slice(this.#position, end < 0 ? undefined : end).trim();
    return { line, text: text.length > 160 ? `${text.slice(0, 159)}…` : text };
  }

  #error(reason: string): Unrecognised {
    return new Unrecognised(this.#place(), reason);
  }
}
