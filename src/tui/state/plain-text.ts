import stringWidth from 'string-width';
import { printable } from '../../errors.ts';

// Characters that take no cell and say nothing, with which text from outside could hide or disguise itself.
const INVISIBLE =
  /\u034f|[\u00ad\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028\u2029\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]/g;
const ASCII = /^[\x20-\x7e]*$/;
/** More marks than this on one character is not writing. */
const MARKS = /(\p{M}{4})\p{M}+/gu;

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Text from outside as one line that a terminal shows as it stands: nothing that moves the cursor, reorders or hides. */
export function plainText(text: string): string {
  if (ASCII.test(text) && !text.includes('://')) return text;
  return printable(text.replace(/[\t\r\n]+/g, ' '))
    .replace(INVISIBLE, '\ufffd')
    .replace(MARKS, '$1');
}

/** Terminal cells that a line takes. */
export function textWidth(text: string): number {
  return ASCII.test(text) ? text.length : stringWidth(text);
}

/** Cuts a line to at most `width` cells, marking a cut with `~`; never cuts a character in two. */
export function cutText(text: string, width: number): string {
  if (width <= 0) return '';
  if (textWidth(text) <= width) return text;
  if (ASCII.test(text)) return `${text.slice(0, width - 1)}~`;
  let cells = 0;
  let kept = '';
  for (const { segment } of segmenter.segment(text)) {
    const own = stringWidth(segment);
    if (cells + own > width - 1) break;
    cells += own;
    kept += segment;
  }
  return `${kept}~`;
}

/** Exactly `width` cells: cut, or filled up with spaces. */
export function fitText(text: string, width: number): string {
  const cut = cutText(text, width);
  return cut + ' '.repeat(Math.max(0, width - textWidth(cut)));
}

/** Breaks a line at spaces, and words that are too long anywhere, into lines of at most `width` cells; later ones indented. */
export function wrapText(text: string, width: number, indent = ''): string[] {
  const lines: string[] = [];
  const room = Math.max(1, width);
  const hanging = textWidth(indent) < room ? indent : '';
  let line = '';
  let used = 0;
  const start = (): void => {
    lines.push(line.trimEnd());
    line = hanging;
    used = textWidth(hanging);
  };
  for (const word of text.split(/( +)/)) {
    const cells = textWidth(word);
    if (used + cells <= room) {
      line += word;
      used += cells;
      continue;
    }
    if (/^ +$/.test(word)) {
      start();
      continue;
    }
    if (cells <= room - textWidth(hanging) && used > 0) {
      if (line.trim() !== '') start();
      line += word;
      used += cells;
      continue;
    }
    for (const { segment } of segmenter.segment(word)) {
      const own = textWidth(segment);
      if (used + own > room && line.trim() !== '') start();
      line += segment;
      used += own;
    }
  }
  if (line.trim() !== '' || lines.length === 0) lines.push(line.trimEnd());
  return lines;
}
