import type { Expression } from './syntax.ts';

/** Name of a program without its folder. */
export function programOf(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1);
}

/** What may stand before a program. */
export function isPrefix(word: string | undefined): boolean {
  return word !== undefined && /^(?:sudo|env|time|nice|sh|bash|-l?c|[A-Z_]+=.*)$/.test(word);
}

/** The commands of a line of shell as words; undefined for words with a part that is not known. */
export function splitCommands(line: string): readonly (readonly (string | undefined)[])[] {
  const tokens = line.match(/&&|\|\||[;|&\n]|(?:[^\s"'\\;|&]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*')+/g) ?? [];
  const commands: (string | undefined)[][] = [[]];
  for (const token of tokens) {
    if (/^(?:&&|\|\||[;|&\n])$/.test(token)) commands.push([]);
    else if (token !== '\\\n') commands.at(-1)?.push(plainWord(token));
  }
  return commands.filter((command) => command.length > 0);
}

/** A word without its quotes; undefined where the shell, or what is not known, has a part in it. */
function plainWord(token: string): string | undefined {
  if (token.includes('\ufffc') || /[$`]/.test(token.replace(/'[^']*'/g, ''))) return undefined;
  return token.replace(
    /"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'|\\([\s\S])/g,
    (_, double?: string, single?: string, char?: string) =>
      double !== undefined ? double.replace(/\\(["\\$`])/g, '$1') : (single ?? char ?? ''),
  );
}

/** A format string whose unknown parts are marked. */
export function partialText(
  expression: Expression,
  read: (part: Expression) => string | undefined,
): string | undefined {
  if (expression.kind !== 'format') return undefined;
  return expression.parts.map((part) => (typeof part === 'string' ? part : (read(part.value) ?? '\ufffc'))).join('');
}
