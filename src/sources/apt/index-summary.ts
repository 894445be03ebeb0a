import { CogplanError } from '../../errors.ts';

/** Where what stands in a Packages index: enough to read single stanzas of a file of 50 MB without parsing it again. */
export type IndexSummary = {
  /** Bytes of the index. */
  readonly size: number;
  /** One name per stanza, joined by newlines. */
  readonly names: string;
  /** Byte offset of each stanza. */
  readonly offsets: readonly number[];
  /** By virtual name: numbers of the stanzas that provide it. */
  readonly provides: Readonly<Record<string, readonly number[]>>;
  /** Numbers of the stanzas with `Essential: yes`. */
  readonly essential: readonly number[];
};

/** Version of `IndexSummary`, part of the key that summaries are kept under. */
export const INDEX_SUMMARY_VERSION = 1;

/** Summarises an uncompressed Packages index. `what` names it in messages. */
export function summariseIndex(data: Buffer, what: string): IndexSummary {
  // One byte is one character, so that positions in the text are offsets in the file.
  const text = data.toString('latin1');
  const names: string[] = [];
  const offsets: number[] = [];
  const provides: Record<string, number[]> = Object.create(null);
  const essential: number[] = [];
  const provideFields = new FieldFinder(text, '\nProvides:');
  const essentialFields = new FieldFinder(text, '\nEssential: yes');
  for (let start = skipNewlines(text, 0); start < text.length; ) {
    const blank = text.indexOf('\n\n', start);
    const end = blank < 0 ? text.length : blank;
    const stanza = names.length;
    names.push(stanzaName(text, start, end, what));
    offsets.push(start);
    const provided = provideFields.within(start, end);
    if (provided !== undefined) {
      for (const name of providedNames(text, provided, end)) {
        const list = provides[name];
        if (list === undefined) provides[name] = [stanza];
        else if (list.at(-1) !== stanza) list.push(stanza);
      }
    }
    if (essentialFields.within(start, end) !== undefined) essential.push(stanza);
    start = skipNewlines(text, end);
  }
  return { size: data.length, names: names.join('\n'), offsets, provides, essential };
}

/** Finds a rare field without searching the whole text once per stanza. Asked for rising positions only. */
class FieldFinder {
  readonly #text: string;
  readonly #field: string;
  #next: number;

  constructor(text: string, field: string) {
    this.#text = text;
    this.#field = field;
    this.#next = text.indexOf(field);
  }

  /** Position after the field's name, when it begins between `start` and `end`. */
  within(start: number, end: number): number | undefined {
    while (this.#next >= 0 && this.#next < start) this.#next = this.#text.indexOf(this.#field, this.#next + 1);
    return this.#next >= 0 && this.#next < end ? this.#next + this.#field.length : undefined;
  }
}

const NAME_FIELD = 'Package: ';

function stanzaName(text: string, start: number, end: number, what: string): string {
  const first = text.startsWith(NAME_FIELD, start);
  const before = first ? start - 1 : text.indexOf(`\n${NAME_FIELD}`, start);
  const from = before + 1 + NAME_FIELD.length;
  const lineEnd = text.indexOf('\n', from);
  const name = text.slice(from, lineEnd < 0 ? end : Math.min(lineEnd, end)).trim();
  if ((!first && before < 0) || from > end || !/^[A-Za-z0-9][A-Za-z0-9+.-]*$/.test(name)) {
    throw new CogplanError('COGPLAN_CONTROL_INVALID', `${what}: no package name in the stanza at byte ${start}`, {
      subject: what,
    });
  }
  return name;
}

function providedNames(text: string, from: number, end: number): readonly string[] {
  let lineEnd = text.indexOf('\n', from);
  while (lineEnd >= 0 && lineEnd < end && text[lineEnd + 1] === ' ') lineEnd = text.indexOf('\n', lineEnd + 1);
  const value = text.slice(from, lineEnd < 0 ? end : Math.min(lineEnd, end));
  return value.split(',').flatMap((item) => /^\s*([A-Za-z0-9][A-Za-z0-9+.-]*)/.exec(item)?.[1] ?? []);
}

function skipNewlines(text: string, from: number): number {
  let position = from;
  while (text[position] === '\n') position++;
  return position;
}
