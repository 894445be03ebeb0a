import type { List, Word } from '../../formats/debian/effects/shell-syntax.ts';
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
        const value = part.operator === undefined ? variables.get(part.name) : undefined;
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
  return words.includes(undefined) ? undefined : OUTPUTS[words.join(' ')];
}
