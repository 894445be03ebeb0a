/** Characters that an editor, a browser or a chat puts in place of plain ones, and that YAML takes for letters. */
const NAMES: Readonly<Record<string, string>> = {
  '\u00a0': 'a no-break space',
  '\u200b': 'a zero-width space',
  '\u200c': 'a zero-width non-joiner',
  '\u200d': 'a zero-width joiner',
  '\u2013': 'a dash that is no hyphen',
  '\u2014': 'a dash that is no hyphen',
  '\u2018': 'a typographic quote',
  '\u2019': 'a typographic quote',
  '\u201c': 'a typographic quote',
  '\u201d': 'a typographic quote',
  '\u201e': 'a typographic quote',
  '\u202f': 'a narrow no-break space',
  '\u2060': 'a word joiner',
  '\u3000': 'a wide space',
  '\ufeff': 'a byte-order mark',
  '\uff1a': 'a wide colon',
};

const ODD = new RegExp(`[${Object.keys(NAMES).join('')}]`);

export interface OddCharacter {
  /** `a no-break space (U+00A0)`. */
  readonly text: string;
  /** In code units, from 0. */
  readonly index: number;
  readonly instead: string;
}

/** The text with what they stand for. */
export function withPlainCharacters(text: string): string {
  return text
    .replace(/[\u00a0\u202f\u3000]/g, ' ')
    .replace(/\u200b|\u200c|\u200d|\u2060|\ufeff/g, '')
    .replace(/[\u2013\u2014](?=\s)/g, '-')
    .replace(/[\u2018\u2019\u201c\u201d\u201e]/g, '"')
    .replace(/\uff1a ?/g, ': ');
}

/** The first of such characters in a text. */
export function oddCharacter(text: string): OddCharacter | undefined {
  const index = text.search(ODD);
  const character = text[index];
  if (character === undefined) return undefined;
  const name = NAMES[character] ?? '';
  const instead =
    /space/.test(name) && !/zero/.test(name)
      ? 'Put a plain space in its place.'
      : /quote/.test(name)
        ? 'Put a plain quote in its place: " or \'.'
        : /dash/.test(name)
          ? 'Put a hyphen in its place: -'
          : /colon/.test(name)
            ? 'Put a plain colon and a space in its place.'
            : 'Remove it.';
  return { text: `${name} (U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')})`, index, instead };
}
