import { type List, type Place, type Redirect, Unrecognised, type Word, type WordPart } from './shell-syntax.ts';

const RESERVED = new Set(['then', 'else', 'elif', 'fi', 'do', 'done', 'esac', '}', ')', ';;', 'in']);
const OPERATOR = /[ \t\n;&|()<>]/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*/;

/** How command substitutions inside words are parsed. */
interface BodyParser {
  /** A list that ends before `)`, from where the reader stands. */
  parseBody(): List;
  /** A whole text, as between backquotes. */
  parseAll(text: string, firstLine: number): List;
}

interface PendingDocument {
  readonly delimiter: string;
  readonly expands: boolean;
  readonly stripsTabs: boolean;
  readonly fill: (body: Word) => void;
}

/** Reads the tokens of a shell script (XCU 2.2, 2.3): words with their expansions, redirections, here-documents. */
export class ShellReader {
  readonly #text: string;
  readonly #firstLine: number;
  readonly #bodies: BodyParser;
  #position = 0;
  #documents: PendingDocument[] = [];

  constructor(text: string, firstLine: number, bodies: BodyParser) {
    this.#text = text;
    this.#firstLine = firstLine;
    this.#bodies = bodies;
  }

  atEnd(): boolean {
    return this.#position >= this.#text.length;
  }

  advance(count: number): void {
    this.#position += count;
  }

  ahead(length: number): string {
    return this.#text.slice(this.#position, this.#position + length);
  }

  /** The whole text as a here-document: expansions, but no word splitting of the text itself. */
  readText(): Word {
    const parts: WordPart[] = [];
    this.#readParts(parts, () => this.atEnd(), 'document');
    return parts;
  }

  readRedirects(): readonly Redirect[] {
    const redirects: Redirect[] = [];
    for (;;) {
      this.skipBlanks();
      const redirect = this.readRedirect();
      if (redirect === undefined) return redirects;
      redirects.push(redirect);
    }
  }

