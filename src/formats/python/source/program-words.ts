import type { Expression } from './syntax.ts';

/** Name of a program without its folder. */
export function programOf(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1);
}

/** What may stand before a program. */
export function isPrefix(word: string | undefined): boolean {
  return word !== undefined && /^(?:sudo|env|time|nice|sh|bash|-l?c|[A-Z_]+=.*)$/.test(word);
}

/** The words of a line of shell; undefined for those with a part that is not known. */
export function splitWords(line: string): readonly (string | undefined)[] {
  const words = line.match(/(?:[^\s"'\\;|&]|\\.|"[^"]*"|'[^']*')+/g) ?? [];
  return words.map((word) => {
    const plain = word.replace(/"([^"]*)"|'([^']*)'/g, (_, double?: string, single?: string) => double ?? single ?? '');
    return plain.includes('\ufffc') ? undefined : plain;
  });
}

/** A format string whose unknown parts are marked. */
export function partialText(
  expression: Expression,
  read: (part: Expression) => string | undefined,
): string | undefined {
  if (expression.kind !== 'format') return undefined;
  return expression.parts.map((part) => (typeof part === 'string' ? part : (read(part.value) ?? '\ufffc'))).join('');
}
