import { posix } from 'node:path';
import type { List, Word } from '../../formats/debian/effects/shell-syntax.ts';
import { globOf } from './glob.ts';
import { ARCHITECTURE, MACHINE } from './run-reading.ts';

/** Values of the variables that are known. */
export type Variables = ReadonlyMap<string, string>;

/**
 * The one word that a word expands to, or undefined where that depends on what is not known: a variable, a file name pattern, the output of a command. Braces are plain
 * characters, as in POSIX shells. With `patterns`, patterns stay as they are written.
 */
export function expandWord(
  word: Word,
  variables: Variables,
  { patterns = false }: { readonly patterns?: boolean } = {},
): string | undefined {
  let text = '';
  for (const [index, part] of word.entries()) {
    switch (part.kind) {
      case 'text': {
        if (part.quoted) {
          text += part.text;
          break;
        }
        if (!patterns && isPattern(part.text)) return undefined;
        if (index === 0 && part.text.startsWith('~')) {
          if (!/^~(?:\/|$)/.test(part.text)) return undefined;
          text += `/root${part.text.slice(1)}`;
        } else text += part.text;
        break;
      }
      case 'parameter': {
        const value = parameterValue(part, variables);
        if (value === undefined || (!part.quoted && !/^[^\s*?[]+$/.test(value))) return undefined;
        text += value;
        break;
      }
      case 'command': {
        const output = outputOf(part.body, variables);
        if (output === undefined) return undefined;
        text += output;
        break;
      }
      case 'arithmetic':
        return undefined;
    }
  }
  return text;
}

/** Longer values are not cut. */
const MOST_CUT = 4096;

/** The value of a variable that is known, by the operators of XCU 2.6.2. */
function parameterValue(
  { name, operator, operand }: Extract<Word[number], { kind: 'parameter' }>,
  variables: Variables,
): string | undefined {
  const value = variables.get(name);
  if (operator === undefined || value === undefined) return value;
  if (operator === ':-') return value === '' ? expandWord(operand, variables) : value;
  if (operator === ':+') return value === '' ? '' : expandWord(operand, variables);
  const cut = { '#': 'start', '##': 'start', '%': 'end', '%%': 'end' }[operator];
  if (cut === undefined || value.length > MOST_CUT || /[\uE000\uE001]/.test(value)) return undefined;
  let source = '';
  for (const part of operand) {
    const text = part.kind === 'text' && !part.quoted ? globOf(part.text) : expandWord([part], variables);
    if (text === undefined) return undefined;
    source += part.kind === 'text' && !part.quoted ? text : text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  }
  const fits = new RegExp(`^(?:${source})$`, 's');
  const lengths = Array.from({ length: value.length + 1 }, (_, length) => length);
  if (operator.length === 2) lengths.reverse();
  for (const length of lengths) {
    const [piece, rest] =
      cut === 'start'
        ? [value.slice(0, length), value.slice(length)]
        : [value.slice(value.length - length), value.slice(0, value.length - length)];
    if (fits.test(piece)) return rest;
  }
  return value;
}

/** A pattern that matches no file stays as it is: there is none below `https:`, none called `pkge` for `pkg[extra]`, and none called `pkg==1.0` for `pkg==1.*`. */
function isPattern(text: string): boolean {
  if (text.includes('://') || /^[\w.+-]+(?:\[[\w.,-]*\])?[=~!][^/]*$/.test(text)) return false;
  return /[*?]/.test(text) || (text.includes('[') && text.includes('/'));
}

const OUTPUTS: Readonly<Record<string, string>> = {
  'uname -s': 'Linux',
  uname: 'Linux',
  'uname -m': MACHINE,
  'uname -p': MACHINE,
  arch: MACHINE,
  'dpkg --print-architecture': ARCHITECTURE,
};

function outputOf(body: List, variables: Variables): string | undefined {
  const command = body.length === 1 && body[0]?.rest.length === 0 ? body[0].first : undefined;
  const only = command?.commands.length === 1 && !command.negated ? command.commands[0] : undefined;
  if (only?.kind !== 'simple' || only.assignments.length > 0 || only.redirects.length > 0) return undefined;
  const words = only.words.map((word) => expandWord(word, variables));
  if (words.includes(undefined)) return undefined;
  const [name, first = '', ...more] = words.flatMap((word) => word ?? []);
  if (name === 'basename' && more.length < 2 && first !== '' && !first.startsWith('-'))
    return posix.basename(first, more[0]);
  if (name === 'dirname' && more.length === 0 && first !== '' && !first.startsWith('-')) return posix.dirname(first);
  if (name === 'echo' && !/\\|^-/.test(first)) return [first, ...more].join(' ').replace(/\n+$/, '');
  return OUTPUTS[words.join(' ')];
}
