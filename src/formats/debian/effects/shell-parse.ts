import { ShellReader } from './shell-reader.ts';
import type {
  AndOr,
  Assignment,
  CaseCommand,
  Command,
  IfCommand,
  List,
  Pipeline,
  Place,
  Redirect,
  Word,
} from './shell-syntax.ts';

const MAX_DEPTH = 60;

/**
 * Parses a POSIX shell script. What lies outside the grammar (process substitution, `[[`, arrays, background jobs) is refused with
 * `Unrecognised`, naming the place.
 */
export function parseShell(text: string, firstLine = 1): List {
  return parseAll(text, firstLine);
}

function parseAll(text: string, firstLine: number): List {
  const parser = new Parser(text, firstLine);
  const list = parser.parseList([]);
  parser.expectEnd();
  return list;
}

class Parser {
  readonly #reader: ShellReader;
  #depth = 0;

  constructor(text: string, firstLine: number) {
    this.#reader = new ShellReader(text, firstLine, {
      parseBody: () => this.parseList([')']),
      parseAll,
    });
  }

  expectEnd(): void {
    if (!this.#reader.atEnd()) throw this.#reader.error('a statement that is not understood');
  }

  parseList(terminators: readonly string[]): List {
    if (++this.#depth > MAX_DEPTH) throw this.#reader.error('nested too deeply');
    const list: AndOr[] = [];
    for (;;) {
      this.#reader.skipSeparators();
      if (this.#reader.atEnd()) break;
      const word = this.#reader.peekReserved();
      if (word !== undefined) {
        if (terminators.includes(word)) break;
        throw this.#reader.error(`unexpected ${word}`);
      }
      list.push(this.#parseAndOr());
      this.#reader.skipBlanks();
      const next = this.#reader.peek();
      if (next === '&' && this.#reader.peek(1) !== '&') throw this.#reader.error('a background job');
    }
    this.#depth--;
    return list;
  }

  #parseAndOr(): AndOr {
    const first = this.#parsePipeline();
    const rest: { operator: '&&' | '||'; pipeline: Pipeline }[] = [];
    for (;;) {
      this.#reader.skipBlanks();
      const operator = this.#reader.ahead(2);
      if (operator !== '&&' && operator !== '||') return { first, rest };
      this.#reader.advance(2);
      this.#reader.skipLines();
      rest.push({ operator, pipeline: this.#parsePipeline() });
    }
  }

  #parsePipeline(): Pipeline {
    let negated = false;
    this.#reader.skipBlanks();
    while (this.#reader.peek() === '!' && /[ \t]/.test(this.#reader.peek(1))) {
      negated = !negated;
      this.#reader.advance(1);
      this.#reader.skipBlanks();
    }
    const commands = [this.#parseCommand()];
    for (;;) {
      this.#reader.skipBlanks();
      if (this.#reader.peek() !== '|' || this.#reader.peek(1) === '|') return { negated, commands };
      this.#reader.advance(1);
      this.#reader.skipLines();
      commands.push(this.#parseCommand());
    }
  }

  #parseCommand(): Command {
    if (++this.#depth > MAX_DEPTH) throw this.#reader.error('nested too deeply');
    const place = this.#reader.place();
    const command = this.#parseCompound(place) ?? this.#parseSimple(place);
    this.#depth--;
    return command;
  }

  #parseCompound(place: Place): Command | undefined {
    if (this.#reader.peek() === '(') {
      this.#reader.advance(1);
      const body = this.parseList([')']);
      this.#reader.expect(')');
      return { kind: 'subshell', body, place, redirects: this.#reader.readRedirects() };
    }
    switch (this.#reader.peekWord()) {
      case '{': {
        this.#reader.advance(1);
        const body = this.parseList(['}']);
        this.#reader.expect('}');
        return { kind: 'group', body, place, redirects: this.#reader.readRedirects() };
      }
      case 'if':
        return this.#parseIf(place);
      case 'for':
        return this.#parseFor(place);
      case 'while':
      case 'until': {
        const until = this.#reader.peekWord() === 'until';
        this.#reader.advance(5);
        const condition = this.parseList(['do']);
        const body = this.#parseDoGroup();
        return { kind: 'while', until, condition, body, place, redirects: this.#reader.readRedirects() };
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
    this.#reader.expect('if');
    for (;;) {
      const condition = this.parseList(['then']);
      this.#reader.expect('then');
      clauses.push({ condition, body: this.parseList(['elif', 'else', 'fi']) });
      const word = this.#reader.peekReserved();
      if (word === 'elif') {
        this.#reader.expect('elif');
        continue;
      }
      if (word === 'else') {
        this.#reader.expect('else');
        otherwise = this.parseList(['fi']);
      }
      this.#reader.expect('fi');
      return { kind: 'if', clauses, otherwise, place, redirects: this.#reader.readRedirects() };
    }
  }

  #parseFor(place: Place): Command {
    this.#reader.expect('for');
    this.#reader.skipBlanks();
    const name = this.#reader.readName();
    this.#reader.skipLines();
    let words: Word[] | undefined;
    if (this.#reader.peekWord() === 'in') {
      this.#reader.expect('in');
      words = [];
      for (;;) {
        this.#reader.skipBlanks();
        const word = this.#reader.readWord();
        if (word === undefined) break;
        words.push(word);
      }
    }
    this.#reader.skipSeparators();
    const body = this.#parseDoGroup();
    return { kind: 'for', name, words, body, place, redirects: this.#reader.readRedirects() };
  }

  #parseDoGroup(): List {
    this.#reader.expect('do');
    const body = this.parseList(['done']);
    this.#reader.expect('done');
    return body;
  }

  #parseCase(place: Place): CaseCommand {
    this.#reader.expect('case');
    this.#reader.skipBlanks();
    const subject = this.#reader.requireWord();
    this.#reader.skipLines();
    this.#reader.expect('in');
    const items: { patterns: Word[]; body: List }[] = [];
    for (;;) {
      this.#reader.skipLines();
      if (this.#reader.peekWord() === 'esac') break;
      if (this.#reader.peek() === '(') this.#reader.advance(1);
      const patterns: Word[] = [];
      for (;;) {
        this.#reader.skipLines();
        patterns.push(this.#reader.requireWord());
        this.#reader.skipBlanks();
        if (this.#reader.peek() !== '|') break;
        this.#reader.advance(1);
      }
      this.#reader.expect(')');
      items.push({ patterns, body: this.parseList([';;', 'esac']) });
      if (this.#reader.peekReserved() === ';;') this.#reader.advance(2);
    }
    this.#reader.expect('esac');
    return { kind: 'case', subject, items, place, redirects: this.#reader.readRedirects() };
  }

  #parseFunction(place: Place): Command | undefined {
    const match = /^([A-Za-z_][A-Za-z0-9_-]*)[ \t]*\([ \t]*\)/.exec(this.#reader.ahead(200));
    const name = match?.[1];
    if (match === null || name === undefined) return undefined;
    this.#reader.advance(match[0].length);
    this.#reader.skipLines();
    return { kind: 'function', name, body: this.#parseCommand(), place, redirects: [] };
  }

  #parseSimple(place: Place): Command {
    const assignments: Assignment[] = [];
    const words: Word[] = [];
    const redirects: Redirect[] = [];
    for (;;) {
      this.#reader.skipBlanks();
      const redirect = this.#reader.readRedirect();
      if (redirect !== undefined) {
        redirects.push(redirect);
        continue;
      }
      const name = words.length === 0 ? this.#reader.peekAssignment() : undefined;
      if (name !== undefined) {
        this.#reader.advance(name.length + 1);
        assignments.push({ name, value: this.#reader.readWord() ?? [] });
        continue;
      }
      const word = this.#reader.readWord();
      if (word === undefined) break;
      words.push(word);
    }
    if (assignments.length === 0 && words.length === 0 && redirects.length === 0) {
      throw this.#reader.error('a statement that is not understood');
    }
    return { kind: 'simple', assignments, words, redirects, place };
  }
}
