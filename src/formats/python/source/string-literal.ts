const PREFIX = /^([a-z]*)("""|'''|"|')/i;

const SIMPLE: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\n': '',
};

/** How a literal is written, and where its content lies in the text. Undefined if the text is not a closed literal. */
export function literalShape(
  text: string,
): { readonly prefix: string; readonly start: number; readonly end: number } | undefined {
  const match = PREFIX.exec(text);
  const [head, prefix, quote] = match ?? [];
  if (head === undefined || prefix === undefined || quote === undefined) return undefined;
  if (text.length < head.length + quote.length || !text.endsWith(quote)) return undefined;
  return { prefix: prefix.toLowerCase(), start: head.length, end: text.length - quote.length };
}

/**
 * The text that a string literal's content stands for; undefined where it names characters by their Unicode names. Rules:
 * https://docs.python.org/3/reference/lexical_analysis.html#escape-sequences
 */
export function decodeContent(content: string, raw: boolean): string | undefined {
  const text = content.replace(/\r\n?/g, '\n');
  if (raw || !text.includes('\\')) return text;
  if (/(?:^|[^\\])(?:\\\\)*\\N\{/.test(text)) return undefined;
  return text.replace(
    /\\(?:([0-7]{1,3})|x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|([\s\S]))/gi,
    (whole, octal?: string, hex?: string, short?: string, long?: string, other?: string) => {
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      // The flag also admits \X and the like, which Python leaves alone.
      if (other === undefined && !/^\\[xuU]/.test(whole)) return whole;
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      if (short !== undefined && whole[1] === 'u') return String.fromCharCode(Number.parseInt(short, 16));
      if (long !== undefined && whole[1] === 'U') {
        const point = Number.parseInt(long, 16);
        return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
      }
      return SIMPLE[other ?? ''] ?? whole;
    },
  );
}
