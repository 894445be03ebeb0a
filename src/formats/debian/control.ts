import { CogplanError } from '../../errors.ts';

/** Fields of one paragraph by lower-cased name, in order. Continuation lines are joined with `\n`, without their first blank. */
export type ControlParagraph = ReadonlyMap<string, string>;

const MAX_FIELDS = 500;

/**
 * The paragraphs of a deb822 text (deb822(5)): fields, continuation lines, `#` comments, blank lines between paragraphs. A
 * field given twice in a paragraph, a stray continuation or a line without a colon is COGPLAN_CONTROL_INVALID; `what` names
 * the file.
 */
export function parseControl(text: string, what: string): readonly ControlParagraph[] {
  const paragraphs: ControlParagraph[] = [];
  let fields = new Map<string, string>();
  let last = '';
  const lines = text.split('\n');
  for (const [index, raw] of lines.entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line.trim() === '') {
      if (fields.size > 0) paragraphs.push(fields);
      fields = new Map();
      last = '';
    } else if (line.startsWith('#')) {
      // A comment, also between continuation lines.
    } else if (line.startsWith(' ') || line.startsWith('\t')) {
      if (last === '') throw controlError(what, index, 'a continuation line without a field');
      fields.set(last, `${fields.get(last) ?? ''}\n${line.slice(1)}`);
    } else {
      last = addField(fields, line, what, index);
    }
  }
  if (fields.size > 0) paragraphs.push(fields);
  return paragraphs;
}

/** The only paragraph of a text, such as a package's `control` file. */
export function parseSingleControl(text: string, what: string): ControlParagraph {
  const [paragraph, ...others] = parseControl(text, what);
  if (paragraph === undefined || others.length > 0) {
    throw new CogplanError('COGPLAN_CONTROL_INVALID', `${what} must hold exactly one paragraph`, { subject: what });
  }
  return paragraph;
}

/** A field that must be there. */
export function requireField(paragraph: ControlParagraph, name: string, what: string): string {
  const value = paragraph.get(name.toLowerCase());
  if (value === undefined || value === '') {
    throw new CogplanError('COGPLAN_CONTROL_INVALID', `${what} has no field ${name}`, { subject: what });
  }
  return value;
}

function addField(fields: Map<string, string>, line: string, what: string, index: number): string {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(colon, 0));
  if (!/^[!-9;-~]+$/.test(name) || name.startsWith('-')) throw controlError(what, index, 'no field name');
  const key = name.toLowerCase();
  if (fields.has(key)) throw controlError(what, index, `the field ${name} is given twice`);
  if (fields.size === MAX_FIELDS) throw controlError(what, index, `more than ${MAX_FIELDS} fields`);
  fields.set(key, line.slice(colon + 1).trim());
  return key;
}

function controlError(what: string, index: number, problem: string): CogplanError {
  return new CogplanError('COGPLAN_CONTROL_INVALID', `${what}, line ${index + 1}: ${problem}`, { subject: what });
}