  readRedirect(): Redirect | undefined {
    const match = /^(\d*)(<<-|<<|<&|<>|>>|>&|>\||<|>)/.exec(this.#text.slice(this.#position, this.#position + 12));
    const sign = match?.[2];
    if (match === null || sign === undefined) return undefined;
    if (this.#text.startsWith('(', this.#position + match[0].length)) throw this.error('process substitution');
    this.#position += match[0].length;
    const descriptor = match[1] === '' ? undefined : Number(match[1]);
    this.skipBlanks();
    if (sign === '<<' || sign === '<<-') {
      const raw = this.requireWord();
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
    return { descriptor, operator: sign as Redirect['operator'], target: this.requireWord() };
  }

  requireWord(): Word {
    const word = this.readWord();
    if (word === undefined) throw this.error('a word is missing');
    return word;
  }

  readWord(): Word | undefined {
    const parts: WordPart[] = [];
    const start = this.#position;
    this.#readParts(parts, () => OPERATOR.test(this.peek()), 'word');
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
      const char = this.peek();
      if (char === '\\') {
        const next = this.peek(1);
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
        if (end < 0) throw this.error('an open quote');
        flush();
        parts.push({ kind: 'text', text: this.#text.slice(this.#position + 1, end), quoted: true });
        this.#position = end + 1;
      } else if (char === '"' && mode === 'word') {
        flush();
        this.#position++;
        const before = parts.length;
        this.#readParts(parts, () => this.peek() === '"', 'quoted');
        if (parts.length === before) parts.push({ kind: 'text', text: '', quoted: true });
        if (this.peek() !== '"') throw this.error('an open quote');
        this.#position++;
      } else if (char === '$' || char === '`') {
        const part = char === '$' ? this.#readDollar(quoted) : this.#readBackquote(quoted, mode);
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
      const body = this.#bodies.parseBody();
      this.expect(')');
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
    if (match === null || name === undefined) throw this.error('a parameter expansion that is not understood');
    this.#position += match[0].length;
    const operand: WordPart[] = [];
    if (match[2] !== undefined) this.#readParts(operand, () => this.peek() === '}', 'word');
    if (this.peek() !== '}') throw this.error('a parameter expansion that is not understood');
    this.#position++;
    return { kind: 'parameter', name, operator: match[2], operand, quoted };
  }

  #readBackquote(quoted: boolean, mode: 'word' | 'quoted' | 'document'): WordPart {
    // Between double quotes, a quote is escaped once more (XCU 2.6.3).
    const escaped = mode === 'quoted' ? '`\\$"' : '`\\$';
    const line = this.place().line;
    let body = '';
    this.#position++;
    while (this.peek() !== '`') {
      if (this.#position >= this.#text.length) throw this.error('an open backquote');
      if (this.peek() === '\\' && escaped.includes(this.peek(1))) this.#position++;
      body += this.peek();
      this.#position++;
    }
    this.#position++;
    return { kind: 'command', body: this.#bodies.parseAll(body, line), quoted };
  }

  #skipBalanced(open: string, close: string): void {
    let depth = 0;
    for (; this.#position < this.#text.length; this.#position++) {
      if (this.peek() === '(') depth++;
      if (this.peek() === ')') depth--;
      if (depth === 0) {
        this.#position++;
        return;
      }
    }
    throw this.error(`${open} without ${close}`);
  }

  #readDocuments(): void {
    const documents = this.#documents;
    this.#documents = [];
    for (const { delimiter, expands, stripsTabs, fill } of documents) {
      const lines: string[] = [];
      const line = this.place().line;
      for (;;) {
        if (this.#position >= this.#text.length) throw this.error('an open here-document');
        const end = this.#text.indexOf('\n', this.#position);
        const stop = end < 0 ? this.#text.length : end;
        const raw = this.#text.slice(this.#position, stop);
        const content = stripsTabs ? raw.replace(/^\t+/, '') : raw;
        this.#position = Math.min(stop + 1, this.#text.length);
        if (content === delimiter) break;
        lines.push(`${content}\n`);
      }
      const body = lines.join('');
      fill(
        expands ? new ShellReader(body, line, this.#bodies).readText() : [{ kind: 'text', text: body, quoted: true }],
      );
    }
  }

  skipSeparators(): void {
    for (;;) {
      this.skipLines();
      if (this.peek() !== ';' || this.peek(1) === ';') return;
      this.#position++;
    }
  }

  skipLines(): void {
    for (;;) {
      this.skipBlanks();
      if (this.peek() !== '\n') return;
      this.#position++;
      this.#readDocuments();
    }
  }

  skipBlanks(): void {
    for (;;) {
      const char = this.peek();
      if (char === ' ' || char === '\t') this.#position++;
      else if (char === '\\' && this.peek(1) === '\n') this.#position += 2;
      else if (char === '#') {
        const end = this.#text.indexOf('\n', this.#position);
        this.#position = end < 0 ? this.#text.length : end;
      } else return;
    }
  }

  expect(word: string): void {
    this.skipSeparators();
    if (!this.#text.startsWith(word, this.#position)) throw this.error(`${word} is missing`);
    this.#position += word.length;
  }

  peek(ahead = 0): string {
    return this.#text[this.#position + ahead] ?? '';
  }

  peekWord(): string {
    return /^[a-z{}!]+(?=[ \t\n;&|()<>]|$)/.exec(this.#text.slice(this.#position, this.#position + 20))?.[0] ?? '';
  }

  peekReserved(): string | undefined {
    if (this.#text.startsWith(';;', this.#position)) return ';;';
    if (this.peek() === ')') return ')';
    const word = this.peekWord();
    return word !== 'in' && RESERVED.has(word) ? word : undefined;
  }

  peekAssignment(): string | undefined {
    const rest = this.#text.slice(this.#position, this.#position + 100);
    return /^([A-Za-z_][A-Za-z0-9_]*)=/.exec(rest)?.[1];
  }

  readName(): string {
    const name = NAME.exec(this.#text.slice(this.#position, this.#position + 100))?.[0];
    if (name === undefined) throw this.error('a name is missing');
    this.#position += name.length;
    return name;
  }

  place(): Place {
    const end = this.#text.indexOf('\n', this.#position);
    let line = this.#firstLine;
    for (let index = this.#text.indexOf('\n'); index >= 0 && index < this.#position; ) {
      line++;
      index = this.#text.indexOf('\n', index + 1);
    }
    const text = this.#text.slice(this.#position, end < 0 ? undefined : end).trim();
    return { line, offset: this.#position, text: text.length > 160 ? `${text.slice(0, 159)}…` : text };
  }

  error(reason: string): Unrecognised {
    return new Unrecognised(this.place(), reason);
  }
}
